import { expect, test } from "vitest";
import * as z from "zod";
import { BUILT_MS, isPlausible } from "../../src/domain/built.ts";
import { isoInstant } from "../../src/domain/time.ts";

test.each([
  0,
  -1,
  1e15,
  -1e15,
  8.64e15,
  1e300,
  Infinity,
  -Infinity,
  Number.NaN,
  Date.UTC(20_266, 10, 22),
  0.5,
])("%d is written with a four-digit year", (at) => {
  expect(isoInstant(at)).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  expect(z.iso.datetime({ precision: 3 }).safeParse(isoInstant(at)).success).toBe(true);
});

test("a time that can be written is written as it is", () => {
  const at = Date.UTC(2026, 10, 22, 8, 58, 23, 120);
  expect(isoInstant(at)).toBe("2026-11-22T08:58:23.120Z");
});

test("a live time is plausible from the build to 20 years after it, and no longer", () => {
  const until = Date.UTC(2046, 10, 1);
  expect(BUILT_MS).toBe(Date.UTC(2026, 10, 1));
  expect([BUILT_MS - 1, BUILT_MS, until, until + 1, Number.NaN].map((at) => isPlausible(at))).toEqual([
    false,
    true,
    true,
    false,
    false,
  ]);
});
