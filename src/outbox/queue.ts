import { laneOf, type Lane } from "../domain/pending.ts";
import type { Draft, Report } from "../domain/report.ts";
import { isKeepableThroughout, keepableThroughout } from "../domain/text.ts";
import { isoInstant, type Instant } from "../domain/time.ts";
import { Batches, operationsOf, type Plan } from "./batches.ts";
import { gapSettled, noteGap } from "./declared.ts";
import {
  limitRuns,
  encodeLedger,
  isSettled,
  oldestPending,
  pendingCount,
  segmentOf,
  settle,
  type Ledger,
} from "./ledger.ts";
import { finalLease, Numbers, type Lease } from "./numbers.ts";
import type { Operation } from "./port.ts";
import { Recent } from "./recent.ts";
import { LEDGER_KEY, seal } from "./record.ts";
import type { Gap, Known, Recovered } from "./recovery.ts";
import type { Origin } from "./vital-record.ts";
import { addRange, hasNumber, numbersOf, union, without, type Runs } from "../domain/runs.ts";

/** The vital file: whether it cannot be written, and the newest generation that is on disk. */
export type VitalState = { readonly away: boolean; readonly generation: number };

/** Whose numbers these are. */
export type QueueOf = {
  readonly unit: string;
  readonly store: string;
  readonly boot: number;
  readonly origin?: Origin;
};

/** A report to be settled. */
export type Settled = Pick<Report, "seq" | "kind">;
/** The instant of what the queue itself makes. */
export type Now = Instant & { readonly mono: number };

/** The end of the year 9999. */
const LAST_INSTANT = 253_402_300_799_999;
/** A page that was read before its records were deleted may still be under way: this many, or half of them, are remembered. */
const RECENT_MAX = 131_072;

/**
 * Gives reports their numbers and knows which of them are pending: the ledger, and what of it waits in
 * memory. Pure: it reads no clock and does no I/O; a batch is taken with `plan`, and is then either `done`
 * or `undone`.
 */
export class Queue {
  readonly #of: QueueOf;
  #ledger: Ledger;
  readonly #numbers: Numbers;
  readonly #batches = new Batches();
  /** Events and emergencies that are pending, by number: exact, also in sparse segments. */
  readonly #urgent: Record<"emergency" | "event", Set<number>> = { emergency: new Set(), event: new Set() };
  /** Those of the emergencies that were made in this life. */
  readonly #made = new Set<number>();
  readonly #recent = new Recent(RECENT_MAX);
  #changed = false;
  #forgotten = 0;
  /** The first number of this life, and whether the ledger agrees with the store. */
  readonly #first: number;
  #recovered = false;
  /** Settled numbers that this life has not given: until the recovery, earlier lives may have records there. */
  #ungiven: Runs = [];
  /** Emergencies of earlier lives whose episodes the memory may not have. */
  #apart: Runs = [];

  constructor(of: QueueOf, ledger: Ledger, lease: Lease) {
    this.#of = of;
    this.#ledger = ledger;
    this.#numbers = new Numbers(lease, ledger.next);
    this.#first = ledger.next;
  }

  get ledger(): Ledger {
    return this.#ledger;
  }
  /** Reports that are in memory and not in the batch that is being written. */
  get held(): ReadonlyMap<number, Report> {
    return this.#batches.held;
  }
  /** Reports in memory. */
  get size(): number {
    return this.#batches.size;
  }
  /** Records are to be written or deleted, and wait for no receipt. */
  get due(): boolean {
    return this.#batches.due;
  }
  /** That, or the ledger has changed. */
  get changed(): boolean {
    return this.#changed || this.due;
  }
  get pending(): number {
    return pendingCount(this.#ledger);
  }
  /** Records that wait, by lane, as far as they are known. */
  get waiting(): Record<Lane, number> {
    const [emergency, event] = [this.#urgent.emergency.size, this.#urgent.event.size];
    const all = this.#recovered ? this.pending : this.size;
    return { emergency, event, telemetry: Math.max(0, all - emergency - event) };
  }
  get oldest(): number {
    return oldestPending(this.#ledger);
  }
  get events(): number {
    return this.#urgent.event.size;
  }
  /** The numbers of events and emergencies that are pending, in no order. */
  get urgent(): number[] {
    return [...this.#urgent.emergency, ...this.#urgent.event];
  }
  /** Reports in memory that wait for no receipt. */
  get dueNow(): number {
    return this.#batches.dueNow;
  }
  /** The first report in memory that waits for no receipt and that this life has made. */
  get eldest(): Report | undefined {
    return this.#batches.eldest;
  }
  /** When the first report that waits for a receipt is to be written; undefined if none waits. */
  get carriedUntil(): number | undefined {
    return this.#batches.carriedUntil;
  }
  get heldEvents(): number {
    let events = 0;
    for (const { kind } of this.held.values()) if (kind === "event") events++;
    return events;
  }
  /** The first number of this life. */
  get first(): number {
    return this.#first;
  }
  get next(): number {
    return this.#ledger.next;
  }
  /** Whether a recovery has compared the ledger with the store in this life. */
  get isRecovered(): boolean {
    return this.#recovered;
  }

  // ---- numbers

  /** Makes a report of a draft, with the next number, and holds it. Never throws. */
  append(draft: Draft, mono: number): Report {
    const seq = this.#ledger.next++;
    const { unit, store, boot } = this.#of;
    // A report must satisfy its own schema: an instant that ISO 8601 cannot express is left out. Its texts can come from
    // outside, and a report with one that dispatch's stores refuse would be missing for ever.
    const writable = draft.at >= 0 && draft.at <= LAST_INSTANT;
    const report = {
      v: 1,
      unit,
      store,
      boot,
      seq,
      kind: draft.kind,
      at: isoInstant(writable ? draft.at : 0),
      clock: writable ? draft.clock : "unset",
      mono: draft.mono ?? mono,
      data: isKeepableThroughout(draft.data) ? draft.data : keepableThroughout(draft.data),
    } as Report;
    this.#hold(report);
    return report;
  }

  /**
   * Gives a pending report of an earlier store a number of this one, and returns it. A gap is only settled: its
   * numbers mean nothing here.
   */
  renumber(report: Report): number | undefined {
    const isGap = report.kind === "event" && report.data.type === "gap";
    const seq = isGap ? undefined : this.#ledger.next++;
    if (seq !== undefined) this.#hold({ ...report, store: this.#of.store, seq });
    if (seq !== undefined) {
      // Its episode was stored by an earlier life.
      this.#made.delete(seq);
      this.#batches.replaces(seq);
    }
    this.settle([report]);
    return seq;
  }

  appendGap(gap: Gap, { mono, at, clock }: Now): void {
    const { seq } = this.append({ kind: "event", data: gap, at, clock }, mono);
    noteGap(this.#ledger.gaps, seq, gap.from, gap.to);
  }

  #hold(report: Report): void {
    if (report.kind === "emergency") this.#made.add(report.seq);
    this.#batches.hold(report);
    this.#pend(report.seq, report.kind);
  }

  #pend(seq: number, kind: Report["kind"]): void {
    const lane = laneOf(kind);
    if (lane !== "telemetry") this.#urgent[lane].add(seq);
  }

  leased(seq: number): boolean {
    return this.#numbers.leased(seq);
  }

  /** Few leased numbers are left: the vital file must be written. */
  get leaseIsShort(): boolean {
    return this.#numbers.isShort(this.next);
  }

  /** Every number in memory may be written: the next life begins above the lease. */
  get allLeased(): boolean {
    return this.leased(this.next - 1);
  }

  /** The lease that the vital file should hold. It counts once `leaseWritten`. */
  wantedLease(): Lease {
    return this.#numbers.wanted(this.next);
  }

  /** The life ends: nothing is leased ahead. */
  finalLease(): Lease {
    return finalLease(this.next);
  }

  leaseWritten(lease: Lease): void {
    this.#numbers.written(lease);
  }

  /** The life ends: what the next batch writes accounts for every number, so none is leased ahead. */
  stopLeasing(): void {
    if (this.allLeased) this.#numbers.end(this.next);
  }

  /**
   * Nothing remembers numbers any more. Those given and not leased would be given again by the next
   * life; none of them has gone out, so their reports get others, from `beyond` on. Returns the numbers
   * left behind, to be declared. Numbers between them may be of an earlier life, which jumped as well.
   */
  leaveNumbers(beyond: number): Runs {
    const { bound: first } = this.#numbers;
    const moved = [...this.held.values()].filter(({ seq }) => seq >= first);
    const left: Runs = [];
    for (const { seq } of moved) addRange(left, seq, seq);
    const from = this.next;
    this.#ledger.next = Math.max(beyond, from);
    if (from < this.next) addRange(left, from, this.next - 1);
    this.#numbers.left(this.next);
    for (const report of moved) this.#renumber(report);
    return left;
  }

  #renumber(report: Report): void {
    const { seq } = report;
    const replaces = this.#batches.forget(seq);
    const lane = laneOf(report.kind);
    if (lane !== "telemetry") this.#urgent[lane].delete(seq);
    const isMadeHere = this.#made.delete(seq);
    // The same object: its owner may publish it, and must do so under its new number.
    Object.assign(report, { seq: this.#ledger.next++ });
    this.#hold(report);
    if (!isMadeHere) this.#made.delete(report.seq);
    if (replaces) this.#batches.replaces(report.seq);
    if (report.kind !== "event" || report.data.type !== "gap") return;
    gapSettled(this.#ledger.gaps, seq, (first, last) => this.#highestEvent(first, last));
    noteGap(this.#ledger.gaps, report.seq, report.data.from, report.data.to);
  }

  // ---- what is pending

  /** Replaces the ledger with the one that a recovery read from the store. Its gaps are yet to be appended. */
  recovered({ ledger, lanes }: Recovered): void {
    this.#ledger = ledger;
    this.#recovered = true;
    this.#ungiven = [];
    this.#recent.clear();
    for (const lane of ["emergency", "event"] as const) {
      this.#urgent[lane].clear();
      for (const seq of numbersOf(lanes[lane])) if (!isSettled(ledger, seq)) this.#urgent[lane].add(seq);
    }
    for (const [seq, { kind }] of this.#batches.reports()) this.#pend(seq, kind);
    this.#batches.scanned();
    this.#changed = true;
  }

  /** Whether a record that was read from the store is settled. */
  isSettled(seq: number): boolean {
    return isSettled(this.#ledger, seq) || this.#recent.has(seq);
  }

  /** See `PendingReports.madeHere`. */
  madeHere(seq: number): boolean {
    return this.#made.has(seq);
  }

  isPending({ seq, kind }: Settled): boolean {
    const lane = laneOf(kind);
    if (lane === "telemetry" || (!this.#recovered && seq < this.#first)) return !this.isSettled(seq);
    return this.#urgent[lane].has(seq);
  }

  /** Settles those of these that are pending. */
  settle(reports: readonly Settled[]): void {
    for (const report of reports) if (this.isPending(report)) this.#release(report.seq, laneOf(report.kind));
  }

  /** A broker has acknowledged these. They stay until they are settled. `now`: on the clock of `plan`. */
  carry(reports: readonly Settled[], now: number): void {
    for (const report of reports) {
      if (!this.isPending(report)) continue;
      addRange(this.#ledger.carried, report.seq, report.seq);
      if (laneOf(report.kind) === "telemetry") this.#batches.carry(report.seq, now);
      this.#changed = true;
    }
  }

  /** Nothing waits for a receipt any more: what is pending is to be sent again. */
  carryNothing(): void {
    this.#ledger.carried = [];
    this.#changed = true;
  }

  /** Whether a broker has acknowledged it. */
  isCarried(seq: number): boolean {
    return this.#ledger.carried.length > 0 && hasNumber(this.#ledger.carried, seq);
  }

  /** See `Outbox.forgotten`. */
  get forgotten(): number {
    return this.#forgotten;
  }

  /** Numbers that a broker has acknowledged, pending or not. */
  get carried(): Runs {
    return this.#ledger.carried;
  }

  /** Pending emergencies. */
  get emergencies(): Runs {
    const numbers: Runs = [];
    for (const seq of this.#urgent.emergency) addRange(numbers, seq, seq);
    return numbers;
  }

  /** The `Settled` of a number. Only for one that is certainly pending: a settled one would get a wrong kind. */
  named(seq: number): Settled {
    if (this.#urgent.emergency.has(seq)) return { seq, kind: "emergency" };
    return { seq, kind: this.#urgent.event.has(seq) ? "event" : "position" };
  }

  /** Settles numbers that this life has not given to reports. */
  settleUngiven(numbers: Runs): void {
    for (const [from, to] of numbers) {
      addRange(this.#ledger.settled, from, to);
      if (!this.#recovered) addRange(this.#ungiven, from, to);
    }
    this.#changed = true;
  }

  #release(seq: number, lane: Lane): void {
    if (segmentOf(this.#ledger, seq)) this.#recent.add(seq);
    settle(this.#ledger, seq);
    if (lane !== "telemetry") this.#urgent[lane].delete(seq);
    this.#made.delete(seq);
    if (lane === "event")
      gapSettled(this.#ledger.gaps, seq, (first, last) => this.#highestEvent(first, last));
    this.#batches.remove(seq, lane);
    this.#changed = true;
  }

  #highestEvent(first: number, last: number): number | undefined {
    const events = this.eventsBetween(first, last);
    return events.length === 0 ? undefined : Math.max(...events);
  }

  /** The numbers of the pending events between two numbers. */
  eventsBetween(first: number, last: number): readonly number[] {
    return [...this.#urgent.event].filter((seq) => first <= seq && seq <= last);
  }

  /** Emergencies in the store whose episodes the memory may not have. */
  setApart(numbers: Runs): void {
    this.#apart = numbers;
  }

  // ---- batches

  /** All below it is settled, or synced on disk. */
  get synced(): number {
    return this.#batches.synced(this.next);
  }

  /** What of a lane is not on disk but may be published, above a number. */
  unwritten(lane: Lane, after: number): Report[] {
    const fresh: Report[] = [];
    for (const [seq, report] of this.#batches.reports())
      if (seq > after && laneOf(report.kind) === lane && this.leased(seq)) fresh.push(report);
    return fresh;
  }

  /** Takes all that may be written as the next batch. `now`: see `Batches.plan`. */
  plan(now: number | undefined): Plan {
    if (limitRuns(this.#ledger, this.synced)) this.#forgotten++;
    this.#changed = false;
    return this.#batches.plan(this.allLeased, (seq) => this.leased(seq), now);
  }

  /** The operations of a batch: its records, its removals and the ledger. */
  operationsOf(plan: Plan, { away, generation }: VitalState): Operation[] {
    const { store, boot, origin } = this.#of;
    const apart: Runs = [];
    for (const seq of this.#urgent.emergency)
      if (away || hasNumber(this.#apart, seq)) addRange(apart, seq, seq);
    const { lease } = this.#numbers;
    const ledger = encodeLedger(this.#ledger, { ...origin, store, boot, generation, lease, apart });
    const operations = operationsOf(plan);
    operations.push({ type: "put", key: LEDGER_KEY, value: seal(LEDGER_KEY, ledger) });
    return operations;
  }

  /** The batch is in the store. */
  done(plan: Plan, sync: boolean): void {
    this.#batches.done(plan, sync, (seq) => this.isSettled(seq));
  }

  /** The batch is not in the store, or only perhaps: it is part of the next one. */
  undone(plan: Plan): void {
    this.#batches.undone(plan, (seq) => this.isSettled(seq));
    this.#changed = true;
  }

  /** A report that is in memory. */
  inMemory(seq: number): Report | undefined {
    return this.#batches.report(seq);
  }

  /** What a recovery must know of this life. */
  get known(): Pick<Known, "first" | "ledger" | "recovered" | "held" | "gone" | "ungiven"> {
    const ungiven = union(this.#ungiven);
    const gone: Runs = this.#recovered ? [] : without(union(this.#ledger.settled), ungiven);
    this.#batches.addRemovals(gone);
    const held = this.#batches.numbers;
    return { first: this.#first, ledger: this.#ledger, recovered: this.#recovered, held, gone, ungiven };
  }
}
