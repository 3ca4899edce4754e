import { describe, expect, test } from "vitest";
import { Acknowledged } from "../../src/custody/acknowledged.ts";
import { Missing } from "../../src/custody/missing.ts";

const MINUTE_MS = 60_000;

describe("missing numbers", () => {
  test("are due at once, then after a minute doubling to an hour", () => {
    const missing = new Missing();
    missing.list([[5, 9]], 0);
    const dueAt: number[] = [];
    for (let now = 0; now < 5 * 60 * MINUTE_MS; now += MINUTE_MS / 2) {
      const stretch = missing.due(now);
      if (!stretch) continue;
      expect(stretch).toEqual({ from: 5, to: 9 });
      dueAt.push(now / MINUTE_MS);
      missing.looked(stretch, 9, now);
      missing.list([[5, 9]], now);
    }
    expect(dueAt).toEqual([0, 1, 3, 7, 15, 31, 63, 123, 183, 243]);
  });

  test("are forgotten when a receipt lists them no more", () => {
    const missing = new Missing();
    missing.list([[5, 9]], 0);
    missing.list([], 1);
    expect(missing.due(1e9)).toBeUndefined();
  });

  test("are all due again when the link has left a broker that does not deliver them", () => {
    const missing = new Missing();
    missing.list([[5, 9]], 0);
    for (const now of [0, MINUTE_MS, 3 * MINUTE_MS]) missing.looked({ from: 5, to: 9 }, 9, now);
    missing.anew(4 * MINUTE_MS);
    expect(missing.due(4 * MINUTE_MS)).toEqual({ from: 5, to: 9 });
    missing.looked({ from: 5, to: 9 }, 9, 4 * MINUTE_MS);
    expect(missing.due(5 * MINUTE_MS)).toEqual({ from: 5, to: 9 });
  });

  test("a long stretch is looked at in parts", () => {
    const missing = new Missing();
    missing.list([[1, 10_000]], 0);
    missing.looked({ from: 1, to: 10_000 }, 4_096, 0);
    expect(missing.due(0)).toEqual({ from: 4_097, to: 10_000 });
    missing.looked({ from: 4_097, to: 10_000 }, 10_000, 0);
    expect(missing.due(0)).toBeUndefined();
    expect(missing.due(MINUTE_MS)).toEqual({ from: 1, to: 10_000 });
  });

  test("a number that is new beside an old one does not wait for it", () => {
    const missing = new Missing();
    missing.list([[5, 9]], 0);
    missing.looked({ from: 5, to: 9 }, 9, 0);
    missing.list([[5, 12]], 1_000);
    expect(missing.due(1_000)).toEqual({ from: 10, to: 12 });
  });

  test("what has arrived in the middle splits a stretch, and each part keeps its pause", () => {
    const missing = new Missing();
    missing.list([[1, 9]], 0);
    missing.looked({ from: 1, to: 9 }, 9, 0);
    missing.list([[1, 3], [7, 9]], 1_000); // prettier-ignore
    expect(missing.due(MINUTE_MS - 1)).toBeUndefined();
    expect(missing.due(MINUTE_MS)).toEqual({ from: 1, to: 3 });
  });

  test("many parts of a stretch become one", () => {
    const missing = new Missing();
    for (let n = 1; n <= 600; n++) {
      missing.list([[1, n]], n);
      missing.looked(missing.due(n)!, n, n);
    }
    expect(missing.due(601)).toBeUndefined();
    expect(missing.due(MINUTE_MS + 601)).toEqual({ from: 1, to: expect.any(Number) });
  });
});

describe("acknowledged numbers", () => {
  test("are ripe 30 s after the acknowledgement", () => {
    const acknowledged = new Acknowledged(0);
    acknowledged.add(7, 40_000);
    acknowledged.add(8, 45_000);
    expect(acknowledged.ripe([[1, 9]], 69_000)).toEqual([[1, 6], [9, 9]]); // prettier-ignore
    expect(acknowledged.ripe([[1, 9]], 71_000)).toEqual([[1, 7], [9, 9]]); // prettier-ignore
    expect(acknowledged.ripe([[1, 9]], 77_000)).toEqual([[1, 9]]);
  });

  test("of an earlier life are ripe 30 s after the start", () => {
    const acknowledged = new Acknowledged(1_000);
    expect(acknowledged.ripe([[1, 9]], 30_999)).toEqual([]);
    expect(acknowledged.ripe([[1, 9]], 31_000)).toEqual([[1, 9]]);
  });
});
