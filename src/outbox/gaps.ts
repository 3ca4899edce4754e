import { laneOf } from "../domain/pending.ts";
import type { GapReason, Report } from "../domain/report.ts";
import { takeGap } from "./declared.ts";
import { eventsToDrop } from "./value.ts";
import { fold } from "./ledger.ts";
import type { Now, Queue, Settled } from "./queue.ts";
import { declaredAgain, gapsOf, halvesOf, type Gap, type Recovered } from "./recovery.ts";
import type { Excess } from "./retention.ts";
import {
  addRange,
  complement,
  numbersOf,
  rangeWithout,
  removeRange,
  union,
  without,
  type Runs,
} from "../domain/runs.ts";

/** The numbers that an event declares. None if it is no gap. */
export const declaredBy = (report: Report | undefined): Runs => {
  if (report?.kind !== "event" || report.data.type !== "gap") return [];
  const { from, to, kept = [] } = report.data;
  return rangeWithout(from, to, kept);
};

/**
 * What is refused, lost or given up: settles it in the queue, and appends the gap events that declare it.
 * Pure: it reads no clock and does no I/O.
 */
export class Gaps {
  readonly #queue: Queue;
  /** Settled numbers whose declaration cannot be read: declared again before the next batch (`declareOwed`). */
  #owed: Runs = [];

  readonly #appended: (gap: Gap) => void;

  /** `appended`: called for each gap event. */
  constructor(queue: Queue, appended: (gap: Gap) => void) {
    this.#queue = queue;
    this.#appended = appended;
  }

  /** Takes over what a recovery read from the store, and appends the gaps that it found. */
  recovered(recovered: Recovered, now: Now): void {
    this.#queue.recovered(recovered);
    this.#owed = [];
    this.#append(recovered.gaps, now);
  }

  /** Declares numbers that are settled already. */
  #declare(settled: Runs, reason: GapReason, now: Now): void {
    this.#append(
      gapsOf(settled, reason, (from, to) => this.#pendingBetween(from, to)),
      now,
    );
  }

  #append(gaps: readonly Gap[], now: Now): void {
    for (const gap of gaps) {
      this.#queue.appendGap(gap, now);
      this.#appended(gap);
    }
  }

  /** Undefined if only the disk knows. */
  #pendingBetween(from: number, to: number): readonly number[] | undefined {
    const { sparse, settled } = this.#queue.ledger;
    if (sparse.some(([low, high]) => low <= to && high >= from)) return undefined;
    return [...numbersOf(complement(settled, from, to))];
  }

  /** Settles those of these that are pending and declares them. */
  refuse(reports: readonly Settled[], reason: GapReason, now: Now): void {
    const refused = reports.filter((report) => this.#queue.isPending(report));
    this.#queue.settle(refused);
    const numbers: Runs = [];
    for (const { seq } of refused) addRange(numbers, seq, seq);
    this.#declare(numbers, reason, now);
  }

  /**
   * Settles numbers that were left behind without having been given to a report, and declares them, except those that
   * dispatch has (`had`).
   */
  abandon(numbers: Runs, had: Runs, reason: GapReason, now: Now): void {
    this.#queue.settleUngiven(numbers);
    this.#declare(without(numbers, had), reason, now);
  }

  /**
   * No broker takes a packet as large as these: settles and declares them. A gap is made again as two that
   * keep fewer numbers each. One that keeps none stays pending: nothing smaller can declare its numbers.
   */
  tooLarge(reports: readonly Report[], now: Now): void {
    const smaller = new Map<number, readonly Gap[]>();
    for (const report of reports)
      if (report.kind === "event" && report.data.type === "gap" && this.#queue.isPending(report))
        smaller.set(report.seq, halvesOf(report.data));
    this.refuse(
      reports.filter(({ seq }) => smaller.get(seq)?.length !== 0),
      "too-large",
      now,
    );
    this.#append([...smaller.values()].flat(), now);
  }

  /**
   * Dispatch lacks these numbers, and nothing has them any more: declares those that no pending gap declares.
   * They are settled already. `read`: the pending events that were read. One that was not counts as a gap of its whole range.
   */
  lost(numbers: Runs, read: readonly Report[], now: Now): void {
    const known = new Map(read.map((report) => [report.seq, report]));
    const declared = this.#queue.ledger.gaps.flatMap(([first, last, from, to]) => {
      const events = this.#queue.eventsBetween(first, last).map((seq) => known.get(seq));
      return events.length === 0 || events.includes(undefined)
        ? [[from, to] satisfies [number, number]]
        : events.flatMap(declaredBy);
    });
    this.#declare(without(numbers, union(declared)), "broker", now);
  }

  /** Their records cannot be read: settles and declares them, and what they may have declared themselves. */
  corrupted(broken: readonly Settled[], now: Now): void {
    for (const report of broken) {
      if (report.kind !== "event" || !this.#queue.isPending(report)) continue;
      const lost = takeGap(this.#queue.ledger.gaps, report.seq);
      if (lost) addRange(this.#owed, lost[2], lost[3]);
    }
    this.refuse(broken, "corruption", now);
  }

  /** Numbers must be declared again. */
  get owes(): boolean {
    return this.#owed.length > 0;
  }

  /** Numbers to be declared again: which of them are in the store must be known for it. */
  get owed(): Runs {
    return union(this.#owed);
  }

  /** Declares what is owed. `found`: the numbers of all records in the store that lie in it. */
  declareOwed(owed: Runs, found: Runs, now: Now): void {
    for (const [from, to] of owed) removeRange(this.#owed, from, to);
    const { held, gone, ledger } = this.#queue.known;
    const pending = without(without(found, ledger.settled), gone);
    this.#append(declaredAgain(owed, union(pending, held)), now);
  }

  /**
   * Gives up records on disk and declares them. `kept`: telemetry between them that stays, ascending; if
   * there is any, the stretch becomes sparse in the ledger.
   */
  giveUp({ lane, seqs, kept }: Excess, now: Now): void {
    const kind = lane === "telemetry" ? "position" : lane;
    const going = seqs.filter((seq) => this.#queue.isPending({ seq, kind }));
    const [from] = going;
    const to = going.at(-1);
    if (from === undefined || to === undefined) return;
    const urgent = this.#queue.urgent.toSorted((a, b) => a - b);
    const gone: Record<"retention" | "unreceipted", Runs> = { retention: [], unreceipted: [] };
    for (const seq of going)
      addRange(gone[this.#queue.isCarried(seq) ? "unreceipted" : "retention"], seq, seq);
    const stays = (low: number, high: number): number[] =>
      [...between(kept, low, high), ...between(urgent, low, high)].toSorted((a, b) => a - b);
    const gaps = [
      ...gapsOf(gone.retention, "retention", stays),
      ...gapsOf(gone.unreceipted, "unreceipted", stays),
    ];
    // What lies far apart needs an event each to be declared: nothing would be gained.
    if (lane !== "telemetry" && gaps.length * 2 > going.length) return;
    if (kept.length > 0 && to < this.#queue.synced) fold(this.#queue.ledger, from, to);
    this.#queue.settle(going.map((seq) => ({ seq, kind })));
    this.#append(gaps, now);
  }

  /** The disk takes nothing and memory is full: gives up the older half of the telemetry. */
  shedTelemetry(now: Now): void {
    const telemetry = [...this.#queue.held.values()].filter(({ kind }) => laneOf(kind) === "telemetry");
    this.refuse(telemetry.slice(0, telemetry.length / 2), "retention", now);
  }

  /** The same of events: a quarter of those in memory, the oldest of low value first. */
  shedEvents(now: Now): void {
    const events = [...this.#queue.held.values()].filter(({ kind }) => kind === "event");
    const seqs = new Set(eventsToDrop(events, events.length / 4));
    this.refuse(
      events.filter(({ seq }) => seqs.has(seq)),
      "retention",
      now,
    );
  }
}

/** Of ascending numbers those in from..to. */
const between = (numbers: readonly number[], from: number, to: number): readonly number[] => {
  let low = 0;
  let high = numbers.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (numbers[middle]! < from) low = middle + 1;
    else high = middle;
  }
  let end = low;
  while (end < numbers.length && numbers[end]! <= to) end++;
  return numbers.slice(low, end);
};
