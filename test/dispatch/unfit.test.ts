import { expect, test } from "vitest";
import { Unfit } from "../../src/dispatch/unfit.ts";

const MINUTE_MS = 60_000;

/** How long a report waits on a new connection before the link leaves, in minutes. */
const waitOf = (unfit: Unfit): number => {
  unfit.found(0);
  for (let minutes = 1; minutes <= 60; minutes++) if (unfit.isDue(minutes * MINUTE_MS)) return minutes;
  return Infinity;
};

test("a broker is not left while every report fits it", () => {
  expect(new Unfit().isDue(Infinity)).toBe(false);
});

test("the wait is a minute from the first report that does not fit", () => {
  const unfit = new Unfit();
  unfit.found(0);
  unfit.found(50_000);
  expect([unfit.isDue(MINUTE_MS - 1), unfit.isDue(MINUTE_MS)]).toEqual([false, true]);
});

test("it doubles to an hour while the link comes back to such a broker", () => {
  const unfit = new Unfit();
  const waits = Array.from({ length: 8 }, () => {
    const wait = waitOf(unfit);
    unfit.left();
    unfit.ended(1);
    return wait;
  });
  expect(waits).toEqual([1, 2, 4, 8, 16, 32, 60, 60]);
});

test("it is a minute again after a connection that delivered everything, not after one that delivered nothing", () => {
  const unfit = new Unfit();
  waitOf(unfit);
  unfit.left();
  unfit.ended(1);
  unfit.ended(0);
  expect(waitOf(unfit)).toBe(2);
  unfit.ended(0);
  unfit.ended(3);
  expect(waitOf(unfit)).toBe(1);
});
