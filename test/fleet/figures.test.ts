import { expect, test } from "vitest";
import { connectRate, legsOf, quantile, reportKey, spread } from "./figures.ts";

const values = Array.from({ length: 100 }, (_, n) => 100 - n);

test("a quantile does not depend on the order of the values, and the whole is the largest", () => {
  expect([quantile(values, 0), quantile(values, 0.5), quantile(values, 0.99), quantile(values, 1)]).toEqual([
    1, 51, 100, 100,
  ]);
  expect(quantile([], 0.5)).toBeUndefined();
});

test("a spread says of how many values it is", () => {
  expect(spread([1, 2, 3])).toBe("p50 2 p99 3 most 3 ms (3)");
  expect(spread([])).toBe("none");
});

test("the connect rate counts all connections up to the last", () => {
  expect(connectRate([1_000, 2_000, 500, 4_000])).toBe("half 2.0 s, 99 % 4.0 s, all 4.0 s: 1/s");
});

const report = { unit: "d/u", store: "k3v9q0ab" };

test("a report has the legs of which both ends are known", () => {
  const journeys = [
    { ...report, seq: 1, publishedAt: 1_000, receiptAt: 9_000 },
    { ...report, seq: 2, publishedAt: 2_000 },
    { ...report, seq: 3, publishedAt: 3_000, receiptAt: 9_000 },
  ];
  const committed = new Map([
    [reportKey({ ...report, seq: 1 }), 1_200],
    [reportKey({ ...report, seq: 2 }), 2_100],
  ]);
  expect(legsOf(journeys, committed)).toEqual({
    commit: [200, 100],
    receipt: [7_800],
    both: [8_000, 6_000],
  });
});
