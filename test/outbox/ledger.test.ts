import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { addRange, complement, hasNumber, numbersOf, size, type Runs } from "../../src/domain/runs.ts";
import {
  limitRuns,
  decodeLedger,
  encodeLedger,
  fold,
  isSettled,
  oldestPending,
  pendingCount,
  settle,
  type Ledger,
} from "../../src/outbox/ledger.ts";
import { decodeKey, decodeRecord, encodeKey, encodeRecord } from "../../src/outbox/record.ts";
import type { Report } from "../../src/domain/report.ts";

const number = fc.integer({ min: 1, max: 200 });

describe("runs", () => {
  test("behave as a set of numbers", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(number, fc.nat(10))), (ranges) => {
        const runs: Runs = [];
        const set = new Set<number>();
        for (const [from, length] of ranges) {
          addRange(runs, from, from + length);
          for (let n = from; n <= from + length; n++) set.add(n);
        }
        expect(size(runs)).toBe(set.size);
        for (let n = 1; n < 220; n++) expect(hasNumber(runs, n)).toBe(set.has(n));
        // Sorted, disjoint and not touching: as few runs as there can be.
        for (let i = 1; i < runs.length; i++) expect(runs[i]![0]).toBeGreaterThan(runs[i - 1]![1] + 1);
        const holes = complement(runs, 5, 150);
        for (let n = 5; n <= 150; n++) expect(hasNumber(holes, n)).toBe(!set.has(n));
      }),
    );
  });
});

describe("ledger", () => {
  const numbers = (runs: Runs): number[] => [...numbersOf(runs)];

  test("is read back as it was written", () => {
    const ledger: Ledger = {
      next: 300,
      settled: [
        [1, 4],
        [6, 6],
      ],
      sparse: [[20, 180, 7]],
      gaps: [[190, 195, 5, 180]],
      carried: [],
    };
    const text = encodeLedger(ledger, { store: "k3v9q0ab", boot: 3, generation: 1, lease: 364, apart: [] });
    expect(decodeLedger(text)).toMatchObject({
      ...ledger,
      store: "k3v9q0ab",
      boot: 3,
      lease: 364,
      apart: [],
    });
    expect(decodeLedger("{}")).toBeUndefined();
  });

  test("folding keeps what is pending, in number and in place", () => {
    fc.assert(
      fc.property(
        fc.array(number),
        fc.array(fc.tuple(number, fc.nat(60)), { maxLength: 6 }),
        (done, folds) => {
          const ledger: Ledger = { next: 300, settled: [], sparse: [], gaps: [], carried: [] };
          for (const seq of done) addRange(ledger.settled, seq, seq);
          const pending = numbers(complement(ledger.settled, 1, 299));
          for (const [from, length] of folds) fold(ledger, from, Math.min(299, from + length));
          expect(pendingCount(ledger)).toBe(pending.length);
          for (const seq of pending) expect(isSettled(ledger, seq)).toBe(false);
          for (const [from, to, count] of ledger.sparse)
            expect(pending.filter((seq) => from <= seq && seq <= to)).toHaveLength(count);
          for (const seq of pending) settle(ledger, seq);
          expect(pendingCount(ledger)).toBe(0);
          expect(oldestPending(ledger)).toBe(300);
        },
      ),
    );
  });

  test("stays small whatever is settled, as long as the rest is on disk", () => {
    const ledger: Ledger = { next: 1_000_000, settled: [], sparse: [], gaps: [], carried: [] };
    let pending = 999_999;
    for (let seq = 2; seq < 1_000_000; seq += 2) {
      settle(ledger, seq);
      pending--;
      if (seq % 1_000 === 0) limitRuns(ledger, seq);
    }
    expect(ledger.settled.length).toBeLessThan(1_100);
    expect(ledger.sparse.length).toBeLessThanOrEqual(64);
    expect(pendingCount(ledger)).toBe(pending);
    expect(
      encodeLedger(ledger, { store: "k3v9q0ab", boot: 1, generation: 1, lease: 1, apart: [] }).length,
    ).toBeLessThan(32_768);
  });
});

describe("record", () => {
  const report = (seq: number, text: string): Report => ({
    v: 1,
    unit: "a/b",
    boot: 1,
    seq,
    kind: "event",
    at: "2026-11-22T08:58:23.120Z",
    clock: "gnss",
    mono: 1,
    data: { type: "fault", part: "gps", detail: text },
  });

  test("is read back as it was written, and keys sort by number", () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.maxSafeNat(), fc.string({ unit: "grapheme" }), (a, b, text) => {
        const key = encodeKey("event", a);
        expect(decodeKey(key)).toBe(a);
        expect(decodeRecord(key, encodeRecord(key, report(a, text)))).toEqual(report(a, text));
        expect(Math.sign(Buffer.compare(key, encodeKey("event", b)))).toBe(Math.sign(a - b));
      }),
    );
  });

  test("no flipped bit goes unnoticed, nor a record under another's key", () => {
    const key = encodeKey("event", 7);
    const value = encodeRecord(key, report(7, "x"));
    for (let bit = 0; bit < value.length * 8; bit++) {
      const damaged = Buffer.from(value);
      damaged[bit >> 3] = damaged[bit >> 3]! ^ (1 << (bit & 7));
      expect(decodeRecord(key, damaged)).toBeUndefined();
    }
    expect(decodeRecord(encodeKey("event", 8), value)).toBeUndefined();
  });
});
