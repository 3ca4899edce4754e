import { expect, test } from "vitest";
import { WireReport } from "../../src/domain/report.ts";
import { addRange, complement, type Runs } from "../../src/domain/runs.ts";
import { openWorld } from "./whole-unit.ts";

const HOUR_MS = 3_600_000;
const RECEIPT = "patrol/v1/zrenjanin/zr-117/receipt";

/** Dispatch moves to another database, which was not there for two hours. A day later it gets what it lacks. */
test("what a new recorder lacks is kept until its receipts count, and is sent again then", async () => {
  const world = openWorld([{}]);
  const { page } = await world.start("report: { standingS: 900 }");
  await world.wait(20_000);
  const { store } = (await world.settle(page.status())) as { store: string };
  const numbersSince = (since: number): Runs => {
    const have: Runs = [];
    for (const { report } of world.heard.slice(since)) {
      const { data } = WireReport.safeParse(report);
      if (data?.store === store) addRange(have, data.seq, data.seq);
    }
    return have;
  };
  const say = (by: string, from: number, have: Runs): void => {
    const upTo = have.at(-1)![1];
    const missing = complement(have, from, upTo).slice(0, 100);
    const at = new Date(world.time.host()).toISOString();
    const receipt = { store, upTo, missing, by, at };
    world.brokers[0]!.broker.publish(RECEIPT, Buffer.from(JSON.stringify(receipt)), { retain: true });
  };
  say("the old one", 1, numbersSince(0));
  await world.wait(60_000);
  const from = numbersSince(0).at(-1)![1] + 1;
  await world.wait(2 * HOUR_MS);
  const since = world.heard.length;
  const last = numbersSince(0).at(-1)![1];
  for (let n = 0; n < 27 * 2; n++) {
    // oxlint-disable-next-line no-await-in-loop -- a receipt each half hour
    await world.wait(HOUR_MS / 2);
    say("the new one", from, numbersSince(since));
  }
  await world.wait(60_000);
  expect(complement(numbersSince(since), from, last)).toEqual([]);
  expect(world.events().filter(({ type, reason }) => type === "gap" && reason === "broker")).toEqual([]);
});
