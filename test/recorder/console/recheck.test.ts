import { expect, test } from "vitest";
import type { Touched } from "../../../src/recorder/console/fleet.ts";
import { heardMessage } from "../../../src/recorder/console/heard.ts";
import { Recheck, SETTLED_MS } from "../../../src/recorder/console/recheck.ts";
import { SimulatedTime } from "../../simulation/time.ts";
import { emergencyData, UNIT, wire } from "../reports.ts";
import { EPISODE, NOW, openBench } from "./messages.ts";

/** A console with one open emergency, whose connection was lost and is there again. */
const openAgain = () => {
  const bench = openBench();
  bench.emergency(1, {}, {}, true);
  const time = new SimulatedTime(NOW);
  const touched: Touched[] = [];
  const recheck = new Recheck(bench.fleet, time, (one) => touched.push(one));
  recheck.begin();
  return { bench, time, touched, recheck };
};
const retained = heardMessage("patrol/v1", `patrol/v1/${UNIT}/position`, Buffer.from("{}"), true);

test("an open emergency of which no copy comes after a new subscription is shown as unconfirmed", async () => {
  const { bench, time, touched } = openAgain();
  await time.run(SETTLED_MS - 1);
  expect(bench.episode()!.isUnconfirmed).toBeUndefined();
  await time.run(SETTLED_MS);
  expect(bench.episode()).toMatchObject({ isUnconfirmed: true, state: "active", ended: undefined });
  expect(touched).toMatchObject([{ episodes: [`${UNIT} ${EPISODE}`], isUrgent: true }]);
});

test("one of which the copy comes is not", async () => {
  const { bench, time } = openAgain();
  bench.emergency(1, {}, {}, true);
  await time.run(SETTLED_MS);
  expect(bench.episode()!.isUnconfirmed).toBeUndefined();
});

test("a report from the backlog confirms nothing", async () => {
  const { bench, time } = openAgain();
  bench.history(wire(2, { kind: "emergency", data: emergencyData() }));
  await time.run(SETTLED_MS);
  expect(bench.episode()!.isUnconfirmed).toBe(true);
});

test("an unconfirmed one is confirmed by the next report of it", async () => {
  const { bench, time } = openAgain();
  await time.run(SETTLED_MS);
  bench.emergency(1, { attempt: 2 });
  expect(bench.episode()!.isUnconfirmed).toBeUndefined();
});

test("while retained messages come, the console waits", async () => {
  const { bench, time, recheck } = openAgain();
  await time.run(SETTLED_MS - 1);
  recheck.hear(retained);
  await time.run(2 * SETTLED_MS - 2);
  expect(bench.episode()!.isUnconfirmed).toBeUndefined();
  await time.run(2 * SETTLED_MS - 1);
  expect(bench.episode()!.isUnconfirmed).toBe(true);
});

test("if the connection is lost again meanwhile, nothing follows from what has not come", async () => {
  const { bench, time, recheck } = openAgain();
  recheck[Symbol.dispose]();
  await time.run(2 * SETTLED_MS);
  expect(bench.episode()!.isUnconfirmed).toBeUndefined();
});
