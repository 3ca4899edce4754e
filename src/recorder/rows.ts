import type { Runs } from "../domain/runs.ts";
import { GAP_REASONS } from "../domain/report.ts";
import { EMPTY_LEDGER, ledgerFrom, type Ledger } from "./ledger.ts";
import type { DeclaredReason } from "./report.ts";
import { EMPTY } from "./run-set.ts";
import type { StreamChange } from "./store.ts";

/**
 * A ledger as rows of a table. The newest run of received numbers grows with nearly every report: it is
 * kept in the row of the (unit, store) itself, so that a report costs one row less.
 */
export type RunKind = "received" | DeclaredReason;
export type RunRow = { readonly kind: RunKind; readonly from: number; readonly to: number };

export const readKind = (kind: string): RunKind =>
  kind === "received" ? kind : (GAP_REASONS.find((known) => known === kind) ?? "other");

/** The newest run of received numbers; 0, 0 if there is none. */
export const tailOf = ({ received }: Ledger): readonly [from: number, to: number] => received.last;

/** The runs of `after` that are not the same in `before`, and the beginnings of runs that are no more. */
const compare = (before: Runs, after: Runs): { readonly written: Runs; readonly gone: number[] } => {
  const old = new Map(before.map(([from, to]) => [from, to]));
  const written = after.filter(([from, to]) => old.get(from) !== to);
  const kept = new Set(after.map(([from]) => from));
  return { written, gone: before.flatMap(([from]) => (kept.has(from) ? [] : [from])) };
};

const differences = (kind: RunKind, before: Ledger, after: Ledger) => {
  if (kind !== "received") {
    const runs = (before.declared.get(kind) ?? EMPTY).differing(after.declared.get(kind) ?? EMPTY);
    return compare(runs.before, runs.after);
  }
  const runs = before.received.differing(after.received);
  return compare(runs.before.slice(0, -1), runs.after.slice(0, -1));
};

/** What a commit writes and deletes of the table of runs. `gone`: of a kind, the run that begins there. */
export const rowsOf = ({
  before,
  after,
}: StreamChange): {
  readonly written: RunRow[];
  readonly gone: { readonly kind: RunKind; readonly from: number }[];
} => {
  const old = before?.ledger ?? EMPTY_LEDGER;
  const kinds: RunKind[] = ["received", ...after.ledger.declared.keys()];
  const written: RunRow[] = [];
  const gone: { kind: RunKind; from: number }[] = [];
  for (const kind of kinds) {
    const found = differences(kind, old, after.ledger);
    for (const [from, to] of found.written) written.push({ kind, from, to });
    for (const from of found.gone) gone.push({ kind, from });
  }
  return { written, gone };
};

/** The ledger that rows describe. `rows` ascend within a kind. */
export const ledgerOf = (rows: readonly RunRow[], tail: readonly [from: number, to: number]): Ledger => {
  const received: Runs = [];
  const declared = new Map<DeclaredReason, Runs>();
  for (const { kind, from, to } of rows) {
    if (kind === "received") received.push([from, to]);
    else {
      const runs = declared.get(kind) ?? [];
      runs.push([from, to]);
      declared.set(kind, runs);
    }
  }
  if (tail[1] > 0) received.push([tail[0], tail[1]]);
  return ledgerFrom(received, declared);
};
