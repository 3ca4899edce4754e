import { complement, type Runs } from "../domain/runs.ts";
import { isoInstant } from "../domain/time.ts";
import type { Ledger } from "./ledger.ts";
import type { ReadReport, Stream } from "./store.ts";

/** A unit's track: its positions in the order of their numbers, with what is not there marked. Pure. */

/** Numbers between two positions that never came. `reason`: undefined for those that nobody declared. */
type TrackGap = {
  readonly store: string;
  readonly from: number;
  readonly to: number;
  readonly count: number;
  readonly reasons: readonly string[];
};

export type TrackItem =
  | { readonly kind: "report"; readonly report: ReadReport }
  | { readonly kind: "gap"; readonly gap: TrackGap }
  /** The unit went on with another outbox. */
  | { readonly kind: "store" };

const count = (runs: Runs): number => runs.reduce((sum, [from, to]) => sum + to - from + 1, 0);

/** What is not there between two numbers of a store; undefined: nothing is missing. */
const gapBetween = (ledger: Ledger, store: string, after: number, before: number): TrackGap | undefined => {
  if (before - after < 2) return undefined;
  const holes = complement(ledger.received.within(after + 1, before - 1), after + 1, before - 1);
  const [first] = holes;
  const last = holes.at(-1);
  if (!first || !last) return undefined;
  const declared = [...ledger.declared].flatMap(([reason, runs]) =>
    runs.within(first[0], last[1]).length > 0 ? [reason] : [],
  );
  const open = ledger.missing.within(first[0], last[1]);
  const reasons = [...declared, ...(open.length > 0 ? ["undeclared"] : [])];
  return { store, from: first[0], to: last[1], count: count(holes), reasons };
};

/** The positions with gaps between them. `streams`: of the unit, by store. */
export async function* trackOf(
  reports: AsyncIterable<ReadReport>,
  streams: ReadonlyMap<string, Stream>,
): AsyncGenerator<TrackItem> {
  let last: ReadReport | undefined;
  for await (const report of reports) {
    if (last && last.store !== report.store) yield { kind: "store" };
    else if (last) {
      const ledger = streams.get(report.store)?.ledger;
      const gap = ledger && gapBetween(ledger, report.store, last.seq, report.seq);
      if (gap) yield { kind: "gap", gap };
    }
    yield { kind: "report", report };
    last = report;
  }
}

/** A report as it is on the wire, with its time corrected. `sentAt`: the time that it was sent with. */
export const asWire = (report: ReadReport): object => {
  const { unit, store, boot, seq, kind, at, clock, mono, live, data, extra, correctedAt } = report;
  return {
    v: 1,
    unit,
    ...(store === "" ? {} : { store }),
    boot,
    seq,
    kind,
    at: isoInstant(correctedAt ?? at),
    clock,
    mono,
    live,
    ...(correctedAt === undefined ? {} : { sentAt: isoInstant(at) }),
    ...(extra === undefined ? {} : Object(JSON.parse(extra))),
    data: JSON.parse(data) as unknown,
  };
};
