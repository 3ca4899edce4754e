import { expect, test } from "vitest";
import { within } from "../../src/runtime/wait.ts";
import { SimulatedTime } from "../simulation/time.ts";

test("a promise that is settled in time leaves no timer behind", async () => {
  const time = new SimulatedTime(0);
  expect(await within(1_000, Promise.resolve(), time)).toBe(true);
  expect(await within(1_000, Promise.reject(new Error("refused")), time)).toBe(true);
  await time.run(2_000);
  expect(time.fired).toBe(0);
});

test("a promise that is not settled is given up after its time", async () => {
  const time = new SimulatedTime(0);
  const waiting = within(1_000, new Promise(() => undefined), time);
  await time.run(1_000);
  expect(await waiting).toBe(false);
});
