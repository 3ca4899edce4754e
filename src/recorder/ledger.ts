import { complement, rangeWithout, union, without, type Runs } from "../domain/runs.ts";
import type { Declaration, DeclaredReason } from "./report.ts";
import { EMPTY, RunSet } from "./run-set.ts";

/** Which numbers of one (unit, store) dispatch has. It never changes. Pure. */
export type Ledger = {
  /** Stored, or kept as rejected. */
  readonly received: RunSet;
  /** Declared by stored gaps, by reason. A declared number may have been received all the same. */
  readonly declared: ReadonlyMap<DeclaredReason, RunSet>;
  /** What up to the highest received number is neither received nor declared. */
  readonly missing: RunSet;
};

export const EMPTY_LEDGER: Ledger = { received: EMPTY, declared: new Map(), missing: EMPTY };

/** The ledger of what a store has kept. */
export const ledgerFrom = (received: Runs, declared: ReadonlyMap<DeclaredReason, Runs>): Ledger => ({
  received: RunSet.of(received),
  declared: new Map([...declared].map(([reason, runs]) => [reason, RunSet.of(runs)])),
  missing: RunSet.of(complement(union(received, ...declared.values()), 1, received.at(-1)?.[1] ?? 0)),
});

/** The highest number that was received: a gap cannot declare beyond it. */
export const highest = ({ received }: Ledger): number => received.last[1];

/** What of from..to nobody has declared. */
const undeclared = ({ declared }: Ledger, from: number, to: number): Runs =>
  complement(union(...[...declared.values()].map((runs) => runs.within(from, to))), from, to);

/** The ledger once a number is received; undefined if it was before. */
export const receive = (ledger: Ledger, seq: number): Ledger | undefined => {
  if (ledger.received.has(seq)) return undefined;
  const before = highest(ledger);
  const skipped = seq > before + 1 ? undeclared(ledger, before + 1, seq - 1) : [];
  const missing = ledger.missing.remove(seq, seq).addAll(skipped);
  return { ...ledger, received: ledger.received.add(seq, seq), missing };
};

/** The ledger with what a gap declares. */
export const declare = (ledger: Ledger, gap: Declaration): Ledger => {
  const declared = rangeWithout(gap.from, gap.to, gap.kept);
  const runs = (ledger.declared.get(gap.reason) ?? EMPTY).addAll(declared);
  const missing = ledger.missing.removeAll(declared);
  return { ...ledger, missing, declared: new Map(ledger.declared).set(gap.reason, runs) };
};

/** What a reason declares and never came. */
export const lost = (ledger: Ledger, reason: DeclaredReason): Runs =>
  without(ledger.declared.get(reason)?.runs ?? [], ledger.received.runs);

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
  const ranges = ledger.missing.first(MISSING_MAX + 1);
  const beyond = ranges[MISSING_MAX];
  const upTo = beyond === undefined ? highest(ledger) : beyond[0] - 1;
  return { store, upTo, missing: ranges.slice(0, MISSING_MAX), by, at };
};
