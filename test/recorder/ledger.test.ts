import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { essenceOf } from "../../src/recorder/conflict.ts";
import { hasNumber } from "../../src/domain/runs.ts";
import { declare, EMPTY_LEDGER, receiptOf, type Ledger } from "../../src/recorder/ledger.ts";
import { plan } from "../../src/recorder/plan.ts";
import { ledgerOf, rowsOf, tailOf, type RunRow } from "../../src/recorder/rows.ts";
import type { Accepted, Declaration } from "../../src/recorder/report.ts";
import type { Stream } from "../../src/recorder/store.ts";
import { tries } from "../tries.ts";
import { accepted, AT, emergencyData, STORE, UNIT } from "./reports.ts";

const KEY = `${UNIT} ${STORE}`;
const gap = (seq: number, from: number, to: number, kept: readonly number[] = []): Accepted => {
  const declaration: Declaration = { from, to, kept, reason: "retention" };
  return accepted(seq, { kind: "event" }, { kind: "gap", gap: declaration });
};
const after = (reports: readonly Accepted[], before?: Stream) => {
  const known = new Map(before ? [[KEY, before]] : []);
  return plan({ accepted: reports, rejected: [] }, known, before ? reports.map(essenceOf) : [], AT);
};
const ledgerAfter = (...reports: Accepted[]): Ledger => after(reports).streams[0]!.after.ledger;
const receipt = (ledger: Ledger) => receiptOf(ledger, STORE, "db", "now");

describe("a ledger", () => {
  test("thousands of gaps in one message, each with all that it may keep, do not keep the recorder from the others", () => {
    const GAPS = 1_200;
    const KEPT = 500;
    const span = 2 * KEPT + 1;
    const before = process.cpuUsage();
    let ledger = EMPTY_LEDGER;
    for (let n = 0; n < GAPS; n++) {
      const from = 1 + n * span;
      const kept = Array.from({ length: KEPT }, (_, i) => from + 1 + 2 * i);
      ledger = declare(ledger, { from, to: from + span - 1, kept, reason: "retention" });
    }
    expect(ledger.declared.get("retention")?.runs).toHaveLength(GAPS * KEPT + 1);
    // 0.4 s; a copy of the set for each run took 15 s.
    expect(process.cpuUsage(before).user / 1e6).toBeLessThan(5);
  });

  test("what was neither received nor declared up to the highest number is missing", () => {
    expect(ledgerAfter(accepted(3), accepted(7), gap(8, 4, 5)).missing.runs).toEqual([
      [1, 2],
      [6, 6],
    ]);
  });

  test("a gap does not declare what it lists as kept", () => {
    expect(ledgerAfter(gap(6, 1, 5, [2, 4])).missing.runs).toEqual([
      [2, 2],
      [4, 4],
    ]);
  });

  test("a gap that declares numbers beyond the highest does not raise it", () => {
    expect(receipt(ledgerAfter(gap(3, 1, 900_000)))).toMatchObject({ upTo: 3, missing: [] });
  });

  test("a declared number that comes all the same is new, and counts as received", () => {
    const first = after([gap(5, 1, 4)]).streams[0]!.after;
    const { reports, streams } = after([accepted(2)], first);
    expect(reports).toHaveLength(1);
    expect(streams[0]!.after.ledger.received.runs).toEqual([
      [2, 2],
      [5, 5],
    ]);
  });

  test("the plan does not change the committed ledger", () => {
    const first = after([accepted(1), gap(5, 2, 3)]).streams[0]!.after;
    const shown = () => [
      first.ledger.received.runs,
      first.ledger.missing.runs,
      first.ledger.declared.get("retention")?.runs,
    ];
    const before = shown();
    after([accepted(2), gap(9, 6, 8)], first);
    expect(shown()).toEqual(before);
  });

  test("the second copy of an emergency is a copy, of anything else a duplicate", () => {
    const emergency = accepted(
      1,
      { kind: "emergency", data: JSON.stringify(emergencyData()) },
      { kind: "emergency", episode: "x", state: "active", shortened: 0 },
    );
    const { reports, copies, streams } = after([emergency, emergency, accepted(2), accepted(2)]);
    expect(reports).toHaveLength(2);
    expect(copies).toEqual([emergency]);
    expect(streams[0]!.after.duplicates).toBe(2);
  });
});

describe("a receipt", () => {
  test("of nothing claims nothing", () => {
    expect(receipt(EMPTY_LEDGER)).toMatchObject({ upTo: 0, missing: [] });
  });

  test("with more than 100 missing ranges stops before the next one", () => {
    const odd = Array.from({ length: 300 }, (_, n) => accepted(2 * n + 2));
    const { upTo, missing: ranges } = receipt(ledgerAfter(...odd));
    expect(ranges).toHaveLength(100);
    expect(ranges.at(-1)).toEqual([199, 199]);
    expect(upTo).toBe(200);
  });

  test("claims exactly what was received or declared, whatever came in whatever order", () => {
    const step = fc.oneof(
      { weight: 5, arbitrary: fc.integer({ min: 1, max: 400 }).map((seq) => accepted(seq)) },
      fc
        .record({
          seq: fc.integer({ min: 1, max: 400 }),
          from: fc.integer({ min: 1, max: 300 }),
          length: fc.integer({ min: 0, max: 60 }),
          kept: fc.uniqueArray(fc.integer({ min: 1, max: 360 }), { maxLength: 20 }),
        })
        .map(({ seq, from, length, kept }) =>
          gap(
            seq,
            from,
            from + length,
            kept.toSorted((a, b) => a - b),
          ),
        ),
    );
    fc.assert(
      fc.property(fc.array(fc.array(step, { maxLength: 40 }), { maxLength: 8 }), (batches) => {
        const has = new Set<number>();
        const declared = new Set<number>();
        let stream: Stream | undefined;
        let rows = new Map<string, RunRow>();
        for (const batch of batches) {
          const [change] = after(batch, stream).streams;
          if (!change) continue;
          for (const { report, meaning } of batch) {
            const isNew = !has.has(report.seq);
            has.add(report.seq);
            if (!isNew || meaning.kind !== "gap") continue;
            const { from, to, kept } = meaning.gap;
            for (let n = from; n <= to; n++) if (!kept.includes(n)) declared.add(n);
          }
          const { written, gone } = rowsOf(change);
          for (const row of gone) rows.delete(`${row.kind} ${row.from}`);
          for (const row of written) rows.set(`${row.kind} ${row.from}`, row);
          stream = change.after;
        }
        if (!stream) return;
        const { upTo, missing: ranges } = receipt(stream.ledger);
        for (let n = 1; n <= upTo; n++)
          expect(hasNumber(ranges, n), `number ${n}`).toBe(!has.has(n) && !declared.has(n));
        expect(upTo).toBeLessThanOrEqual(Math.max(0, ...has));
        // The rows of the store say the same.
        const ordered = [...rows.values()].toSorted((a, b) => a.from - b.from);
        const loaded = ledgerOf(ordered, tailOf(stream.ledger));
        expect(loaded.received.runs).toEqual(stream.ledger.received.runs);
        expect(loaded.missing.runs).toEqual(stream.ledger.missing.runs);
      }),
      { numRuns: tries(300) },
    );
  });
});
