import { expect, test } from "vitest";
import { addRange, complement, hasNumber, type Runs } from "../../src/domain/runs.ts";
import { WireReport } from "../../src/domain/report.ts";
import { openWorld } from "./whole-unit.ts";

type World = ReturnType<typeof openWorld>;
type Life = Awaited<ReturnType<World["start"]>>;

const RECEIPT = "patrol/v1/zrenjanin/zr-117/receipt";

/** What a recorder has of a store: numbers stored or declared. */
const storedOf = (world: World, store: string): Runs => {
  const have: Runs = [];
  for (const { report } of world.heard) {
    const read = WireReport.safeParse(report).data;
    if (read?.store !== store) continue;
    addRange(have, read.seq, read.seq);
    if (read.kind !== "event" || read.data.type !== "gap") continue;
    const kept = (read.data.kept ?? []).map((n): [number, number] => [n, n]);
    for (const [from, to] of complement(kept, read.data.from, read.data.to)) addRange(have, from, to);
  }
  return have;
};

const say = (world: World, store: string): void => {
  const have = storedOf(world, store);
  const upTo = have.at(-1)![1];
  const at = new Date(world.time.host()).toISOString();
  const receipt = { store, upTo, missing: complement(have, 1, upTo), by: "db", at };
  world.brokers[0]!.broker.publish(RECEIPT, Buffer.from(JSON.stringify(receipt)), { retain: true });
};

const cut = async (world: World, life: Life): Promise<void> => {
  life.process.kill();
  world.network.processGone(true);
  world.disk.cut();
  await world.wait(1_000);
};

/** A life, one on a disk that is read-only from before it began, and one on the same disk when it takes writes again. */
const threeLives = async () => {
  const world = openWorld([{}]);
  const first = await world.start();
  await world.wait(30_000);
  const { store } = (await world.settle(first.page.status())) as { store: string };
  say(world, store);
  await world.wait(5_000);
  // What it has not sent is lost with the next life.
  world.brokers[0]!.broker.faults.down = true;
  await world.wait(20_000);
  await cut(world, first);
  world.brokers[0]!.broker.faults.down = false;
  world.disk.fault = { kind: "read-only" };
  const second = await world.start();
  await world.wait(60_000);
  say(world, store);
  await cut(world, second);
  world.disk.fault = undefined;
  const third = await world.start();
  return { world, store, third };
};

test("numbers of a life whose disk took nothing are not those of a restored card: the store stays, and what is lost is declared", async () => {
  const { world, store } = await threeLives();
  await world.wait(60_000);
  say(world, store);
  await world.wait(120_000);
  expect(world.events().filter(({ code }) => code === "restored")).toEqual([]);
  expect(world.heard.at(-1)!.report["store"]).toBe(store);
  const have = storedOf(world, store);
  expect(complement(have, 1, have.at(-1)![1])).toEqual([]);
});

test("no number of such a life is given again", async () => {
  const { world, store } = await threeLives();
  await world.wait(180_000);
  const seen = new Map<number, string>();
  for (const { report } of world.heard) {
    const { seq, boot, mono, kind } = report as Record<string, unknown>;
    if (typeof seq !== "number" || kind === "emergency") continue;
    const what = JSON.stringify([boot, mono, kind]);
    expect([seq, seen.get(seq) ?? what]).toEqual([seq, what]);
    seen.set(seq, what);
  }
  expect(hasNumber(storedOf(world, store), 1)).toBe(true);
});
