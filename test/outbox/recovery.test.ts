import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { LANES, type Lane } from "../../src/domain/pending.ts";
import { KEPT_MAX } from "../../src/domain/report.ts";
import { decodeLedger, emptyLedger, encodeLedger, fold, type Ledger } from "../../src/outbox/ledger.ts";
import { begunAt, gapsOf, recover, type Found, type Gap, type Known } from "../../src/outbox/recovery.ts";
import { addRange, hasNumber, numbersOf, type Runs } from "../../src/domain/runs.ts";
import { tries } from "../tries.ts";

const STORE = "k3v9q0ab";
const runsOf = (numbers: Iterable<number>): Runs => {
  const runs: Runs = [];
  for (const n of numbers) addRange(runs, n, n);
  return runs;
};
/** A life that has just begun with this number, and has done nothing yet. */
const begun = (first: number, more: Partial<Known> = {}): Known => ({ ...begunAt(first, STORE), ...more });
/** How often a number is declared. */
const declarations = (gaps: readonly Gap[]): Map<number, number> => {
  const times = new Map<number, number>();
  for (const { from, to, count, kept = [] } of gaps) {
    expect(kept.length).toBeLessThanOrEqual(KEPT_MAX);
    expect(kept).toEqual(kept.toSorted((a, b) => a - b));
    expect(count).toBe(to - from + 1 - kept.length);
    for (let n = from; n <= to; n++) if (!kept.includes(n)) times.set(n, (times.get(n) ?? 0) + 1);
  }
  return times;
};

/** What became of a number of the last life, or of this one. */
const fates = ["settled", "pending", "vanished", "never-written"] as const;
type Fate = (typeof fates)[number];
const life = fc.record({
  fates: fc.array(fc.constantFrom(...fates), { minLength: 1, maxLength: 120 }),
  lanes: fc.array(fc.constantFrom(...LANES), { minLength: 120, maxLength: 120 }),
  leasedAhead: fc.nat(20),
  /** How many of the last numbers the ledger on disk does not know of. */
  unknown: fc.nat(10),
  ledger: fc.constantFrom("whole", "missing", "of another store", "of 1.0"),
  whole: fc.boolean(),
  folds: fc.array(fc.tuple(fc.integer({ min: 1, max: 120 }), fc.nat(40)), { maxLength: 3 }),
  here: fc.array(fc.constantFrom("held", "gone"), { maxLength: 20 }),
});

describe("recovery", () => {
  test("every number below the next is found, settled, held or declared, and none is given again", () => {
    fc.assert(
      fc.property(life, (of) => {
        const given = of.fates.length;
        const next = Math.max(1, given + 1 - of.unknown);
        const first = given + 1 + of.leasedAhead;
        const fateOf = (n: number): Fate => {
          const fate = of.fates[n - 1] ?? "never-written";
          return n >= next && fate === "settled" ? "vanished" : fate;
        };
        const stored: Ledger = { next, settled: [], sparse: [], gaps: [], carried: [] };
        const lanes: Record<Lane, Runs> = { emergency: [], event: [], telemetry: [] };
        for (let n = 1; n <= given; n++) {
          if (fateOf(n) === "settled") addRange(stored.settled, n, n);
          if (fateOf(n) === "pending") addRange(lanes[of.lanes[n - 1]!], n, n);
        }
        // A fold counts what is pending, vanished or not: it vanishes later.
        for (const [from, length] of of.folds)
          if (from < next) fold(stored, from, Math.min(next - 1, from + length));
        const sparse = new Set(stored.sparse.flatMap(([from, to]) => [...numbersOf([[from, to]])]));
        const name = of.ledger === "of another store" ? "zzzzzzzz" : STORE;
        const text = encodeLedger(stored, { store: name, boot: 1, generation: 1, lease: first, apart: [] });
        const old = of.ledger === "of 1.0" ? text.replace(/"store":"[^"]*",/, "") : text;
        const found: Found = {
          ledger: of.ledger === "missing" ? undefined : decodeLedger(old),
          lanes,
          whole: of.whole,
        };
        const held: Runs = [];
        const gone: Runs = [];
        const ledger = emptyLedger(first + of.here.length);
        for (const [n, where] of of.here.entries())
          addRange(where === "held" ? held : gone, first + n, first + n);
        ledger.settled = gone.map(([from, to]) => [from, to]);
        const known = begun(first, { ledger, held, gone });
        const result = recover(known, found);
        const times = declarations(result.gaps);
        const own = of.ledger === "whole";
        for (let n = 1; n < result.ledger.next; n++) {
          const declared = times.get(n) ?? 0;
          if (n >= first && n < first + of.here.length) expect(declared, `${n} of this life`).toBe(0);
          else if (of.ledger === "of another store" || of.ledger === "of 1.0")
            expect(declared, `${n} of another name`).toBe(n < first ? 1 : 0);
          else if (fateOf(n) === "pending") expect(declared, `${n} is there`).toBe(0);
          else if (own && sparse.has(n)) {
            if (fateOf(n) === "vanished" || fateOf(n) === "never-written")
              expect(declared, `${n} vanished from a segment`).toBe(1);
          } else if (own && fateOf(n) === "settled") expect(declared, `${n} is settled`).toBe(0);
          else expect(declared, `${n} is unknown`).toBe(1);
        }
        expect(result.ledger.next).toBeGreaterThanOrEqual(first + of.here.length);
        for (const lane of LANES)
          for (const n of numbersOf(result.lanes[lane]))
            expect(hasNumber(result.ledger.settled, n)).toBe(false);
        // Once recovered, the same store holds no surprise.
        const again = recover(
          { ...known, ledger: result.ledger, recovered: true, gone: [] },
          { ...found, lanes: result.lanes },
        );
        expect(again.gaps).toEqual([]);
        expect(again.ledger).toEqual(result.ledger);
      }),
      { numRuns: tries(2_000) },
    );
  });

  test("what was delivered from memory before the store was open is settled, and its record goes", () => {
    const stored: Ledger = { next: 11, settled: [[1, 4]], sparse: [], gaps: [], carried: [] };
    const found: Found = {
      ledger: decodeLedger(
        encodeLedger(stored, { store: STORE, boot: 1, generation: 1, lease: 11, apart: [] }),
      ),
      lanes: { emergency: runsOf([5]), event: [], telemetry: runsOf([6, 7, 8, 9, 10]) },
      whole: true,
    };
    const ledger = emptyLedger(11);
    addRange(ledger.settled, 5, 5);
    const result = recover(begun(11, { ledger, gone: [[5, 5]] }), found);
    expect(result.gaps).toEqual([]);
    expect(result.ghosts.emergency).toEqual([[5, 5]]);
    expect(result.ledger.settled).toEqual([[1, 5]]);
  });
});

test("what was delivered between two segments is not declared with what vanished from them", () => {
  const stored: Ledger = {
    next: 6,
    settled: [[2, 3]],
    sparse: [
      [1, 1, 1],
      [4, 4, 1],
    ],
    gaps: [],
    carried: [],
  };
  const found: Found = {
    ledger: decodeLedger(encodeLedger(stored, { store: STORE, boot: 1, generation: 1, lease: 6, apart: [] })),
    lanes: { emergency: [], event: [[5, 5]], telemetry: [] },
    whole: true,
  };
  const { gaps } = recover(begun(6), found);
  expect(gaps).toMatchObject([
    { from: 1, to: 1, count: 1 },
    { from: 4, to: 4, count: 1 },
  ]);
});

test("numbers of this store are declared though a life with another name wrote records under them, which stay", () => {
  const stored: Ledger = { next: 25, settled: [], sparse: [], gaps: [], carried: [] };
  const found: Found = {
    ledger: decodeLedger(
      encodeLedger(stored, { store: "zzzzzzzz", boot: 1, generation: 1, lease: 25, apart: [] }),
    ),
    lanes: { emergency: [[20, 20]], event: [], telemetry: [[22, 23]] },
    whole: true,
  };
  const { gaps, lanes, ledger } = recover(begun(11), found);
  const times = declarations(gaps);
  for (let n = 1; n < ledger.next; n++) expect(times.get(n), `${n}`).toBe(1);
  expect(lanes).toEqual(found.lanes);
  expect([20, 22, 23].some((n) => hasNumber(ledger.settled, n))).toBe(false);
});

test("what an earlier life wrote far above this life's first number stays, though this life's numbers jumped over it", () => {
  // The vital file could not be written in either life. The first one jumped from 10 to 500, the second one from
  // 10 to 200 and, before the store was open, from 210 to 900.
  const stored: Ledger = {
    next: 510,
    settled: [[1, 499]],
    sparse: [],
    gaps: [[500, 500, 10, 499]],
    carried: [],
  };
  const found: Found = {
    ledger: decodeLedger(
      encodeLedger(stored, { store: STORE, boot: 1, generation: 1, lease: 10, apart: [] }),
    ),
    lanes: {
      emergency: [[502, 502]],
      event: [[500, 500]],
      telemetry: [
        [501, 501],
        [503, 509],
      ],
    },
    whole: true,
  };
  const ledger: Ledger = { next: 902, settled: [[200, 899]], sparse: [], gaps: [], carried: [] };
  const of = {
    ledger,
    held: [[900, 901]],
    gone: [[200, 209]],
    ungiven: [[210, 899]],
  } satisfies Partial<Known>;
  const { gaps, lanes, ghosts, ledger: after } = recover(begun(200, of), found);
  expect(gaps).toEqual([]);
  expect(lanes).toEqual(found.lanes);
  expect(ghosts).toEqual({ emergency: [], event: [], telemetry: [] });
  expect(after.gaps).toEqual([[500, 500, 10, 499]]);
  expect(after.settled).toEqual([
    [1, 499],
    [510, 899],
  ]);
});

test("numbers above this life's lease that the store knows of: the next one is far beyond them", () => {
  const stored: Ledger = { next: 30, settled: [], sparse: [], gaps: [], carried: [] };
  const found: Found = {
    ledger: decodeLedger(
      encodeLedger(stored, { store: STORE, boot: 1, generation: 1, lease: 11, apart: [] }),
    ),
    lanes: { emergency: [], event: [], telemetry: [[20, 20]] },
    whole: true,
  };
  const beyond = (least: number): number => least + 1_000;
  expect(recover(begun(11, { beyond }), found).ledger.next).toBe(1_030);
  expect(recover(begun(30, { beyond }), found).ledger.next).toBe(30);
});

describe("gaps", () => {
  test("declare exactly what is lost: what is pending between is kept, at most 500 a gap", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 1, max: 3_000 })), fc.nat(4), (lost, spread) => {
        const numbers = lost.toSorted((a, b) => a - b);
        const pending = new Set<number>();
        for (let n = 1; n <= 3_000; n += spread + 1) if (!numbers.includes(n)) pending.add(n);
        const gaps = gapsOf(runsOf(numbers), "retention", (from, to) =>
          [...pending].filter((n) => n >= from && n <= to),
        );
        const times = declarations(gaps);
        for (const n of numbers) expect(times.get(n)).toBe(1);
        for (const n of pending) expect(times.has(n)).toBe(false);
      }),
      { numRuns: tries(200) },
    );
  });

  test("a stretch with more than 500 kept numbers is split", () => {
    const lost = runsOf(Array.from({ length: 1_200 }, (_, n) => 2 * n + 1));
    const gaps = gapsOf(lost, "retention", (from, to) => [...numbersOf([[from, to]])]);
    expect(gaps.map(({ kept }) => kept?.length)).toEqual([500, 500, 197]);
    expect(gaps.reduce((sum, { count }) => sum + count, 0)).toBe(1_200);
  });
});
