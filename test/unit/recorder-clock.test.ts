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

test.each([5, 11, 15, 120, 600])(
  "a recorder's clock that falls %i minutes behind while the car is off, and a lost PUBACK, are no restored card",
  async (minutes) => {
    const world = openWorld([{}]);
    const { broker } = world.brokers[0]!;
    const behindMs = minutes * MINUTE_MS;
    const cut = (process: { kill(): void }) => {
      process.kill();
      world.network.processGone(true);
      world.disk.cut();
    };
    const first = await world.start();
    await world.wait(20_000);
    const { store } = (await world.settle(first.page.status())) as { store: string };
    for (let n = 0; n < 10; n++) {
      sayReceipt(world, store, 0);
      await world.wait(10_000);
    }
    cut(first.process);
    await world.wait(behindMs + 10 * MINUTE_MS);
    broker.faults.slowMs = 8_000;
    const before = world.heard.length;
    const second = await world.start();
    await world.wait(120_000, () =>
      world.heard.slice(before).some(({ report }) => report["kind"] === "event"),
    );
    await world.wait(2_000);
    sayReceipt(world, store, behindMs);
    cut(second.process);
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
