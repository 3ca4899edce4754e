import fc from "fast-check";
import { expect, test } from "vitest";
import { RunSet } from "../../src/recorder/run-set.ts";
import { tries } from "../tries.ts";

const numbersIn = (runs: readonly (readonly [number, number])[]): number[] =>
  runs.flatMap(([from, to]) => Array.from({ length: to - from + 1 }, (_, n) => from + n));

/** The runs of a set of numbers, the slow way. */
const runsOf = (numbers: ReadonlySet<number>): [number, number][] => {
  const runs: [number, number][] = [];
  for (const n of [...numbers].toSorted((a, b) => a - b)) {
    const last = runs.at(-1);
    if (last && last[1] === n - 1) last[1] = n;
    else runs.push([n, n]);
  }
  return runs;
};

const SPAN = 3_000;
const edit = fc.record({
  adds: fc.boolean(),
  /** One run, or every second number as a set of runs. */
  isWhole: fc.boolean(),
  from: fc.integer({ min: 1, max: SPAN }),
  length: fc.oneof({ weight: 5, arbitrary: fc.constant(0) }, fc.integer({ min: 0, max: 400 })),
});

test("a set of many runs is what its edits say, and the sets before an edit stay as they were", () => {
  // Every other number, so that there are several chunks from the beginning.
  const start = new Set(Array.from({ length: SPAN / 2 }, (_, n) => 2 * n + 1));
  fc.assert(
    fc.property(fc.boolean(), fc.array(edit, { maxLength: 60 }), (isFull, edits) => {
      const model = new Set(isFull ? start : []);
      let set = RunSet.of(runsOf(model));
      for (const { adds, isWhole, from, length } of edits) {
        const before = set;
        const then = before.runs;
        const numbers = Array.from({ length: length + 1 }, (_, n) => from + n).filter(
          (n) => isWhole || n % 2 === 0,
        );
        const edited = runsOf(new Set(numbers));
        if (isWhole) set = adds ? set.add(from, from + length) : set.remove(from, from + length);
        else set = adds ? set.addAll(edited) : set.removeAll(edited);
        for (const n of numbers) {
          if (adds) model.add(n);
          else model.delete(n);
        }
        expect(before.runs).toEqual(then);
        // What is not said to differ does not.
        const differing = before.differing(set);
        const key = ([a, b]: readonly [number, number]) => `${a}-${b}`;
        const rest = (runs: readonly [number, number][], some: readonly [number, number][]) => {
          const named = new Set(some.map(key));
          return runs.map(key).filter((one) => !named.has(one));
        };
        expect(rest(then, differing.before)).toEqual(rest(set.runs, differing.after));
        expect(differing.before.at(-1)).toEqual(then.at(-1));
        expect(differing.after.at(-1)).toEqual(set.runs.at(-1));
      }
      expect(set.runs).toEqual(runsOf(model));
      expect(set.last).toEqual(set.runs.at(-1) ?? [0, 0]);
      expect(numbersIn(set.within(100, 700))).toEqual(
        [...model].filter((n) => n >= 100 && n <= 700).toSorted((a, b) => a - b),
      );
      for (let n = 1; n < SPAN; n += 7) expect(set.has(n)).toBe(model.has(n));
    }),
    { numRuns: tries(100) },
  );
});

test("a unit that was offline for days costs a commit no more than others", () => {
  const runs = Array.from({ length: 480_000 }, (_, n): [number, number] => [6 * n + 1, 6 * n + 1]);
  let set = RunSet.of(runs);
  const started = performance.now();
  for (let n = 0; n < 1_000; n++) {
    const next = set.add(3_000_000 + n, 3_000_000 + n);
    const { before, after } = set.differing(next);
    expect(before.length + after.length).toBeLessThan(1_100);
    set = next;
  }
  // Thousands of times less than to copy or compare all of it.
  expect(performance.now() - started).toBeLessThan(5_000);
  expect(set.last).toEqual([3_000_000, 3_000_999]);
});
