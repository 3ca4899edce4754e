/** Samples of one kind of fix one after another. 0: none, 2: 2D, 3: 3D. */
type FixRun = { readonly from: number; readonly length: number; readonly kind: number };

export const runsOfFix = (fix: readonly number[]): readonly FixRun[] => {
  const begins = fix.flatMap((kind, n) => (n === 0 || kind !== fix[n - 1] ? [n] : []));
  return begins.map((from, n) => ({
    from,
    length: (begins[n + 1] ?? fix.length) - from,
    kind: fix[from] ?? 0,
  }));
};

/** The share of each kind that occurs, 0 to 1, the best kind first. */
export const sharesOf = (fix: readonly number[]): readonly (readonly [kind: number, share: number])[] =>
  [...new Set(fix)]
    .toSorted((a, b) => b - a)
    .map((kind) => [kind, fix.filter((one) => one === kind).length / fix.length]);
