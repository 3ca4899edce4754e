import { expect, test } from "vitest";
import { LateCopies } from "../../src/dispatch/late-copies.ts";

const [A, B] = ["mqtts://a:8883", "mqtts://b:8883"];
const [ONE, TWO] = ["01JD9Z4K6M8N0P2Q4R6S8T0V2W", "01JD9Z4K6M8N0P2Q4R6S8T0V2X"];
const DEAD_MS = 30_000;
/** DEAD_MS and 10 s. */
const LATE_MS = 40_000;

test("a copy may come until the broker must have given up the closed connection, and 10 s", () => {
  const late = new LateCopies(DEAD_MS);
  late.closed(A, [ONE], 1_000);
  const when = [1_000, 1_000 + LATE_MS - 1, 1_000 + LATE_MS].map((now) => late.mayCome(A, ONE, now));
  expect(when).toEqual([true, true, false]);
});

test("only the episodes without an answer may come back, and only at the broker of the connection", () => {
  const late = new LateCopies(DEAD_MS);
  late.closed(A, [ONE], 0);
  late.closed(B, [], 0);
  expect([late.mayCome(A, ONE, 1), late.mayCome(A, TWO, 1), late.mayCome(B, ONE, 1)]).toEqual([
    true,
    false,
    false,
  ]);
});

test("the newest connection that was closed counts, and one without the episode changes nothing", () => {
  const late = new LateCopies(DEAD_MS);
  late.closed(A, [ONE], 0);
  late.closed(A, [TWO], 20_000);
  expect(late.mayCome(A, ONE, LATE_MS)).toBe(false);
  late.closed(A, [ONE], 30_000);
  late.closed(A, [], 60_000);
  expect([late.mayCome(A, ONE, 30_000 + LATE_MS - 1), late.mayCome(A, ONE, 30_000 + LATE_MS)]).toEqual([
    true,
    false,
  ]);
});
