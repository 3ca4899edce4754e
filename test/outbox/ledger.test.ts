import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { addRange, complement, hasNumber, size, type Runs } from "../../src/outbox/runs.ts";
import {
  decodeLedger,
  encodeLedger,
  pendingCount,
  settle,
  unaccounted,
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
  test("every number made is settled, found or declared", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 100 }),
        fc.nat(50),
        fc.array(number),
        fc.array(number),
        (next, ahead, done, on) => {
          const ledger: Ledger = { boot: 1, next, lease: next + ahead, settled: [], thinned: [] };
          for (const seq of done) if (seq < next) settle(ledger, seq);
          const found = [...new Set(on)].filter((n) => n < ledger.lease).toSorted((a, b) => a - b);
          const gaps = unaccounted(ledger, found);
          for (let seq = 1; seq < ledger.lease; seq++) {
            const declared = gaps.filter((gap) => gap.from <= seq && seq <= gap.to);
            const known = hasNumber(ledger.settled, seq) || found.includes(seq);
            expect(declared).toHaveLength(known ? 0 : 1);
            if (declared[0]) expect(declared[0].reason).toBe(seq < next ? "corruption" : "power-cut");
          }
        },
      ),
    );
  });

  test("is read back as it was written", () => {
    const ledger: Ledger = {
      boot: 3,
      next: 10,
      lease: 74,
      settled: [
        [1, 4],
        [6, 6],
      ],
      thinned: [],
    };
    expect(decodeLedger(encodeLedger(ledger), [5, 7, 8, 9])).toEqual(ledger);
    expect(pendingCount(ledger)).toBe(4);
  });

  test("of a stretch that was thinned only its ends are written; what is found there is pending again", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 1, max: 200 })), fc.array(number), (kept, done) => {
        const ledger: Ledger = { boot: 1, next: 300, lease: 300, settled: [], thinned: [[20, 180]] };
        for (const seq of done) if (seq < 20) settle(ledger, seq);
        const found = kept.toSorted((a, b) => a - b);
        const pending = new Set(found.filter((seq) => seq >= 20 && seq <= 180));
        for (let seq = 20; seq <= 180; seq++) if (!pending.has(seq)) settle(ledger, seq);
        const text = encodeLedger(ledger);
        expect(text.length).toBeLessThan(600);
        const read = decodeLedger(text, found);
        for (let seq = 1; seq < 300; seq++)
          expect(hasNumber(read.settled, seq), String(seq)).toBe(hasNumber(ledger.settled, seq));
      }),
    );
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
