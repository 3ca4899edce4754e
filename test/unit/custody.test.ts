import { expect, test } from "vitest";
import { openWorld } from "./whole-unit.ts";

const RECEIPT = "patrol/v1/zrenjanin/zr-117/receipt";

const openHeard = async (dispatch: string) => {
  const world = openWorld([{}]);
  const { unit, page } = await world.start("", false, "zr-117", dispatch);
  await world.wait(20_000);
  const boot = world.heard.find(
    ({ report }) => (report["data"] as { type?: string })?.type === "boot",
  )!.report;
  const say = async (
    upTo: number,
    missing: [number, number][] = [],
    at = world.time.host(),
  ): Promise<void> => {
    const receipt = { store: boot["store"], upTo, missing, by: "db", at: new Date(at).toISOString() };
    world.brokers[0]!.broker.publish(RECEIPT, Buffer.from(JSON.stringify(receipt)), { retain: true });
    await world.wait(1_000);
  };
  return { world, unit, page, say, seq: Number(boot["seq"]) };
};

test("with custody broker a configuration has proved itself once the birth is acknowledged", async () => {
  const { unit } = await openHeard("custody: broker");
  expect([unit.reached(), unit.proven()]).toEqual([true, true]);
});

test("with custody dispatch it has once a receipt covers the boot event", async () => {
  const { unit, say, seq } = await openHeard("custody: dispatch");
  expect([unit.reached(), unit.proven()]).toEqual([true, false]);
  await say(seq, [[seq, seq]]);
  expect(unit.proven()).toBe(false);
  await say(seq);
  expect(unit.proven()).toBe(true);
});

test("the newest receipt is remembered once a minute, and at the stop", async () => {
  const { world, unit, say, seq } = await openHeard("");
  const writes = (): number => world.disk.places.filter(Boolean).length;
  expect(writes()).toBeGreaterThan(0);
  const generations = (): string => world.disk.places.map((place) => place?.toString("latin1") ?? "").join();
  await say(seq);
  await world.wait(2_000);
  const before = generations();
  for (let n = 0; n < 5; n++) await say(seq);
  expect(generations()).toBe(before);
  await world.settle(Promise.resolve(unit[Symbol.asyncDispose]()));
  expect(generations()).toContain('"upTo"');
});
