/** A set of positive integers as sorted, disjoint, inclusive runs: small where numbers are dense. */
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
  runs.splice(first, last - first, [low, high]);
};

/** What of from..to is in none of the runs. */
export const complement = (runs: Runs, from: number, to: number): Runs => {
  const holes: Runs = [];
  let next = from;
  for (let i = locate(runs, from); i < runs.length && runs[i]![0] <= to; i++) {
    if (runs[i]![0] > next) holes.push([next, runs[i]![0] - 1]);
    next = Math.max(next, runs[i]![1] + 1);
  }
  if (next <= to) holes.push([next, to]);
  return holes;
};

export const size = (runs: Runs): number => runs.reduce((sum, [from, to]) => sum + to - from + 1, 0);
