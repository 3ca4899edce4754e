import { expect, test } from "vitest";
import { Pauses } from "../../src/dispatch/pauses.ts";

const HOUR_MS = 3_600_000;

/** Refuses again and again, each time when the pause is over; the lengths of the pauses. */
const lengths = (pause: (pauses: Pauses, now: number) => void, times: number): number[] => {
  const pauses = new Pauses();
  let now = 0;
  return Array.from({ length: times }, () => {
    pause(pauses, now);
    const length = pauses.next(now)! - now;
    now += length;
    return length;
  });
};

test("a refused channel waits 30 s, doubling to an hour", () => {
  expect(lengths((pauses, now) => void pauses.refuse("event", now), 9)).toEqual([
    30_000,
    60_000,
    120_000,
    240_000,
    480_000,
    960_000,
    1_920_000,
    HOUR_MS,
    HOUR_MS,
  ]);
});

test("refused emergencies are tried again every 30 s", () => {
  expect(lengths((pauses, now) => void pauses.refuse("emergency", now), 4)).toEqual([
    30_000, 30_000, 30_000, 30_000,
  ]);
});

test("a channel that nobody has subscribed to waits 5 s, doubling to a minute", () => {
  expect(lengths((pauses, now) => pauses.unheard("event", "event", now), 6)).toEqual([
    5_000, 10_000, 20_000, 40_000, 60_000, 60_000,
  ]);
});

test("several refusals of what was on the wire together are one", () => {
  const pauses = new Pauses();
  expect([0, 1, 2].map((now) => pauses.refuse("event", now))).toEqual([true, false, false]);
  expect(pauses.next(3)).toBe(30_000);
});

test("a channel waits until its pause is over, and the others do not", () => {
  const pauses = new Pauses();
  pauses.refuse("event", 0);
  expect([pauses.waits("event", 29_999), pauses.waits("event", 30_000)]).toEqual([true, false]);
  expect(pauses.waits("position", 0)).toBe(false);
  expect(pauses.next(30_000)).toBeUndefined();
});

test("only a refusal counts as refused", () => {
  const pauses = new Pauses();
  pauses.unheard("emergency", "emergency", 0);
  expect([pauses.waits("emergency", 1), pauses.refused("emergency", 1)]).toEqual([true, false]);
});

test("a message that is heard ends the pauses for want of subscribers, not those of refusals", () => {
  const pauses = new Pauses();
  pauses.unheard("position", "history", 0);
  pauses.refuse("event", 0);
  pauses.taken("position");
  expect([pauses.waits("history", 1), pauses.waits("event", 1)]).toEqual([false, true]);
});

test("a message of a channel that was always heard ends nothing", () => {
  const pauses = new Pauses();
  pauses.unheard("position", "history", 0);
  pauses.taken("health");
  expect(pauses.waits("history", 1)).toBe(true);
});

test("the first refusal is told apart on each connection, also after the channel worked", () => {
  const pauses = new Pauses();
  pauses.refuse("event", 0);
  pauses.taken("event");
  expect(pauses.refuse("event", 60_000)).toBe(false);
  expect(pauses.next(60_000)).toBe(90_000);
});
