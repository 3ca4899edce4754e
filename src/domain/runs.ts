/** A set of positive integers as sorted, disjoint, inclusive runs: small if the numbers are dense. */
export type Runs = [from: number, to: number][];

/** Index of the first run that ends at or after `n`. */
const locate = (runs: Runs, n: number): number => {
  let low = 0;
  let high = runs.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (runs[middle]![1] < n) low = middle + 1;
    else high = middle;
  }
  return low;
};

export const hasNumber = (runs: Runs, n: number): boolean => {
  const run = runs[locate(runs, n)];
  return run !== undefined && run[0] <= n;
};

/** Adds from..to, merging with whatever it touches. */
export const addRange = (runs: Runs, from: number, to: number): void => {
  const first = locate(runs, from - 1);
  let last = first;
  let low = from;
  let high = to;
  while (last < runs.length && runs[last]![0] <= to + 1) {
    low = Math.min(low, runs[last]![0]);
    high = Math.max(high, runs[last]![1]);
    last++;
  }
  if (last - first === 1) {
    // The common case: a run grows at an end.
    runs[first]![0] = low;
    runs[first]![1] = high;
  } else runs.splice(first, last - first, [low, high]);
};

/** Takes from..to out. */
export const removeRange = (runs: Runs, from: number, to: number): void => {
  if (from > to) return;
  const first = locate(runs, from);
  let last = first;
  const rest: Runs = [];
  for (; last < runs.length && runs[last]![0] <= to; last++) {
    const [low, high] = runs[last]!;
    if (low < from) rest.push([low, from - 1]);
    if (high > to) rest.push([to + 1, high]);
  }
  runs.splice(first, last - first, ...rest);
};

/** The numbers of all of them, in one pass. */
export const union = (...sets: readonly Runs[]): Runs => {
  const all = sets.flat().toSorted((a, b) => a[0] - b[0]);
  const joined: Runs = [];
  for (const [from, to] of all) {
    const last = joined.at(-1);
    if (last && from <= last[1] + 1) last[1] = Math.max(last[1], to);
    else joined.push([from, to]);
  }
  return joined;
};

/** The runs that lie in from..to, cut at its ends. */
export const within = (runs: Runs, from: number, to: number): Runs => {
  const inside: Runs = [];
  for (let i = locate(runs, from); i < runs.length && runs[i]![0] <= to; i++)
    inside.push([Math.max(from, runs[i]![0]), Math.min(to, runs[i]![1])]);
  return inside;
};

/** What of from..to is in none of the runs. */
export const complement = (runs: Runs, from: number, to: number): Runs => {
  const holes: Runs = [];
  let next = from;
  for (const [low, high] of within(runs, from, to)) {
    if (low > next) holes.push([next, low - 1]);
    next = high + 1;
  }
  if (next <= to) holes.push([next, to]);
  return holes;
};

/** from..to without some of its numbers: what a gap declares, which keeps these. */
export const rangeWithout = (from: number, to: number, numbers: readonly number[]): Runs => {
  const left: Runs = [];
  for (const n of numbers) addRange(left, n, n);
  return complement(left, from, to);
};

/** The numbers of the one that are not in the other. */
export const without = (runs: Runs, other: Runs): Runs =>
  other.length === 0 ? runs : runs.flatMap(([from, to]) => complement(other, from, to));

export const size = (runs: Runs): number => runs.reduce((sum, [from, to]) => sum + to - from + 1, 0);

/** How many numbers of from..to are in the set. */
export const countWithin = (runs: Runs, from: number, to: number): number => size(within(runs, from, to));

/** Every number, ascending. */
export function* numbersOf(runs: Runs): Generator<number> {
  for (const [from, to] of runs) for (let n = from; n <= to; n++) yield n;
}
