import * as z from "zod";
import type { Declared } from "./declared.ts";
import {
  addRange,
  complement,
  countWithin,
  hasNumber,
  removeRange,
  size,
  union,
  within,
  without,
  type Runs,
} from "../domain/runs.ts";

/**
 * The account of the numbers of a store: each is settled (delivered or declared), pending, or not
 * given yet. It goes to disk with the records, in the same batch.
 *
 * Numbers are dense, so the settled ones are a few runs. If many records between them stay pending
 * (thinned telemetry), the stretch becomes one sparse segment instead: there the records on disk
 * decide what is pending, and a count tells whether one of them has vanished.
 */
export type Sparse = [from: number, to: number, pending: number];

export type Ledger = {
  /** The next number to give. */
  next: number;
  /** Settled numbers outside sparse segments. At most RUNS_MAX runs and one for each number that is not synced. */
  settled: Runs;
  /** Ascending, disjoint, at most SPARSE_MAX. */
  sparse: Sparse[];
  /** Pending gap events and what they declare, ascending, at most DECLARED_MAX. */
  gaps: Declared[];
  /**
   * Numbers that a broker has acknowledged: those of them that are pending wait for dispatch's receipt. Settled ones
   * are not removed, so that the runs stay few. At most RUNS_MAX: one that is left out is sent again, which is no loss.
   */
  carried: Runs;
};

/** More runs than these are folded into a sparse segment: a batch writes them all. */
const RUNS_MAX = 512;
/** More segments than these are joined: a segment in which a record has vanished is declared as a whole. */
const SPARSE_MAX = 64;

const runs = z.array(z.tuple([z.int().positive(), z.int().positive()]));
const Stored = z.object({
  store: z.string().optional(),
  /** See `Origin`. */
  renewedBelow: z.int().positive().optional().catch(undefined),
  ownFrom: z.int().positive().optional().catch(undefined),
  boot: z.int().nonnegative(),
  /** Of the vital file when this was written: the vital file is never older. */
  generation: z.int().nonnegative().catch(0),
  next: z.int().positive(),
  lease: z.int().positive().catch(1),
  settled: runs,
  sparse: z.array(z.tuple([z.int().positive(), z.int().positive(), z.int().nonnegative()])).optional(),
  /** Missing in a ledger of an older version. */
  gaps: z
    .array(z.tuple([z.int().positive(), z.int().positive(), z.int().positive(), z.int().positive()]))
    .catch([]),
  /** Emergencies whose episodes the memory may not have: the vital file could not be written with them. */
  apart: runs.catch([]),
  carried: runs.catch([]),
  /** Until contract 1.0: stretches that count as settled, but for the records that are found. */
  thinned: runs.default([]),
});
/** The ledger as a store holds it. Without `store` it is one of contract 1.0. */
export type StoredLedger = z.infer<typeof Stored>;

export const emptyLedger = (next = 1): Ledger => ({ next, settled: [], sparse: [], gaps: [], carried: [] });

export const encodeLedger = (
  { next, settled, sparse, gaps, carried }: Ledger,
  of: {
    readonly store: string;
    readonly renewedBelow?: number | undefined;
    readonly ownFrom?: number | undefined;
    readonly boot: number;
    readonly generation: number;
    readonly lease: number;
    readonly apart: Runs;
  },
): string => JSON.stringify({ ...of, next, settled, sparse, gaps, carried });

/** Undefined if the text is no ledger. */
export const decodeLedger = (text: string): StoredLedger | undefined => {
  try {
    const parsed = Stored.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
};

/** The segment that a number is in. */
export const segmentOf = ({ sparse }: Ledger, seq: number): Sparse | undefined => {
  for (const segment of sparse) if (segment[0] <= seq && seq <= segment[1]) return segment;
  return undefined;
};

/** Whether it is settled for certain; in a sparse segment only the disk knows. */
export const isSettled = (ledger: Ledger, seq: number): boolean => hasNumber(ledger.settled, seq);

/** In a sparse segment the caller vouches that the number was pending. */
export const settle = (ledger: Ledger, seq: number): void => {
  const segment = ledger.sparse.length === 0 ? undefined : segmentOf(ledger, seq);
  if (segment) segment[2] = Math.max(0, segment[2] - 1);
  else addRange(ledger.settled, seq, seq);
};

/** Pending numbers in from..to. */
const pendingWithin = ({ settled, sparse }: Ledger, from: number, to: number): number => {
  let pending = to - from + 1 - countWithin(settled, from, to);
  for (const [low, high, kept] of sparse) {
    const inside = Math.min(to, high) - Math.max(from, low) + 1;
    if (inside > 0) pending += (low >= from && high <= to ? kept : 0) - inside;
  }
  return pending;
};

export const pendingCount = (ledger: Ledger): number => pendingWithin(ledger, 1, ledger.next - 1);

const runsOf = (sparse: readonly Sparse[]): Runs => sparse.map(([from, to]): [number, number] => [from, to]);

/** `certain`: which of the numbers are pending. `sparse`: ranges in which only the disk knows which are. */
export const pendingIn = (
  { settled, sparse }: Ledger,
  numbers: Runs,
): { readonly certain: Runs; readonly sparse: Runs } => {
  const segments = runsOf(sparse);
  return {
    certain: without(without(numbers, settled), segments),
    sparse: segments.flatMap(([from, to]) => within(numbers, from, to)),
  };
};

/** How many carried numbers are pending. Of a segment that is carried in part, at most its part. */
export const carriedCount = (ledger: Ledger): number => {
  const { certain, sparse } = pendingIn(ledger, ledger.carried);
  return sparse.reduce(
    (sum, [from, to]) => sum + Math.min(to - from + 1, segmentOf(ledger, from)?.[2] ?? 0),
    size(certain),
  );
};

/** No pending number is below it. */
export const oldestPending = ({ settled, sparse }: Ledger): number => {
  const done = union(
    settled,
    sparse.filter(([, , pending]) => pending === 0).map(([from, to]): [number, number] => [from, to]),
  );
  const first = done[0];
  return first && first[0] === 1 ? first[1] + 1 : 1;
};

/**
 * Makes from..to one sparse segment, with the segments that it overlaps. Every pending record in it
 * must be synced on disk.
 */
export const fold = (ledger: Ledger, from: number, to: number): void => {
  const overlapped = ledger.sparse.filter(([low, high]) => low <= to && high >= from);
  const low = Math.min(from, ...overlapped.map(([first]) => first));
  const high = Math.max(to, ...overlapped.map(([, last]) => last));
  const pending = pendingWithin(ledger, low, high);
  removeRange(ledger.settled, low, high);
  ledger.sparse = [
    ...ledger.sparse.filter((one) => !overlapped.includes(one)),
    [low, high, pending] as Sparse,
  ].sort((a, b) => a[0] - b[0]);
  while (ledger.sparse.length > SPARSE_MAX) joinSmallest(ledger);
};

const joinSmallest = (ledger: Ledger): void => {
  let best = 0;
  const lengthAt = (n: number): number => ledger.sparse[n + 1]![1] - ledger.sparse[n]![0];
  for (let n = 1; n < ledger.sparse.length - 1; n++) if (lengthAt(n) < lengthAt(best)) best = n;
  fold(ledger, ledger.sparse[best]![0], ledger.sparse[best + 1]![1]);
};

/**
 * Keeps both lists of runs short: forgets the lowest carried ones, and folds all but the newest half of too many settled
 * ones. Returns whether it has forgotten some. `synced`: every pending number below it is synced on disk.
 */
export const limitRuns = (ledger: Ledger, synced: number): boolean => {
  if (ledger.carried.length > 0) removeRange(ledger.carried, 1, oldestPending(ledger) - 1);
  const forgets = ledger.carried.length > RUNS_MAX;
  if (forgets) ledger.carried.splice(0, ledger.carried.length - RUNS_MAX);
  if (ledger.settled.length > RUNS_MAX) foldOldest(ledger, synced);
  return forgets;
};

const foldOldest = (ledger: Ledger, synced: number): void => {
  const first = ledger.settled[0]!;
  const from = first[0] === 1 ? first[1] + 1 : 1;
  const to = Math.min(ledger.settled[ledger.settled.length - RUNS_MAX / 2]![1], synced - 1);
  if (to > from) fold(ledger, from, to);
};

/** What of 1..next-1 is neither settled, nor in a sparse segment, nor in `known`. */
export const unaccounted = (ledger: Ledger, known: Runs): Runs =>
  complement(
    union(
      ledger.settled,
      known,
      ledger.sparse.map(([from, to]): [number, number] => [from, to]),
    ),
    1,
    ledger.next - 1,
  );
