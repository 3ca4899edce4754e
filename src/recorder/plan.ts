import { conflictOf, essenceOf, numberKey, type Essence } from "./conflict.ts";
import { declare, EMPTY_LEDGER, receive, type Ledger } from "./ledger.ts";
import { rejectedOf, streamKey, type Accepted, type Rejected } from "./report.ts";
import type { Commit, Stream, StreamChange, StreamName } from "./store.ts";

/** What is to be committed at once. */
export type Batch = { readonly accepted: readonly Accepted[]; readonly rejected: readonly Rejected[] };

/** Every (unit, store) whose ledger a batch changes. */
export const streamsOf = ({ accepted, rejected }: Batch): Map<string, StreamName> => {
  const names = new Map<string, StreamName>();
  for (const { report } of accepted) names.set(streamKey(report), report);
  for (const { number } of rejected) if (number) names.set(streamKey(number), number);
  return names;
};

/** The reports of a batch whose number is received already. `known`: as in `plan`. */
export const repeatedOf = ({ accepted }: Batch, known: ReadonlyMap<string, Stream>): Accepted[] =>
  accepted.filter(({ report }) => known.get(streamKey(report))?.ledger.received.has(report.seq) === true);

type Draft = {
  readonly before: Stream | undefined;
  readonly name: StreamName;
  ledger: Ledger;
  duplicates: number;
  rejected: number;
};

const draftOf = (before: Stream | undefined, name: StreamName): Draft => ({
  before,
  name,
  ledger: before?.ledger ?? EMPTY_LEDGER,
  duplicates: before?.duplicates ?? 0,
  rejected: before?.rejected ?? 0,
});

const changeOf = (draft: Draft, at: number): StreamChange => ({
  before: draft.before,
  after: {
    unit: draft.name.unit,
    store: draft.name.store,
    version: (draft.before?.version ?? 0) + 1,
    ledger: draft.ledger,
    duplicates: draft.duplicates,
    rejected: draft.rejected,
    firstHeard: draft.before?.firstHeard ?? at,
    lastHeard: at,
  },
});

/** What becomes of one report. `stored`: what is stored under its number, if anything is. */
const fateOf = (
  accepted: Accepted,
  isNew: boolean,
  stored: Essence | undefined,
): "report" | "duplicate" | { readonly conflict: string } => {
  if (isNew) return "report";
  // The number was rejected, or its report was removed: an emergency that is not there must be stored.
  if (!stored) return accepted.meaning.kind === "emergency" ? "report" : "duplicate";
  const conflict = conflictOf(stored, accepted);
  return conflict === undefined ? "duplicate" : { conflict };
};

/**
 * Decides what a batch changes. `known`: the committed ledger of every (unit, store) of the batch that the
 * store knows, by `streamKey`. `stored`: what is stored of `repeatedOf`. `at`: now, UTC milliseconds.
 */
export const plan = (
  batch: Batch,
  known: ReadonlyMap<string, Stream>,
  stored: readonly Essence[],
  at: number,
): Commit => {
  const drafts = new Map<string, Draft>();
  for (const [key, name] of streamsOf(batch)) drafts.set(key, draftOf(known.get(key), name));
  const essences = new Map(stored.map((one) => [numberKey(one), one]));
  const reports: Accepted[] = [];
  const copies: Accepted[] = [];
  const conflicts = new Map<Accepted, Rejected>();
  for (const accepted of batch.accepted) {
    const draft = drafts.get(streamKey(accepted.report));
    if (!draft) continue;
    const ledger = receive(draft.ledger, accepted.report.seq);
    const key = numberKey(accepted.report);
    const fate = fateOf(accepted, ledger !== undefined, essences.get(key));
    if (fate === "report") {
      draft.ledger = ledger ?? draft.ledger;
      reports.push(accepted);
      essences.set(key, essenceOf(accepted));
      if (accepted.meaning.kind === "gap") draft.ledger = declare(draft.ledger, accepted.meaning.gap);
    } else if (fate === "duplicate") {
      draft.duplicates++;
      if (accepted.meaning.kind === "emergency") copies.push(accepted);
    } else conflicts.set(accepted, rejectedOf(accepted, fate.conflict));
  }
  const rejected = [...batch.rejected, ...conflicts.values()];
  for (const { number } of rejected) {
    const draft = number ? drafts.get(streamKey(number)) : undefined;
    if (!draft || !number) continue;
    draft.ledger = receive(draft.ledger, number.seq) ?? draft.ledger;
    draft.rejected++;
  }
  const streams = [...drafts.values()].map((draft) => changeOf(draft, at));
  return { at, reports, copies, rejected, conflicts: new Set(conflicts.keys()), streams };
};
