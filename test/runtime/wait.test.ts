import { expect, test } from "vitest";
import { afterRunning, within } from "../../src/runtime/wait.ts";
import { LifeTime } from "../simulation/life.ts";
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

test("an answer that came while the process stood still is not missed", async () => {
  const time = new SimulatedTime(0);
  const life = new LifeTime(time);
  const answer = Promise.withResolvers<void>();
  const waiting = within(1_000, answer.promise, life);
  life.standStill();
  await time.run(8_000);
  life.goOn();
  time.after(1, () => answer.resolve()); // It is read after the timers that are due.
  await time.run(8_100);
  expect(await waiting).toBe(true);
});

test("an answer that does not come is missed a second after the process goes on", async () => {
  const time = new SimulatedTime(0);
  const life = new LifeTime(time);
  let missedAt: number | undefined;
  afterRunning(1_000, () => (missedAt = time.mono()), life);
  life.standStill();
  await time.run(8_000);
  life.goOn();
  await time.run(20_000);
  expect(missedAt).toBe(9_000);
});
