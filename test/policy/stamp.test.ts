import { expect, test } from "vitest";
import { stampFix } from "../../src/policy/stamp.ts";

test.each([
  ["trusted", "gnss", { at: 1, clock: "gnss" }],
  ["trusted", "unset", { at: 1, clock: "gnss" }],
  ["misdated", "gnss", { at: 2, clock: "gnss" }],
  ["misdated", "unset", { at: 1, clock: "unset" }],
  ["unconfirmed", "gnss", { at: 2, clock: "gnss" }],
  ["unconfirmed", "ntp", { at: 2, clock: "ntp" }],
  ["unconfirmed", "unset", { at: 1, clock: "unset" }],
] as const)("a fix with a time that is %s, under a clock that is %s", (time, clock, stamp) => {
  expect(stampFix(1, time, { at: 2, clock })).toEqual(stamp);
});
