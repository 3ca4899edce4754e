/** Figures of a run: pure. */

/** The value below which this share of the values lies; undefined: there are none. */
export const quantile = (values: readonly number[], share: number): number | undefined => {
  const ordered = Float64Array.from(values).toSorted();
  return ordered[Math.min(ordered.length - 1, Math.floor(ordered.length * share))];
};

/** `p50 / p99 / most` in milliseconds, and of how many. */
export const spread = (values: readonly number[]): string => {
  const ms = (share: number) => Math.round(quantile(values, share) ?? Number.NaN);
  return values.length === 0 ? "none" : `p50 ${ms(0.5)} p99 ${ms(0.99)} most ${ms(1)} ms (${values.length})`;
};

/** The whole fleet's connections: how long until half, 99 of 100 and all were accepted, and how many a second. */
export const connectRate = (afterMs: readonly number[]): string => {
  const [half, most, all] = [0.5, 0.99, 1].map((share) => quantile(afterMs, share) ?? Number.NaN);
  const s = (ms: number | undefined) => ((ms ?? Number.NaN) / 1_000).toFixed(1);
  return `half ${s(half)} s, 99 % ${s(most)} s, all ${s(all)} s: ${Math.round(afterMs.length / ((all ?? 1) / 1_000))}/s`;
};

/** One published report: when it went to the broker for the first time, and when a receipt covered it. UTC ms. */
export type Journey = {
  readonly unit: string;
  readonly store: string;
  readonly seq: number;
  readonly publishedAt: number;
  readonly receiptAt?: number | undefined;
};

/** A report is (unit, store, seq). */
export const reportKey = ({ unit, store, seq }: Pick<Journey, "unit" | "store" | "seq">): string =>
  `${unit} ${store} ${seq}`;

/** How long reports took: to their commit, from there to the receipt, and both together. Milliseconds. */
export type Legs = { readonly commit: number[]; readonly receipt: number[]; readonly both: number[] };

/** `committed`: UTC milliseconds by `reportKey`. What is not there, or has no receipt yet, is left out of that leg. */
export const legsOf = (journeys: readonly Journey[], committed: ReadonlyMap<string, number>): Legs => {
  const legs: Legs = { commit: [], receipt: [], both: [] };
  for (const journey of journeys) {
    const { publishedAt, receiptAt } = journey;
    const at = committed.get(reportKey(journey));
    if (at !== undefined) legs.commit.push(at - publishedAt);
    if (at !== undefined && receiptAt !== undefined) legs.receipt.push(receiptAt - at);
    if (receiptAt !== undefined) legs.both.push(receiptAt - publishedAt);
  }
  return legs;
};
