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

/** Takes one number out of the run that it is in. */
export const removeNumber = (runs: Runs, n: number): void => {
  const at = locate(runs, n);
  const run = runs[at];
  if (!run || run[0] > n) return;
  const rest: Runs = [
    [run[0], n - 1],
    [n + 1, run[1]],
  ];
  runs.splice(at, 1, ...rest.filter(([from, to]) => from <= to));
};

/** Both together, in one pass: the runs of the one that lie inside the other's are gone. */
export const union = (one: Runs, other: Runs): Runs => {
  if (other.length === 0) return one;
  const all = [...one, ...other].toSorted((a, b) => a[0] - b[0]);
  const joined: Runs = [];
  for (const [from, to] of all) {
    const last = joined.at(-1);
    if (last && from <= last[1] + 1) last[1] = Math.max(last[1], to);
    else joined.push([from, to]);
  }
  return joined;
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
