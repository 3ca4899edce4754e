import * as z from "zod";
import type { GapReason } from "../domain/report.ts";
import { addRange, complement, hasNumber, removeNumber, size, union, type Runs } from "./runs.ts";

/**
 * The account of sequence numbers: each is settled (delivered or declared), pending, or not made.
 * It goes to disk with the records, in the same batch. `lease` is written, synced, before any
 * number at or past it is used, so that no number is used twice whatever happens to the tail.
 */
export type Ledger = {
  boot: number;
  next: number;
  lease: number;
  settled: Runs;
  /**
   * Here a few of many were kept: on disk they count as settled, but for those that are found, as
   * thousands of runs would be written each second. What vanished there has been declared with the rest.
   */
  thinned: Runs;
};

export type Gap = {
  readonly from: number;
  readonly to: number;
  readonly count: number;
  readonly reason: GapReason;
};

const runs = z.array(z.tuple([z.int().positive(), z.int().positive()]));
const stored = z.object({
  boot: z.int().nonnegative(),
  next: z.int().positive(),
  lease: z.int().positive(),
  settled: runs,
  thinned: runs.default([]),
});

export const emptyLedger = (): Ledger => ({ boot: 0, next: 1, lease: 1, settled: [], thinned: [] });

export const encodeLedger = (ledger: Ledger): string => {
  const thinned = ledger.thinned.filter(([, to]) => to >= oldestPending(ledger));
  return JSON.stringify({ ...ledger, thinned, settled: union(ledger.settled, thinned) });
};
/** `found`: the numbers that are on disk, sorted. Throws where the text is not a ledger. */
export const decodeLedger = (text: string, found: readonly number[]): Ledger => {
  const ledger = stored.parse(JSON.parse(text));
  for (const seq of found) if (hasNumber(ledger.thinned, seq)) removeNumber(ledger.settled, seq);
  return ledger;
};

export const settle = (ledger: Ledger, seq: number): void => addRange(ledger.settled, seq, seq);

export const pendingCount = (ledger: Ledger): number => ledger.next - 1 - size(ledger.settled);

export const oldestPending = (ledger: Ledger): number => {
  const first = ledger.settled[0];
  return first && first[0] === 1 ? first[1] + 1 : 1;
};

/**
 * What the disk cannot account for when a store is opened: numbers neither settled nor found.
 * Before `next` the ledger knew of them: corruption. From `next` to the lease they may have been
 * made, sent or lost when power or process went: power-cut. `found` must be sorted.
 */
export const unaccounted = (ledger: Ledger, found: readonly number[]): Gap[] => {
  const known: Runs = ledger.settled.map(([from, to]) => [from, to]);
  const pending: Runs = [];
  for (const seq of found) addRange(pending, seq, seq);
  for (const [from, to] of pending) addRange(known, from, to);
  const gaps = (from: number, to: number, reason: GapReason): Gap[] =>
    complement(known, from, to).map(([low, high]) => ({
      from: low,
      to: high,
      count: high - low + 1,
      reason,
    }));
  return [...gaps(1, ledger.next - 1, "corruption"), ...gaps(ledger.next, ledger.lease - 1, "power-cut")];
};
