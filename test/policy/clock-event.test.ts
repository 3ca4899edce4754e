import { expect, test } from "vitest";
import { lookAtClock, type ClockKnown } from "../../src/policy/clock-event.ts";

const MINUTE_MS = 60_000;
const BEGAN = Date.UTC(2026, 10, 28);

/** Looks at these moments of a boot; `off`: how wrong the time is, undefined: it is not known. Returns when events were due. */
const dueAt = (wasKnown: boolean, looks: readonly (readonly [mono: number, off: number | undefined])[]) => {
  let known: ClockKnown = { isKnown: wasKnown };
  return looks.flatMap(([mono, off]) => {
    const at = BEGAN + mono + (off ?? 0);
    const look = lookAtClock(known, { at, mono, clock: off === undefined ? "unset" : "gnss" });
    known = look.known;
    return look.isDue ? [mono] : [];
  });
};

test("an event is due each time that the time becomes known", () => {
  expect(
    dueAt(false, [
      [0, undefined],
      [1, 0],
      [2, 0],
      [3, undefined],
      [4, 0],
    ]),
  ).toEqual([1, 4]);
});

test("none is due if the time was known from the start, however it is corrected", () => {
  expect(
    dueAt(true, [
      [0, 0],
      [MINUTE_MS, 10 * MINUTE_MS],
    ]),
  ).toEqual([]);
});

test("another one is due when the last was off by more than a minute, and a minute has passed", () => {
  const wrong = 365 * 86_400_000;
  expect(
    dueAt(false, [
      [1, wrong],
      [10, 0],
      [MINUTE_MS, 0],
      [MINUTE_MS + 1, 0],
      [3 * MINUTE_MS, 0],
    ]),
  ).toEqual([1, MINUTE_MS + 1]);
  expect(
    dueAt(false, [
      [1, MINUTE_MS],
      [3 * MINUTE_MS, 0],
    ]),
  ).toEqual([1]);
  expect(
    dueAt(false, [
      [1, MINUTE_MS + 1],
      [3 * MINUTE_MS, 0],
    ]),
  ).toEqual([1, 3 * MINUTE_MS]);
});
