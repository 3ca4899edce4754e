import { LANES, type Lane } from "../domain/pending.ts";
import { KEPT_MAX, type EventData, type GapReason } from "../domain/report.ts";
import type { Declared } from "./declared.ts";
import { emptyLedger, unaccounted, type Ledger, type Sparse, type StoredLedger } from "./ledger.ts";
import {
  addRange,
  complement,
  countWithin,
  numbersOf,
  removeRange,
  size,
  union,
  within,
  without,
  type Runs,
} from "../domain/runs.ts";

/** What was found is held against what is known, and what is true comes out. Pure. */

export type Gap = Extract<EventData, { type: "gap" }>;

/** What a scan of the store found. */
export type Found = {
  /** Undefined if it is missing or damaged. */
  readonly ledger: StoredLedger | undefined;
  /** The numbers of the records that are there. */
  readonly lanes: Readonly<Record<Lane, Runs>>;
  /** It is as its last owner left it; else what it lacks was lost with its damage. */
  readonly whole: boolean;
};

/** What this life knows without the store. */
export type Known = {
  /**
   * A number far beyond `least`. The store has numbers that this life's lease does not cover: the vital file
   * could not be written then, and more of them may have been published than the store has.
   */
  readonly beyond: (least: number) => number;
  /** Undefined: of contract 1.0. */
  readonly store: string | undefined;
  /** The first number of this life: all below may have been given by earlier ones. */
  readonly first: number;
  /** As it stands; before the first recovery it knows only of this life's numbers. */
  readonly ledger: Ledger;
  /** It has been held against the store before in this life. */
  readonly recovered: boolean;
  /** Numbers whose reports are in memory. */
  readonly held: Runs;
  /** Numbers of this life that are settled though their records may still be there. */
  readonly gone: Runs;
  /** Numbers that this life has settled and not given: records there are of earlier lives, and pending. */
  readonly ungiven: Runs;
  /** Settled numbers whose declaration was lost: declared again. */
  readonly owed: Runs;
  /** What a number that vanished in this life was lost with. */
  readonly lostWith: GapReason;
  /** The numbers below `first` are not of this store, for this reason: all of them are declared in it. */
  readonly renamed: "superseded" | "corruption" | undefined;
};

/** A life that begins at `first`, and has done nothing yet. */
export const begunAt = (first: number, store: string | undefined): Known => ({
  store,
  first,
  ledger: emptyLedger(first),
  recovered: false,
  held: [],
  gone: [],
  ungiven: [],
  owed: [],
  lostWith: "corruption",
  renamed: undefined,
  beyond: (least) => least,
});

export type Recovered = {
  readonly ledger: Ledger;
  /** Numbers of the records that are pending. */
  readonly lanes: Readonly<Record<Lane, Runs>>;
  readonly gaps: readonly Gap[];
  /** Records that are settled and still there: to be deleted. */
  readonly ghosts: Readonly<Record<Lane, Runs>>;
};

/** Two declared numbers further apart are not joined: what lies between may have been delivered. */
const JOIN_MAX = 1_000;

/**
 * Gaps that declare these numbers and list what is still pending between them, each within KEPT_MAX.
 * What is settled between two of them is declared once more, which is no loss: it has been before, or
 * dispatch has it. Two are not joined if `pending` does not know what is between them.
 */
export const gapsOf = (
  declared: Runs,
  reason: GapReason,
  pending: (from: number, to: number) => readonly number[] | undefined = () => undefined,
): Gap[] => {
  const gaps: Gap[] = [];
  let open: { from: number; to: number; kept: number[] } | undefined;
  const close = (): void => {
    if (!open) return;
    const { from, to, kept } = open;
    const count = to - from + 1 - kept.length;
    gaps.push({ type: "gap", from, to, count, ...(kept.length > 0 ? { kept } : {}), reason });
    open = undefined;
  };
  for (const [from, to] of declared) {
    const near = open && from - open.to <= JOIN_MAX;
    const between = open && near ? pending(open.to + 1, from - 1) : undefined;
    if (open && between && open.kept.length + between.length <= KEPT_MAX) {
      open.kept.push(...between);
      open.to = to;
    } else {
      close();
      open = { from, to, kept: [] };
    }
  }
  close();
  return gaps;
};

/** Gaps of what vanished: of unlike lives, so never joined over what is known. */
const single = (runs: Runs, reason: GapReason): Gap[] =>
  runs.map(([from, to]) => ({ type: "gap", from, to, count: to - from + 1, reason }));

/** The same declaration in two gaps of half the kept numbers each; none if it keeps no number. */
export const halvesOf = ({ from, to, kept = [], reason }: Gap): Gap[] => {
  if (kept.length === 0) return [];
  const pending: Runs = [];
  for (const seq of kept) addRange(pending, seq, seq);
  const declared = complement(pending, from, to);
  const middle = Math.ceil(declared.length / 2);
  return [declared.slice(0, middle), declared.slice(middle)].flatMap((half) =>
    gapsOf(half, reason, (low, high) => kept.filter((seq) => seq >= low && seq <= high)),
  );
};

/**
 * Gaps that declare numbers again whose declaration was lost, except those that are `there`: these are
 * pending, so they are kept. Which of the rest were delivered is not known any more.
 */
export const declaredAgain = (owed: Runs, there: Runs): Gap[] =>
  owed.flatMap(([from, to]) =>
    gapsOf(complement(there, from, to), "corruption", (low, high) => [
      ...numbersOf(within(there, low, high)),
    ]),
  );

/**
 * The stored ledger, if it speaks of the numbers of this store, without those of this life. Earlier lives may
 * have numbers above `first`: those that jumped while the vital file could not be written.
 */
const earlier = (known: Known, found: Found, numbers: Runs): Ledger => {
  const stored = found.ledger;
  if (!stored || (stored.store !== undefined && stored.store !== known.store)) return emptyLedger();
  const settled = union(stored.settled);
  const sparse: Sparse[] =
    stored.sparse ?? stored.thinned.map(([from, to]): Sparse => [from, to, countWithin(numbers, from, to)]);
  for (const [from, to] of sparse) removeRange(settled, from, to);
  for (const [from, to] of known.held) removeRange(settled, from, to);
  return { next: stored.next, settled, sparse, gaps: stored.gaps, carried: union(stored.carried) };
};

/** Segments in which records have vanished: nobody knows which, so all that is not there is declared. */
const checkSegments = (
  sparse: readonly Sparse[],
  numbers: Runs,
  pending: Runs,
): { lost: Runs; sparse: Sparse[] } => {
  const lost: Runs = [];
  const checked = sparse.map(([from, to, count]): Sparse => {
    const there = countWithin(pending, from, to);
    const gone = countWithin(numbers, from, to) - there;
    if (there + gone < count) lost.push(...complement(numbers, from, to));
    return [from, to, there];
  });
  return { lost, sparse: checked };
};

/** The next number to give. `last`: the highest number of a record in the store. */
const nextNumber = (known: Known, { ledger }: Found, last: number): number => {
  const own = known.ledger.next;
  if (known.recovered) return Math.max(own, last + 1);
  const given = Math.max(last + 1, ledger?.next ?? 1);
  const least = Math.max(own, given, ledger?.lease ?? 1);
  return given > own ? known.beyond(least) : least;
};

/**
 * What is true of the numbers once a store is open. Each number below the ledger's `next` is then
 * settled, held in memory, found, or declared in exactly one of the gaps, which are not yet numbered.
 */
export const recover = (known: Known, found: Found): Recovered => {
  const numbers = union(...LANES.map((lane) => found.lanes[lane]));
  const base = known.recovered ? known.ledger : earlier(known, found, numbers);
  const lanes = {
    emergency: without(found.lanes.emergency, known.gone),
    event: without(found.lanes.event, known.gone),
    telemetry: without(found.lanes.telemetry, known.gone),
  };
  const pending = without(numbers, known.gone);
  const last = numbers.at(-1)?.[1] ?? 0;
  const { lost, sparse } = checkSegments(base.sparse, numbers, pending);
  const ledger: Ledger = {
    next: nextNumber(known, found, last),
    settled: union(base.settled, known.ledger.settled),
    sparse,
    gaps: [],
    carried: [],
  };
  for (const [from, to] of known.ungiven)
    for (const [low, high] of within(pending, from, to)) removeRange(ledger.settled, low, high);
  for (const [from, to] of sparse) removeRange(ledger.settled, from, to);
  const missing = unaccounted(ledger, union(pending, known.held, known.gone));
  const there = union(without(pending, ledger.settled), known.held);
  const checked = checkGaps(
    known.recovered ? base.gaps : [...base.gaps, ...known.ledger.gaps],
    union(lost, missing),
    there,
  );
  ledger.gaps = checked.gaps;
  const renamed = renamedFor(known, found);
  const gaps = renamed && known.first > 1 ? single([[1, known.first - 1]], renamed) : lostGaps(lost, numbers);
  if (renamed) gaps.push(...foreignGaps(known, pending, renamed));
  const carried = union(base.carried, known.ledger.carried);
  gaps.push(...missingGaps({ ...known, renamed }, found, missing, { next: ledger.next, carried }));
  gaps.push(...declaredAgain(union(known.owed, checked.owed), there));
  for (const [from, to] of missing) addRange(ledger.settled, from, to);
  ledger.carried = carried;
  return { ledger, lanes, gaps, ghosts: ghostsOf(ledger, found) };
};

/** Of the pending gaps those that are lost, as the numbers that they declared, and those that are there. */
const checkGaps = (gaps: readonly Declared[], lost: Runs, there: Runs): { owed: Runs; gaps: Declared[] } => {
  const isLost = ([first, last]: Declared): boolean => countWithin(lost, first, last) > 0;
  return {
    owed: gaps.filter(isLost).map(([, , from, to]): [number, number] => [from, to]),
    gaps: gaps.filter((one) => !isLost(one) && countWithin(there, one[0], one[1]) > 0),
  };
};

/** The ledger is of another store, or of one without a name: what is left of it belongs to that one. */
const renamedFor = (known: Known, { ledger }: Found): Known["renamed"] => {
  if (known.recovered) return undefined;
  return known.renamed ?? (ledger && ledger.store !== known.store ? "superseded" : undefined);
};

/**
 * Numbers of this life under which a life with another store name wrote records. Those records are sent under
 * that name, so in this store the numbers belong to no report.
 */
const foreignGaps = ({ first, held }: Known, pending: Runs, reason: GapReason): Gap[] =>
  single(within(without(pending, held), first, Number.MAX_SAFE_INTEGER), reason);

/** Joined only over what is there: between two segments lies what was delivered. */
const lostGaps = (lost: Runs, numbers: Runs): Gap[] =>
  gapsOf(lost, "corruption", (from, to) => {
    const there = within(numbers, from, to);
    return size(there) === to - from + 1 ? [...numbersOf(there)] : undefined;
  });

/** `carried`: numbers that waited in memory for a receipt, which a power cut takes. */
const missingGaps = (
  known: Known,
  found: Found,
  missing: Runs,
  { next, carried }: Pick<Ledger, "next" | "carried">,
): Gap[] => {
  const gaps: Gap[] = [];
  const declare = (from: number, to: number, reason: GapReason): void => {
    if (from <= to) gaps.push(...single(within(missing, from, to), reason));
  };
  const from = known.renamed ? known.first : 1;
  // Below it the ledger knew of them; from there on they may have been given, sent or lost when the power went.
  const told = found.ledger && found.whole && !known.recovered ? found.ledger.next : next;
  for (const [low, high] of within(missing, from, Math.min(told, known.first) - 1)) {
    gaps.push(...single(complement(carried, low, high), "corruption"));
    gaps.push(...single(within(carried, low, high), "power-cut"));
  }
  declare(Math.max(from, told), known.first - 1, "power-cut");
  declare(known.first, known.ledger.next - 1, known.lostWith);
  declare(Math.max(known.first, known.ledger.next), next - 1, told === next ? "corruption" : "power-cut");
  return gaps;
};

const ghostsOf = ({ settled }: Ledger, { lanes }: Found): Record<Lane, Runs> => {
  const ghosts = (lane: Lane): Runs => lanes[lane].flatMap(([from, to]) => within(settled, from, to));
  return { emergency: ghosts("emergency"), event: ghosts("event"), telemetry: ghosts("telemetry") };
};
