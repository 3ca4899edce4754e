import { expect, test } from "vitest";
import { WireReport } from "../../src/domain/report.ts";
import { addRange, complement, type Runs } from "../../src/domain/runs.ts";
import { openWorld } from "./whole-unit.ts";

const MINUTE_MS = 60_000;
const RECEIPT = "patrol/v1/zrenjanin/zr-117/receipt";

/** A recorder with what has been heard; its clock is behind by so much. */
const sayReceipt = (
  { heard, brokers, time }: ReturnType<typeof openWorld>,
  store: string,
  behindMs: number,
) => {
  const have: Runs = [];
  for (const { report } of heard) {
    const { data: read } = WireReport.safeParse(report);
    if (read?.store === store) addRange(have, read.seq, read.seq);
  }
  const upTo = have.at(-1)![1];
  const at = new Date(time.host() - behindMs).toISOString();
  const receipt = { store, upTo, missing: complement(have, 1, upTo), by: "recorder", at };
  brokers[0]!.broker.publish(RECEIPT, Buffer.from(JSON.stringify(receipt)), { retain: true });
};

const cut = (world: ReturnType<typeof openWorld>, process: { kill(): void }): void => {
  process.kill();
  world.network.processGone(true);
  world.disk.cut();
};

test.each([5, 11, 15, 120, 600])(
  "a recorder's clock that falls %i minutes behind while the car is off, and a lost PUBACK, are no restored card",
  async (minutes) => {
    const world = openWorld([{}]);
    const { broker } = world.brokers[0]!;
    const behindMs = minutes * MINUTE_MS;
    const first = await world.start();
    await world.wait(20_000);
    const { store } = (await world.settle(first.page.status())) as { store: string };
    for (let n = 0; n < 10; n++) {
      sayReceipt(world, store, 0);
      await world.wait(10_000);
    }
    cut(world, first.process);
    await world.wait(behindMs + 10 * MINUTE_MS);
    broker.faults.slowMs = 8_000;
    const before = world.heard.length;
    const second = await world.start();
    await world.wait(120_000, () =>
      world.heard.slice(before).some(({ report }) => report["kind"] === "event"),
    );
    await world.wait(2_000);
    sayReceipt(world, store, behindMs);
    cut(world, second.process);
    await world.wait(3_000);
    broker.faults.slowMs = 0;
    await world.start();
    for (let n = 0; n < 12; n++) {
      await world.wait(10_000);
      sayReceipt(world, store, behindMs);
    }
    await world.wait(60_000);
    expect(world.events().filter(({ code }) => code === "restored")).toEqual([]);
  },
);

const HOURS_MS = 60 * MINUTE_MS;

test.each([
  {
    what: "a recorder 15 minutes behind, and a car without the time",
    before: 15,
    after: 15,
    unset: true,
    ahead: 0,
  },
  { what: "a recorder that is set right while the car is off", before: 60, after: 0, unset: false, ahead: 0 },
  { what: "a car whose clock was 2 hours ahead", before: 0, after: 0, unset: false, ahead: 120 },
  { what: "a car whose clock was 2 days ahead", before: 0, after: 0, unset: false, ahead: 2_880 },
])("$what: a lost PUBACK is no restored card", async ({ before, after, unset, ahead }) => {
  const world = openWorld([{}]);
  const { broker } = world.brokers[0]!;
  world.host.behindMs = -ahead * MINUTE_MS;
  const first = await world.start();
  await world.wait(20_000);
  const { store } = (await world.settle(first.page.status())) as { store: string };
  for (let n = 0; n < 10; n++) {
    sayReceipt(world, store, before * MINUTE_MS);
    await world.wait(10_000);
  }
  broker.faults.slowMs = 9_000;
  const heard = world.heard.length;
  await world.wait(90_000, () => world.heard.slice(heard).some(({ report }) => report["kind"] === "health"));
  await world.wait(2_000);
  sayReceipt(world, store, before * MINUTE_MS);
  cut(world, first.process);
  await world.wait(8 * HOURS_MS);
  broker.faults.slowMs = 0;
  world.host.behindMs = 0;
  world.host.synchronised = !unset;
  // The recorder answers the birth before the slow link has carried the reports that wait.
  world.network.change(world.brokers[0]!.route, { latencyMs: 40, bytesPerS: 4_000 });
  broker.listen({
    filter: "patrol/v1/zrenjanin/zr-117/state",
    receive({ payload }) {
      if (payload.includes("online"))
        world.time.after(250, () => sayReceipt(world, store, after * MINUTE_MS));
    },
  });
  await world.start();
  for (let n = 0; n < 12; n++) {
    if (n === 6) world.host.synchronised = true;
    await world.wait(n === 0 ? 3_000 : 10_000);
    sayReceipt(world, store, after * MINUTE_MS);
  }
  await world.wait(60_000);
  expect(world.events().filter(({ code }) => code === "restored")).toEqual([]);
});

test("a car that had a wrong date for a moment before the power was cut holds no restored card", async () => {
  const world = openWorld([{}]);
  const { broker } = world.brokers[0]!;
  world.host.behindMs = -120 * MINUTE_MS;
  world.host.synchronised = false;
  const first = await world.start();
  await world.wait(20_000);
  const { store } = (await world.settle(first.page.status())) as { store: string };
  sayReceipt(world, store, 0);
  await world.wait(10_000);
  world.host.synchronised = true;
  await world.wait(2_000);
  sayReceipt(world, store, 0);
  await world.wait(2_000);
  broker.faults.slowMs = 9_000;
  first.board.press({ board: "aaaaaaaa", number: 1, loop: 0, count: 1, ageMs: 0 });
  await world.wait(2_000);
  sayReceipt(world, store, 0);
  cut(world, first.process);
  await world.wait(MINUTE_MS);
  broker.faults.slowMs = 0;
  world.host.behindMs = 0;
  world.host.synchronised = false;
  await world.start();
  for (let n = 0; n < 6; n++) {
    await world.wait(10_000);
    sayReceipt(world, store, 0);
  }
  expect(world.events().filter(({ code }) => code === "restored")).toEqual([]);
});
