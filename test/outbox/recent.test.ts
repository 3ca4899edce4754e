import { expect, test } from "vitest";
import { Recent } from "../../src/outbox/recent.ts";

test("the latest numbers are remembered: half of the limit for certain, and never more than the limit", () => {
  const recent = new Recent(100);
  for (let seq = 1; seq <= 1_000; seq++) {
    recent.add(seq);
    expect(recent.size).toBeLessThanOrEqual(100);
    for (let late = Math.max(1, seq - 48); late <= seq; late++) expect(recent.has(late)).toBe(true);
    expect(recent.has(seq - 100)).toBe(false);
  }
  recent.clear();
  expect([recent.size, recent.has(1_000)]).toEqual([0, false]);
});

test("a million numbers are remembered within seconds", () => {
  const recent = new Recent(131_072);
  const begun = performance.now();
  for (let seq = 0; seq < 1_000_000; seq++) recent.add(seq);
  // Deleting the oldest number for each new one took 17 s.
  expect(performance.now() - begun).toBeLessThan(4_000);
});
