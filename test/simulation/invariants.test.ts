import { expect, test } from "vitest";
import { describeViolation, INVARIANTS } from "./invariants.ts";
import { check, disk, lamp, sent } from "./invariants/history.ts";

test("no two invariants have the same name", () => {
  expect(new Set(INVARIANTS.map(({ name }) => name)).size).toBe(INVARIANTS.length);
});

test("a violation says what, when, what led to it and how to see it again", () => {
  const violation = check(INVARIANTS, [
    [3_661.5, disk([{}])],
    [3_662, sent(0x10), lamp("sent")],
  ]);
  const text = describeViolation(violation!, "npm run simulate -- --seed 7");
  expect(text).toContain("lamp-is-true: the lamp shows sent, no open episode has got that far");
  expect(text).toContain("at 1:01:02.000 of simulated time");
  expect(text).toContain('1:01:01.500 {"what":"durable"');
  expect(text).toContain("again: npm run simulate -- --seed 7");
});
