import { declare, EMPTY_LEDGER, receive, type Ledger } from "./ledger.ts";
import { streamKey, type Accepted, type Rejected } from "./report.ts";
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

/**
 * Decides what a batch changes. `known`: the committed ledger of every (unit, store) of the batch that the
 * store knows, by `streamKey`. `at`: now, UTC milliseconds.
 */
export const plan = (batch: Batch, known: ReadonlyMap<string, Stream>, at: number): Commit => {
  const drafts = new Map<string, Draft>();
  for (const [key, name] of streamsOf(batch)) drafts.set(key, draftOf(known.get(key), name));
  const reports: Accepted[] = [];
  const copies: Accepted[] = [];
  for (const accepted of batch.accepted) {
    const draft = drafts.get(streamKey(accepted.report));
    if (!draft) continue;
    const ledger = receive(draft.ledger, accepted.report.seq);
    if (ledger) {
      draft.ledger = ledger;
      reports.push(accepted);
      if (accepted.meaning.kind === "gap") draft.ledger = declare(ledger, accepted.meaning.gap);
    } else {
      draft.duplicates++;
      if (accepted.meaning.kind === "emergency") copies.push(accepted);
    }
  }
  for (const { number } of batch.rejected) {
    const draft = number ? drafts.get(streamKey(number)) : undefined;
    if (!draft || !number) continue;
    draft.ledger = receive(draft.ledger, number.seq) ?? draft.ledger;
    draft.rejected++;
  }
  const streams = [...drafts.values()].map((draft) => changeOf(draft, at));
  return { at, reports, copies, rejected: batch.rejected, streams };
};
