import { addRange, complement, hasNumber, union, without, type Runs } from "../domain/runs.ts";
import type { Declaration, DeclaredReason } from "./report.ts";

/** Which numbers of one (unit, store) dispatch has. Pure. */
export type Ledger = {
  /** Stored, or kept as rejected. */
  readonly received: Runs;
  /** Declared by stored gaps, by reason. A declared number may have been received all the same. */
  readonly declared: ReadonlyMap<DeclaredReason, Runs>;
};

export const EMPTY_LEDGER: Ledger = { received: [], declared: new Map() };

const copyRuns = (runs: Runs): Runs => runs.map(([from, to]) => [from, to]);

/** A copy that `receive` and `declare` may change. */
export const copyLedger = ({ received, declared }: Ledger): Ledger => ({
  received: copyRuns(received),
  declared: new Map([...declared].map(([reason, runs]) => [reason, copyRuns(runs)])),
});

/** Notes that a number was received. Returns false if it was before. Changes the ledger. */
export const receive = ({ received }: Ledger, seq: number): boolean => {
  if (hasNumber(received, seq)) return false;
  addRange(received, seq, seq);
  return true;
};

/** The numbers that a gap declares, as runs: from..to without those kept. */
const declaredRuns = ({ from, to, kept }: Declaration): Runs => {
  const holes: Runs = [];
  for (const seq of kept) if (seq >= from && seq <= to) addRange(holes, seq, seq);
  return complement(holes, from, to);
};

/** The ledger with what a gap declares. Changes the runs of the given one. */
export const declare = (ledger: Ledger, gap: Declaration): Ledger => {
  const runs = ledger.declared.get(gap.reason) ?? [];
  for (const [from, to] of declaredRuns(gap)) addRange(runs, from, to);
  return { ...ledger, declared: new Map(ledger.declared).set(gap.reason, runs) };
};

/** The highest number that was received: a gap cannot declare beyond it. */
export const highest = ({ received }: Ledger): number => received.at(-1)?.[1] ?? 0;

/** What up to the highest number is neither received nor declared. */
export const missing = (ledger: Ledger): Runs =>
  complement(union(ledger.received, ...ledger.declared.values()), 1, highest(ledger));

/** What a reason declares and never came. */
export const lost = (ledger: Ledger, reason: DeclaredReason): Runs =>
  without(ledger.declared.get(reason) ?? [], ledger.received);

/** The most ranges that a receipt lists (contract §4). */
const MISSING_MAX = 100;

/** Contract §4: what dispatch has stored of one (unit, store). */
export type Receipt = {
  readonly store: string;
  readonly upTo: number;
  readonly missing: Runs;
  /** The id of the recorder's database. */
  readonly by: string;
  /** UTC, ISO 8601. */
  readonly at: string;
};

/** The receipt of a committed ledger. With more than 100 missing ranges, `upTo` stops before the next. */
export const receiptOf = (ledger: Ledger, store: string, by: string, at: string): Receipt => {
  const ranges = missing(ledger);
  const beyond = ranges[MISSING_MAX];
  const upTo = beyond === undefined ? highest(ledger) : beyond[0] - 1;
  return { store, upTo, missing: ranges.slice(0, MISSING_MAX), by, at };
};
