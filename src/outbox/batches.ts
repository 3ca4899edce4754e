import { LANES, laneOf, type Lane } from "../domain/pending.ts";
import type { Report } from "../domain/report.ts";
import type { Operation } from "./port.ts";
import { encodeKey, encodeRecord } from "./record.ts";
import { addRange, type Runs } from "../domain/runs.ts";

type Removals = Readonly<Record<Lane, number[]>>;
const noRemovals = (): Removals => ({ emergency: [], event: [], telemetry: [] });

/** What a batch holds. */
export type Plan = {
  readonly records: ReadonlyMap<number, Report>;
  /** Numbers whose records are deleted. */
  readonly removals: Removals;
  /** Numbers of records whose old ones are among the deleted. */
  readonly replacing: ReadonlySet<number>;
};

/** A report that a broker has acknowledged waits in memory for its receipt so long, and is then written. */
const CARRIED_MS = 15_000;
/** With more of them all are written: about 256 KiB. */
const CARRIED_MAX = 512;

/**
 * What waits in memory to be written or deleted. One batch at a time is taken with `plan`, and is then
 * either `done` or `undone`. Pure.
 */
export class Batches {
  /** Reports by number, ascending: to be written, and in the batch that is being written. */
  #held = new Map<number, Report>();
  #writing: ReadonlyMap<number, Report> = new Map();
  #removals = noRemovals();
  /** Those in `#held` that a broker has acknowledged, and when, oldest first. */
  readonly #carried = new Map<number, number>();
  /** Those in `#held` whose old records are deleted with the next batch. */
  #replacing = new Set<number>();
  /** The lowest number that was written and is not synced. */
  #unsynced = Infinity;

  get held(): ReadonlyMap<number, Report> {
    return this.#held;
  }
  /** Reports in memory. */
  get size(): number {
    return this.#held.size + this.#writing.size;
  }
  /** Records are to be written or deleted, and wait for no receipt. */
  get due(): boolean {
    return this.dueNow > 0 || LANES.some((lane) => this.#removals[lane].length > 0);
  }

  /** Reports that are to be written without waiting for a receipt. */
  get dueNow(): number {
    return this.#held.size - this.#carried.size;
  }
  /** The first of them that this life has made: one that replaces an old record was made on another clock. */
  get eldest(): Report | undefined {
    for (const [seq, report] of this.#held)
      if (!this.#carried.has(seq) && !this.#replacing.has(seq)) return report;
    return undefined;
  }
  /** When the first of the others is to be written, on the clock of `carry`; undefined if there is none. */
  get carriedUntil(): number | undefined {
    const [first] = this.#carried.values();
    if (first === undefined) return undefined;
    return this.#carried.size > CARRIED_MAX ? first : first + CARRIED_MS;
  }

  /** A broker has acknowledged it. */
  carry(seq: number, now: number): void {
    const waits = this.#held.has(seq) && !this.#replacing.has(seq);
    if (waits && !this.#carried.has(seq)) this.#carried.set(seq, now);
  }

  /** It is written with the batch that deletes its old record, whatever a broker says. */
  replaces(seq: number): void {
    this.#replacing.add(seq);
  }

  hold(report: Report): void {
    this.#held.set(report.seq, report);
  }

  /** It is not written under this number. Returns whether it replaces an old record. */
  forget(seq: number): boolean {
    this.#held.delete(seq);
    this.#carried.delete(seq);
    return this.#replacing.delete(seq);
  }

  /** It is settled: never written, or deleted if it is on disk. */
  remove(seq: number, lane: Lane): void {
    this.#carried.delete(seq);
    if (!this.#held.delete(seq) && !this.#writing.has(seq)) this.#removals[lane].push(seq);
  }

  /** Every report in memory, with its number; of one batch ascending. */
  *reports(): Generator<[seq: number, report: Report]> {
    yield* this.#writing;
    yield* this.#held;
  }

  report(seq: number): Report | undefined {
    return this.#held.get(seq) ?? this.#writing.get(seq);
  }

  /** The numbers of all reports in memory. */
  get numbers(): Runs {
    const numbers: Runs = [];
    for (const [seq] of this.reports()) addRange(numbers, seq, seq);
    return numbers;
  }

  /** Adds the numbers whose records are to be deleted. */
  addRemovals(to: Runs): void {
    for (const lane of LANES) for (const seq of this.#removals[lane]) addRange(to, seq, seq);
  }

  /** Every number below it that is given and not settled is synced on disk. `next`: the next to give. */
  synced(next: number): number {
    const [held = Infinity] = this.#held.keys();
    const [writing = Infinity] = this.#writing.keys();
    return Math.min(held, writing, this.#unsynced, next);
  }

  /** The store was scanned: what is not in it is in memory. */
  scanned(): void {
    this.#unsynced = Infinity;
  }

  /**
   * Takes all that may be written as the next batch. `all`: every number may. `now`: reports whose receipt may
   * still come by then are left; undefined: they are written too.
   */
  plan(all: boolean, may: (seq: number) => boolean, now: number | undefined): Plan {
    const waits = this.#waiting(now);
    const taken = (seq: number): boolean => (all || may(seq)) && !waits.has(seq);
    const whole = all && waits.size === 0;
    const records = whole ? this.#held : new Map([...this.#held].filter(([seq]) => taken(seq)));
    const plan = { records, removals: this.#removals, replacing: this.#replacing };
    this.#held = whole ? new Map() : new Map([...this.#held].filter(([seq]) => !taken(seq)));
    this.#writing = records;
    this.#removals = noRemovals();
    this.#replacing = new Set();
    for (const seq of this.#carried.keys()) if (!this.#held.has(seq)) this.#carried.delete(seq);
    return plan;
  }

  /** Of the acknowledged reports those that are not written yet. */
  #waiting(now: number | undefined): ReadonlyMap<number, number> {
    if (now === undefined || this.#carried.size > CARRIED_MAX) return new Map();
    return new Map([...this.#carried].filter(([, at]) => now - at < CARRIED_MS));
  }

  /** The batch is in the store. */
  done({ records }: Plan, sync: boolean, isSettled: (seq: number) => boolean): void {
    this.#writing = new Map();
    const [first = Infinity] = records.keys();
    this.#unsynced = sync ? Infinity : Math.min(this.#unsynced, first);
    // Settled while they were being written: they are in the store and must go again.
    this.#removeSettled(records, isSettled);
  }

  /** The batch is not in the store, or only perhaps: it is part of the next one. */
  undone({ records, removals, replacing }: Plan, isSettled: (seq: number) => boolean): void {
    this.#writing = new Map();
    const pending = [...records].filter(([seq]) => !isSettled(seq));
    this.#removeSettled(records, isSettled);
    for (const [seq] of pending) if (replacing.has(seq)) this.#replacing.add(seq);
    // Some may have waited for a receipt meanwhile: numbers stay ascending.
    this.#held = new Map([...pending, ...this.#held].toSorted(([one], [other]) => one - other));
    this.#removals = {
      emergency: [...removals.emergency, ...this.#removals.emergency],
      event: [...removals.event, ...this.#removals.event],
      telemetry: [...removals.telemetry, ...this.#removals.telemetry],
    };
  }

  #removeSettled(records: ReadonlyMap<number, Report>, isSettled: (seq: number) => boolean): void {
    for (const [seq, { kind }] of records) if (isSettled(seq)) this.#removals[laneOf(kind)].push(seq);
  }
}

/** The operations of records and removals. */
export const operationsOf = ({ records, removals }: Plan): Operation[] => {
  const operations: Operation[] = [];
  for (const lane of LANES)
    for (const seq of removals[lane]) operations.push({ type: "del", key: encodeKey(lane, seq) });
  for (const [seq, report] of records) {
    const key = encodeKey(laneOf(report.kind), seq);
    operations.push({ type: "put", key, value: encodeRecord(key, report) });
  }
  return operations;
};
