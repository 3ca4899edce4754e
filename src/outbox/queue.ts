import { LANES, laneOf, type Lane } from "../domain/pending.ts";
import type { Draft, GapReason, Report } from "../domain/report.ts";
import { isoInstant, type Instant } from "../domain/time.ts";
import { gapSettled, noteGap, takeGap } from "./declared.ts";
import { eventsToDrop } from "./event-value.ts";
import {
  bound,
  encodeLedger,
  fold,
  isSettled,
  oldestPending,
  pendingCount,
  segmentOf,
  settle,
  type Ledger,
} from "./ledger.ts";
import type { Operation } from "./port.ts";
import { Recent } from "./recent.ts";
import { encodeKey, encodeRecord, LEDGER_KEY, seal } from "./record.ts";
import { declaredAgain, gapsOf, halvesOf, type Gap, type Known, type Recovered } from "./recovery.ts";
import type { Excess } from "./retention.ts";
import { addRange, complement, numbersOf, removeRange, union, without, type Runs } from "./runs.ts";

/** A report to be settled. */
export type Settled = Pick<Report, "seq" | "kind">;
/** The instant of what the queue itself makes. */
export type Now = Instant & { readonly mono: number };

type Removals = Readonly<Record<Lane, number[]>>;
const noRemovals = (): Removals => ({ emergency: [], event: [], telemetry: [] });

/** What a batch holds. */
export type Plan = {
  readonly records: ReadonlyMap<number, Report>;
  /** Numbers whose records are deleted. */
  readonly removals: Removals;
};

/** Numbers leased ahead: few, because a crash declares those that it cannot account for. */
export const LEASE_MIN = 64;
export const LEASE_MAX = 65_536;
/** How many times further than the last lease the next one may reach. */
export const REACH = 8;

/**
 * Numbers below `lease` may have been used. The next lease is at most `reach`: so much may have been
 * used if the newest place of the vital file is lost.
 */
export type Lease = { readonly lease: number; readonly reach: number };

/** The end of the year 9999. */
const LAST_INSTANT = 253_402_300_799_999;
/** A page that was read before its records were deleted may still be under way: this many, or half of them, are remembered. */
const RECENT_MAX = 131_072;

/**
 * Numbers and what waits in memory to be written. Pure: it reads no clock and does no I/O; a batch is
 * taken with `plan`, and is then either `done` or `undone`.
 */
export class Queue {
  readonly #of: { readonly unit: string; readonly store: string; readonly boot: number };
  #ledger: Ledger;
  /** Numbers below it are remembered by the vital file. */
  #lease: number;
  /** The next lease is not above it (see `Lease`). */
  #reach: number;
  /** Numbers from it on are free without a lease: nothing remembers any, and they are far from all others. */
  #freeFrom = Infinity;
  #givenAtLease: number;
  /** How many numbers the last lease was ahead. */
  #ahead = LEASE_MIN;
  /** Reports in memory, by number, ascending: to be written, and in the batch that is being written. */
  #held = new Map<number, Report>();
  #writing: ReadonlyMap<number, Report> = new Map();
  #removals = noRemovals();
  /** Events and emergencies that are pending, by number: exact, also in sparse segments. */
  readonly #urgent: Record<"emergency" | "event", Set<number>> = { emergency: new Set(), event: new Set() };
  readonly #recent = new Recent(RECENT_MAX);
  /** Settled numbers whose declaration cannot be read: declared again before the next batch (`declareOwed`). */
  #owed: Runs = [];
  /** The lowest number that was written and is not synced. */
  #unsynced = Infinity;
  #changed = false;
  /** The first number of this life, and whether the store has been held against what is known. */
  readonly #first: number;
  #recovered = false;

  constructor(of: { unit: string; store: string; boot: number }, ledger: Ledger, { lease, reach }: Lease) {
    this.#of = of;
    this.#ledger = ledger;
    this.#lease = lease;
    this.#reach = reach;
    this.#first = ledger.next;
    this.#givenAtLease = ledger.next;
  }

  get ledger(): Ledger {
    return this.#ledger;
  }
  get held(): ReadonlyMap<number, Report> {
    return this.#held;
  }
  /** Reports in memory. */
  get size(): number {
    return this.#held.size + this.#writing.size;
  }
  /** Records are to be written or deleted. */
  get due(): boolean {
    return this.#held.size > 0 || LANES.some((lane) => this.#removals[lane].length > 0);
  }
  /** That, or the ledger has changed. */
  get changed(): boolean {
    return this.#changed || this.due;
  }
  get pending(): number {
    return pendingCount(this.#ledger);
  }
  get oldest(): number {
    return oldestPending(this.#ledger);
  }
  get events(): number {
    return this.#urgent.event.size;
  }

  /** Numbers a draft and takes it. */
  append(draft: Draft, mono: number): Report {
    const seq = this.#ledger.next++;
    const { unit, store, boot } = this.#of;
    // Never throws, and never makes what its own schema refuses: an instant that cannot be written is none.
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
      data: draft.data,
    } as Report;
    this.#hold(report);
    return report;
  }

  #hold(report: Report): void {
    this.#held.set(report.seq, report);
    const lane = laneOf(report.kind);
    if (lane !== "telemetry") this.#urgent[lane].add(report.seq);
  }

  leased(seq: number): boolean {
    return seq < this.#lease || seq >= this.#freeFrom;
  }

  /** Few leased numbers are left: the vital file must be written. */
  get leaseIsShort(): boolean {
    return this.#freeFrom === Infinity && this.#lease - this.#ledger.next < this.#ahead / 4;
  }

  /** The lease that the vital file should hold. It counts once `leaseWritten`. */
  wantedLease(): Lease {
    const { next } = this.#ledger;
    if (this.#lease - next >= this.#ahead / 2) return { lease: this.#lease, reach: this.#reach };
    this.#ahead = Math.min(Math.max(LEASE_MIN, (next - this.#givenAtLease) * 4), LEASE_MAX);
    this.#givenAtLease = next;
    const wanted = next + this.#ahead;
    const lease = Math.max(this.#lease, this.#freeFrom === Infinity ? Math.min(wanted, this.#reach) : wanted);
    // The numbers may have jumped beyond the reach: the next write leases them, so this one must reach as far.
    return { lease, reach: Math.max(lease, wanted) + REACH * this.#ahead };
  }

  /** The life ends: nothing is leased ahead. */
  endedLease(): Lease {
    return { lease: this.#ledger.next, reach: this.#ledger.next + REACH * LEASE_MIN };
  }

  leaseWritten({ lease, reach }: Lease): void {
    this.#lease = Math.max(this.#lease, lease);
    this.#reach = Math.max(this.#reach, reach);
    this.#freeFrom = Infinity;
  }

  /**
   * Nothing remembers numbers any more. Those given and not leased would be given again by the next
   * life; none of them has gone out, so their reports get others, from `beyond` on. Returns the numbers
   * left behind, to be declared.
   */
  leaveNumbers(beyond: number): Runs {
    const from = Math.min(this.#lease, this.#ledger.next);
    const moved = [...this.#held].filter(([seq]) => seq >= this.#lease);
    this.#ledger.next = Math.max(beyond, this.#ledger.next);
    const to = this.#ledger.next - 1;
    this.#freeFrom = this.#ledger.next;
    for (const [seq, report] of moved) {
      this.#held.delete(seq);
      const lane = laneOf(report.kind);
      if (lane !== "telemetry") this.#urgent[lane].delete(seq);
      // The same object: its owner may publish it, and must do so under its new number.
      Object.assign(report, { seq: this.#ledger.next++ });
      this.#hold(report);
      if (report.kind === "event" && report.data.type === "gap") {
        gapSettled(this.#ledger.gaps, seq, (first, last) => this.#highestEvent(first, last));
        noteGap(this.#ledger.gaps, report.seq, report.data.from, report.data.to);
      }
    }
    return from <= to ? [[from, to]] : [];
  }

  /** Replaces the ledger with the one that a recovery read from the store, and appends the gaps that it found. */
  recovered({ ledger, lanes, gaps }: Recovered, now: Now): void {
    this.#ledger = ledger;
    this.#recovered = true;
    this.#owed = [];
    this.#recent.clear();
    for (const lane of ["emergency", "event"] as const) {
      this.#urgent[lane].clear();
      for (const seq of numbersOf(lanes[lane])) if (!isSettled(ledger, seq)) this.#urgent[lane].add(seq);
    }
    for (const [seq, { kind }] of [...this.#writing, ...this.#held]) {
      const lane = laneOf(kind);
      if (lane !== "telemetry") this.#urgent[lane].add(seq);
    }
    this.#unsynced = Infinity;
    this.#changed = true;
    for (const gap of gaps) this.#appendGap(gap, now);
  }

  /** Whether a record that was read from the store is settled. */
  isSettled(seq: number): boolean {
    return isSettled(this.#ledger, seq) || this.#recent.has(seq);
  }

  #isPending({ seq, kind }: Settled): boolean {
    const lane = laneOf(kind);
    if (lane === "telemetry" || (!this.#recovered && seq < this.#first)) return !this.isSettled(seq);
    return this.#urgent[lane].has(seq);
  }

  /** Settles those of these that are pending. */
  settle(reports: readonly Settled[]): void {
    for (const report of reports) if (this.#isPending(report)) this.#release(report.seq, laneOf(report.kind));
  }

  #release(seq: number, lane: Lane): void {
    if (segmentOf(this.#ledger, seq)) this.#recent.add(seq);
    settle(this.#ledger, seq);
    if (lane !== "telemetry") this.#urgent[lane].delete(seq);
    if (lane === "event")
      gapSettled(this.#ledger.gaps, seq, (first, last) => this.#highestEvent(first, last));
    if (!this.#held.delete(seq) && !this.#writing.has(seq)) this.#removals[lane].push(seq);
    this.#changed = true;
  }

  #highestEvent(first: number, last: number): number | undefined {
    let highest: number | undefined;
    for (const seq of this.#urgent.event)
      if (seq >= first && seq <= last && seq > (highest ?? 0)) highest = seq;
    return highest;
  }

  /** Settles those of these that are pending and declares them. */
  refuse(reports: readonly Settled[], reason: GapReason, now: Now): void {
    const refused = reports.filter((report) => this.#isPending(report));
    this.settle(refused);
    const numbers: Runs = [];
    for (const { seq } of refused) addRange(numbers, seq, seq);
    this.declare(numbers, reason, now);
  }

  /**
   * No broker takes a packet as large as these: settles and declares them. A gap is made again as two that
   * keep fewer numbers each. One that keeps none stays pending: nothing smaller can declare its numbers.
   */
  tooLarge(reports: readonly Report[], now: Now): void {
    const smaller = new Map<number, readonly Gap[]>();
    for (const report of reports)
      if (report.kind === "event" && report.data.type === "gap" && this.#isPending(report))
        smaller.set(report.seq, halvesOf(report.data));
    this.refuse(
      reports.filter(({ seq }) => smaller.get(seq)?.length !== 0),
      "too-large",
      now,
    );
    for (const gap of [...smaller.values()].flat()) this.#appendGap(gap, now);
  }

  /** Their records cannot be read: settles and declares them, and what they may have declared themselves. */
  corrupted(broken: readonly Settled[], now: Now): void {
    for (const report of broken) {
      if (report.kind !== "event" || !this.#isPending(report)) continue;
      const lost = takeGap(this.#ledger.gaps, report.seq);
      if (lost) addRange(this.#owed, lost[2], lost[3]);
    }
    this.refuse(broken, "corruption", now);
  }

  /** Numbers to be declared again: which of them are in the store must be known for it. */
  get owed(): Runs {
    return union(this.#owed);
  }

  /** Declares what is owed. `found`: the numbers of all records in the store that lie in it. */
  declareOwed(owed: Runs, found: Runs, now: Now): void {
    for (const [from, to] of owed) removeRange(this.#owed, from, to);
    const { held, gone } = this.known;
    const pending = without(without(found, this.#ledger.settled), gone);
    for (const gap of declaredAgain(owed, union(pending, held))) this.#appendGap(gap, now);
  }

  /** Declares numbers that are settled already. */
  declare(settled: Runs, reason: GapReason, now: Now): void {
    const gaps = gapsOf(settled, reason, (from, to) => this.#pendingBetween(from, to));
    for (const gap of gaps) this.#appendGap(gap, now);
  }

  #appendGap(gap: Gap, { mono, at, clock }: Now): void {
    const { seq } = this.append({ kind: "event", data: gap, at, clock }, mono);
    noteGap(this.#ledger.gaps, seq, gap.from, gap.to);
  }

  /** Undefined if only the disk knows. */
  #pendingBetween(from: number, to: number): readonly number[] | undefined {
    if (this.#ledger.sparse.some(([low, high]) => low <= to && high >= from)) return undefined;
    return [...numbersOf(complement(this.#ledger.settled, from, to))];
  }

  /** Numbers that were left behind without having been given to a report are settled: they are declared. */
  abandon(numbers: Runs, reason: GapReason, now: Now): void {
    for (const [from, to] of numbers) addRange(this.#ledger.settled, from, to);
    this.#changed = true;
    this.declare(numbers, reason, now);
  }

  /**
   * Gives up records on disk and declares them. `kept`: telemetry between them that stays, ascending; if
   * there is any, the stretch becomes sparse in the ledger.
   */
  giveUp({ lane, seqs, kept }: Excess, now: Now): void {
    const going = seqs.filter((seq) =>
      this.#isPending({ seq, kind: lane === "event" ? "event" : "position" }),
    );
    const [from] = going;
    const to = going.at(-1);
    if (from === undefined || to === undefined) return;
    const urgent = [...this.#urgent.emergency, ...this.#urgent.event].toSorted((a, b) => a - b);
    const gone: Runs = [];
    for (const seq of going) addRange(gone, seq, seq);
    const gaps = gapsOf(gone, "retention", (low, high) =>
      [...between(kept, low, high), ...between(urgent, low, high)].toSorted((a, b) => a - b),
    );
    // Events that lie far apart need an event each to be declared: nothing would be gained.
    if (lane === "event" && gaps.length * 2 > going.length) return;
    if (kept.length > 0 && to < this.synced) fold(this.#ledger, from, to);
    for (const seq of going) this.#release(seq, lane);
    for (const gap of gaps) this.#appendGap(gap, now);
  }

  /** The disk takes nothing and memory is full: gives up the older half of the telemetry. */
  shedTelemetry(now: Now): void {
    const telemetry = [...this.#held.values()].filter(({ kind }) => laneOf(kind) === "telemetry");
    this.refuse(telemetry.slice(0, telemetry.length / 2), "retention", now);
  }

  /** The same of events: a quarter of those in memory, the oldest of low value first. */
  shedEvents(now: Now): void {
    const events = [...this.#held.values()].filter(({ kind }) => kind === "event");
    const seqs = new Set(eventsToDrop(events, events.length / 4));
    this.refuse(
      events.filter(({ seq }) => seqs.has(seq)),
      "retention",
      now,
    );
  }

  get heldEvents(): number {
    let events = 0;
    for (const { kind } of this.#held.values()) if (kind === "event") events++;
    return events;
  }

  /** All below it is settled, or synced on disk. */
  get synced(): number {
    const [held = Infinity] = this.#held.keys();
    const [writing = Infinity] = this.#writing.keys();
    return Math.min(held, writing, this.#unsynced, this.#ledger.next);
  }

  /** What of a lane is not on disk but may be published, above a number. */
  unwritten(lane: Lane, after: number): Report[] {
    const fresh: Report[] = [];
    for (const batch of [this.#writing, this.#held]) {
      for (const [seq, report] of batch) {
        if (seq > after && laneOf(report.kind) === lane && this.leased(seq)) fresh.push(report);
      }
    }
    return fresh;
  }

  /** Every number in memory may be written: the next life begins above the lease. */
  get allLeased(): boolean {
    return this.leased(this.#ledger.next - 1);
  }

  /** Takes all that may be written as the next batch. */
  plan(): Plan {
    bound(this.#ledger, this.synced);
    const records = this.allLeased
      ? this.#held
      : new Map([...this.#held].filter(([seq]) => this.leased(seq)));
    const plan = { records, removals: this.#removals };
    this.#held = this.allLeased ? new Map() : new Map([...this.#held].filter(([seq]) => !this.leased(seq)));
    this.#writing = records;
    this.#removals = noRemovals();
    this.#changed = false;
    return plan;
  }

  /** The life ends: what the next batch writes accounts for every number, so none is leased ahead. */
  endLease(): void {
    if (this.allLeased) this.#lease = this.#ledger.next;
  }

  /** The operations of a batch: its records, its removals and the ledger. */
  operationsOf({ records, removals }: Plan): Operation[] {
    const operations: Operation[] = [];
    for (const lane of LANES)
      for (const seq of removals[lane]) operations.push({ type: "del", key: encodeKey(lane, seq) });
    for (const [seq, report] of records) {
      const key = encodeKey(laneOf(report.kind), seq);
      operations.push({ type: "put", key, value: encodeRecord(key, report) });
    }
    const { store, boot } = this.#of;
    const ledger = encodeLedger(this.#ledger, { store, boot, lease: this.#lease });
    operations.push({ type: "put", key: LEDGER_KEY, value: seal(LEDGER_KEY, ledger) });
    return operations;
  }

  /** The batch is in the store. */
  done({ records }: Plan, sync: boolean): void {
    this.#writing = new Map();
    const [first = Infinity] = records.keys();
    this.#unsynced = sync ? Infinity : Math.min(this.#unsynced, first);
    // Settled while they were being written: they are in the store and must go again.
    for (const [seq, { kind }] of records) if (this.isSettled(seq)) this.#removals[laneOf(kind)].push(seq);
  }

  /** The batch is not in the store, or only perhaps: it is part of the next one. */
  undone({ records, removals }: Plan): void {
    this.#writing = new Map();
    const pending = [...records].filter(([seq]) => !this.isSettled(seq));
    for (const [seq, { kind }] of records) if (this.isSettled(seq)) this.#removals[laneOf(kind)].push(seq);
    this.#held = new Map([...pending, ...this.#held]);
    this.#removals = {
      emergency: [...removals.emergency, ...this.#removals.emergency],
      event: [...removals.event, ...this.#removals.event],
      telemetry: [...removals.telemetry, ...this.#removals.telemetry],
    };
    this.#changed = true;
  }

  /** What a recovery must know of this life. */
  get known(): Pick<Known, "first" | "ledger" | "recovered" | "held" | "gone" | "owed"> {
    const held: Runs = [];
    for (const seq of [...this.#writing.keys(), ...this.#held.keys()]) addRange(held, seq, seq);
    const gone: Runs = this.#recovered ? [] : union(this.#ledger.settled);
    for (const lane of LANES) for (const seq of this.#removals[lane]) addRange(gone, seq, seq);
    return {
      first: this.#first,
      ledger: this.#ledger,
      recovered: this.#recovered,
      held,
      gone,
      owed: this.#owed,
    };
  }

  /** Whether the store has been held against what is known, in this life. */
  get isRecovered(): boolean {
    return this.#recovered;
  }

  /** The first number of this life. */
  get first(): number {
    return this.#first;
  }

  get next(): number {
    return this.#ledger.next;
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
