import { expect, test } from "vitest";
import type { Gap } from "../../src/outbox/recovery.ts";
import { openWorld } from "./whole-unit.ts";

type World = ReturnType<typeof openWorld>;

const isEmergency = ({ topic }: World["heard"][number]): boolean => topic.includes("/emergency/");
const stop = async (world: World, { unit }: Awaited<ReturnType<World["start"]>>): Promise<void> => {
  await world.settle(unit.drained());
  await world.settle(Promise.resolve(unit[Symbol.asyncDispose]()));
};

/** The units in the envelopes of all reports that dispatch has. */
const unitsOf = (world: World): unknown[] =>
  world.heard.flatMap(({ report }) => (report["seq"] === undefined ? [] : [report["unit"]]));

/** The numbers of a unit, up to its newest, that dispatch neither has nor was told of. */
const missingOf = (world: World, unit: string): number[] => {
  const known = new Set<number>();
  for (const { report } of world.heard) {
    if (report["unit"] !== unit || report["seq"] === undefined) continue;
    known.add(Number(report["seq"]));
    const { type, from, to, kept = [] } = report["data"] as Partial<Gap>;
    if (type === "gap" && from !== undefined && to !== undefined)
      for (let seq = from; seq <= to; seq++) if (!kept.includes(seq)) known.add(seq);
  }
  return Array.from({ length: Math.max(...known) }, (_, n) => n + 1).filter((seq) => !known.has(seq));
};

test("a unit of which nothing is pending can be renamed", async () => {
  const world = openWorld();
  const life = await world.start();
  await world.wait(5_000);
  await stop(world, life);
  await expect(world.start("", false, "zr-118")).resolves.toBeDefined();
});

test("a unit cannot be renamed while a broker may keep a retained emergency of the old name", async () => {
  const world = openWorld();
  const [first, second] = [world.brokers[0]!, world.brokers[1]!];
  const life = await world.start();
  await world.wait(3_000);
  life.board.press({ board: "aaaaaaaa", number: 1, loop: 0, count: 1, ageMs: 0 });
  await world.wait(20_000, () =>
    world.heard.some((one) => isEmergency(one) && one.broker === second.broker.name),
  );
  second.broker.faults.down = true;
  world.network.reset(second.route);
  const { topic } = world.heard.find(isEmergency)!;
  first.broker.publish(`${topic}/ack`, Buffer.from(JSON.stringify({ stage: "cleared" })), {});
  await world.wait(20_000);
  await stop(world, life);
  await expect(world.start("", false, "zr-118")).rejects.toThrow(
    /expected zrenjanin\/zr-117, found zrenjanin\/zr-118: 0 reports and 1 retained emergency of zrenjanin\/zr-117 are pending/,
  );
  second.broker.faults.down = false;
  const again = await world.start();
  await world.wait(90_000);
  expect(second.broker.retained(topic)).toBeUndefined();
  await stop(world, again);
  await expect(world.start("", false, "zr-118")).resolves.toBeDefined();
});

test("a refused rename leaves what the start declares to the old name", async () => {
  const world = openWorld();
  const life = await world.start();
  await world.wait(5_000);
  await world.settle(life.unit.drained());
  // Everything is at dispatch, and numbers are leased.
  life.process.kill();
  world.network.processGone(true);
  world.disk.cut();
  await expect(world.start("", false, "zr-118")).rejects.toThrow(/are pending/);
  const again = await world.start();
  await world.wait(30_000);
  await world.settle(again.unit.drained());
  expect(new Set(unitsOf(world))).toEqual(new Set(["zrenjanin/zr-117"]));
  expect(missingOf(world, "zrenjanin/zr-117")).toEqual([]);
});

test("a renamed unit has a new store, in which every number is there or declared", async () => {
  const world = openWorld();
  await stop(world, await world.start());
  const renamed = await world.start("", false, "zr-118");
  await world.wait(30_000);
  await world.settle(renamed.unit.drained());
  expect(new Set(world.heard.flatMap(({ report: { store } }) => store ?? [])).size).toBe(2);
  expect(missingOf(world, "zrenjanin/zr-118")).toEqual([]);
  const repaired = world.heard.filter(
    ({ report }) => (report["data"] as { part?: string })?.part === "outbox",
  );
  expect(repaired).toEqual([]);
});
