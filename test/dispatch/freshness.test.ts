import { expect, test } from "vitest";
import { Freshness } from "../../src/dispatch/freshness.ts";

test("what comes on a connection that has answered was written a moment ago", () => {
  const freshness = new Freshness();
  freshness.answered("a", 100);
  expect(freshness.waitedMs("a", 200)).toBeUndefined();
  expect(freshness.waitedMs("b", 200)).toBe(Infinity);
});

test("what a new connection brings before its first answer may have waited since the last answer of that broker", () => {
  const freshness = new Freshness();
  expect(freshness.waitedMs("a", 50)).toBe(Infinity);
  freshness.answered("a", 100);
  freshness.answered("a", 150);
  freshness.ended();
  freshness.answered("b", 500);
  expect(freshness.longestMs("a", 550)).toBe(400);
  freshness.ended();
  expect(freshness.waitedMs("a", 650)).toBe(500);
  freshness.answered("a", 700);
  expect(freshness.waitedMs("a", 700)).toBeUndefined();
});
