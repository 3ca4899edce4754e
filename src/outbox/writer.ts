import { LANES, laneOf, type Lane } from "../domain/pending.ts";
import type { Report } from "../domain/report.ts";
import type { Clock } from "../domain/time.ts";
import type { Time, Timer } from "../runtime/ports.ts";
import { afterRunning } from "../runtime/wait.ts";
import type { Plan } from "./batches.ts";
import { createCommitter, type Committer } from "./committer.ts";
import type { Condition } from "./condition.ts";
import type { Gaps } from "./gaps.ts";
import { MemoryCopy } from "./memory-copy.ts";
import { numbersIn, ScanAbandoned } from "./opening.ts";
import { whileItMoves } from "./patience.ts";
import { DamageError, NoAnswerError, type Disk, type Operation, type Store } from "./port.ts";
import type { Now, Queue } from "./queue.ts";
import { encodeKey, encodeRecord } from "./record.ts";
import type { Excess, Retention } from "./retention.ts";
import type { Room } from "./room.ts";
import type { StoreAccess } from "./store-access.ts";
import { ANSWER_MS, type VitalFile } from "./vital-file.ts";

/** The ledger alone is written this often: what a crash declares is at most this old. */
const LEDGER_MS = 1_000;
export const RETRY_MS = 1_000;
/** A store that makes no progress for so long while it is opened counts as one that does not open. */
const OPENING_MS = 20_000;
/** A scan that is not wanted any more ends with its page: so long a stop waits for it. */
const ABANDON_MS = 1_000;
/** While telemetry flows, a batch is synced if the last sync began this long ago. */
const SYNC_MS = 1_000;

export type WriterOptions = {
  readonly disk: Disk;
  readonly time: Time;
  readonly clock: Clock;
  readonly lingerMs: () => number;
  readonly queue: Queue;
  readonly gaps: Gaps;
  readonly access: StoreAccess;
  readonly condition: Condition;
  readonly vital: VitalFile;
  readonly room: Room;
  readonly retention: Retention;
  readonly now: () => Now;
  /** Writes the vital file. Never rejects. */
  readonly writeVital: () => Promise<void>;
  /** A batch is in the store. */
  readonly written: () => void;
  /** Reports of this lane can now be read. */
  readonly stored: (lane: Lane) => void;
};

/** A batch that is being written. */
type Batch = {
  readonly store: Store;
  readonly plan: Plan;
  /** The records that are given up to make room for it. */
  readonly excess: Excess;
  readonly sync: boolean;
  /** When the commit began, and when the store was asked to write. */
  readonly begunAt: number;
  readonly writtenAt: number;
  /** Answers whoever waits for it. */
  readonly giveUp: (cause: unknown) => void;
};

/** Writes what the queue holds to the store, a batch at a time, and opens the store if it is not open. */
export class Writer {
  readonly #options: WriterOptions;
  readonly #committer: Committer;
  readonly #copy = new MemoryCopy();
  /** The next batch is synced, as soon as it can be. */
  #urgent = true;
  /** Batches were written after the last sync. */
  #unsynced = false;
  #syncedAt = 0;
  #wroteAt = -Infinity;
  #closing = false;
  /** The store is being opened. If the disk does not answer, it is waited for no longer, and may still open. */
  #opening: Promise<Store> | undefined;
  /** Rejects when a store that is being opened is waited for no longer. */
  readonly #ending = Promise.withResolvers<never>();
  /** The store has been opened, and what it holds was not offered to be read yet. */
  #unread = false;
  /** The batch that the disk has not answered yet. */
  #underWay: Batch | undefined;
  /** Looks whether that takes too long: one timer for many batches. */
  #watch: Timer | undefined;

  constructor(options: WriterOptions) {
    this.#options = options;
    this.#committer = createCommitter({
      time: options.time,
      commit: (sync) => this.#commit(sync),
      dueMs: () => this.#dueMs(),
      nextMs: () => this.#nextMs(),
      retryMs: RETRY_MS,
    });
  }

  /** Opens the store, and then writes whenever something is due. Resolves after the first attempt. */
  begin(): Promise<void> {
    return this.#committer.now(true).then(
      () => this.#committer.within(LEDGER_MS),
      () => this.#committer.within(RETRY_MS),
    );
  }

  /** A report of this lane was appended. */
  appended(lane: Lane): void {
    if (lane !== "telemetry") this.#urgent = true;
    this.#committer.within(this.#urgent ? 0 : this.#options.lingerMs());
  }

  /** Numbers were settled. */
  settled(): void {
    this.#committer.within(LEDGER_MS);
  }

  /** A batch is written within this time. */
  within(ms: number): void {
    this.#committer.within(ms);
  }

  /**
   * Resolves, never rejects, when the batch that is being written has ended, or else the next one. Or when
   * the disk does not answer.
   */
  batch(): Promise<void> {
    return (this.#committer.running ?? this.#committer.now(false)).catch(() => undefined);
  }

  /** See `Outbox.flush`; the memory is another matter. Rejects with NoAnswerError if a batch has no answer in time. */
  async flush(): Promise<void> {
    const { queue, access } = this.#options;
    // Asked again after each batch, without a pause between asking and deciding: what a batch has taken
    // is in none of these, and is not on disk before that batch is.
    while (this.#committer.running) {
      // oxlint-disable-next-line no-await-in-loop
      await this.#committer.running.catch(() => undefined);
    }
    // The ledger alone need not be on disk: what it lacks is declared, never lost.
    if (queue.due || queue.held.size > 0 || this.#unsynced || !access.store) await this.#committer.now(true);
  }

  /** The next batch is the last one: nothing is leased ahead. A store that is being opened is waited for shortly. */
  end(): void {
    this.#closing = true;
    const { time, disk } = this.#options;
    if (this.#opening)
      time.after(ABANDON_MS, () => this.#ending.reject(new NoAnswerError(disk.path, ABANDON_MS)));
  }

  /** Writes the last batch. */
  async close(): Promise<void> {
    // A clean stop accounts for every number.
    const last = this.#committer.close().catch((cause: unknown) => this.#saveRecords(cause));
    await last.finally(() => this.#watch?.[Symbol.dispose]());
  }

  #dueMs(): number {
    const { queue, access, clock, time, lingerMs } = this.#options;
    if (this.#urgent || !access.store) return 0;
    const eldest = queue.eldest;
    if (eldest) return lingerMs() - (clock.mono() - eldest.mono);
    const now = time.mono();
    return Math.min(this.#wroteAt + LEDGER_MS, queue.carriedUntil ?? Infinity) - now;
  }

  #nextMs(): number | undefined {
    const { queue, vital, time, lingerMs } = this.#options;
    if (this.#urgent) return 0;
    if (queue.dueNow > 0) return lingerMs();
    if (queue.changed || this.#unsynced || vital.due) return LEDGER_MS;
    const until = queue.carriedUntil;
    return until === undefined ? undefined : Math.max(0, until - time.mono());
  }

  /** One batch, after what it depends on: the lease of its numbers, and a store that can be trusted. */
  async #commit(sync: boolean): Promise<void> {
    const { time, queue, gaps, access, condition, room, vital } = this.#options;
    // What is asked of the disk meanwhile would not be answered either, and batches are written in order.
    if (this.#underWay || this.#opening) throw condition.storeCause;
    const now = time.mono();
    this.#wroteAt = now;
    if (condition.away) await this.#options.writeVital();
    const store = access.store ?? (await this.#reopen());
    if (gaps.owes) await this.#declareOwed(store);
    if (vital.pending || !queue.allLeased) await this.#vitalFirst();
    const excess = room.take();
    const mustSync = sync || this.#urgent || (this.#unsynced && now - this.#syncedAt >= SYNC_MS);
    this.#urgent = false;
    if (this.#closing) queue.stopLeasing();
    const plan = queue.plan(sync ? undefined : now);
    await this.#write({ store, plan, excess, sync: mustSync, begunAt: now });
  }

  /** Rejects if the batch fails, or has no answer for ANSWER_MS: it may still end, either way. */
  #write(of: Omit<Batch, "giveUp" | "writtenAt">): Promise<void> {
    const { time } = this.#options;
    return new Promise((resolve, reject) => {
      const batch = { ...of, writtenAt: time.mono(), giveUp: reject };
      this.#underWay = batch;
      this.#watch ??= afterRunning(ANSWER_MS, () => this.#look(), time);
      this.#put(batch).then(
        () => resolve(this.#done(batch)),
        (cause: unknown) => reject(this.#undone(batch, cause)),
      );
    });
  }

  async #put({ store, plan, sync }: Batch): Promise<void> {
    const { queue, retention, condition, vital } = this.#options;
    const { generation } = vital;
    const { memory } = vital;
    const operations = [
      ...queue.operationsOf(plan, { away: condition.away, generation }),
      ...this.#copy.operations(store, memory),
    ];
    for (const one of operations) if (one.type === "put") retention.wrote(one.value.length);
    await store.batch(operations, { sync });
    this.#copy.written(store, memory);
  }

  /** Looks how long the disk has not answered. */
  #look(): void {
    const { time } = this.#options;
    this.#watch = undefined;
    const batch = this.#underWay;
    if (!batch) return;
    const leftMs = batch.writtenAt + ANSWER_MS - time.mono();
    if (leftMs > 0) this.#watch = afterRunning(leftMs, () => this.#look(), time);
    else this.#hung(batch);
  }

  /**
   * A batch has no answer. Until it has one everything is read from memory. Nothing else is asked of the
   * disk: the ballast is given up by a call that would keep the whole process waiting.
   */
  #hung({ store, giveUp }: Batch): void {
    const { disk, access, condition } = this.#options;
    const cause = new NoAnswerError(disk.path, ANSWER_MS);
    access.hang(store);
    condition.storeFailed(cause);
    giveUp(cause);
  }

  /** The disk has answered. Returns whether the batch had been given up. */
  #answered({ store }: Batch): boolean {
    this.#underWay = undefined;
    const late = this.#options.access.answered(store);
    if (late) this.#committer.within(0);
    return late;
  }

  #done(batch: Batch): void {
    const { queue, room } = this.#options;
    const { store, plan, excess, sync, begunAt } = batch;
    const late = this.#answered(batch);
    queue.done(plan, sync);
    this.#unsynced = !sync && (plan.records.size > 0 || this.#unsynced);
    if (sync) this.#syncedAt = begunAt;
    this.#written(this.#unread || late, plan.records);
    this.#unread = false;
    room.after(store, excess);
  }

  #undone(batch: Batch, cause: unknown): unknown {
    const { queue, room } = this.#options;
    this.#answered(batch);
    queue.undone(batch.plan);
    room.putBack(batch.excess);
    this.#urgent ||= batch.sync;
    return this.#failed(batch.store, cause);
  }

  /** A gap was lost: its numbers are declared again, except those that are still pending. */
  async #declareOwed(store: Store): Promise<void> {
    const { gaps, now } = this.#options;
    const { owed } = gaps;
    try {
      gaps.declareOwed(owed, await numbersIn(store, owed), now());
    } catch (cause) {
      throw this.#failed(store, cause);
    }
  }

  /**
   * The memory that came with a report, and the lease of its number, are on disk before its record: after
   * a cut there is never an emergency in the store that the memory does not know, nor a number in it that
   * is given again. A disk that takes no vital file is no reason to wait.
   */
  async #vitalFirst(): Promise<void> {
    const { queue, vital, condition } = this.#options;
    while ((vital.pending || !queue.allLeased) && !condition.away) {
      // oxlint-disable-next-line no-await-in-loop -- what has changed during a write needs another one
      await (vital.pending ? vital.secure() : vital.lease()).catch(() => undefined); // reported
    }
  }

  #written(reopened: boolean, records: ReadonlyMap<number, Report>): void {
    const { condition, disk, written, stored } = this.#options;
    written();
    condition.storeWorks();
    if (!condition.away) disk.restoreBallast();
    // What could not be read without the store can be now.
    const lanes = reopened ? LANES : new Set([...records.values()].map(({ kind }) => laneOf(kind)));
    for (const lane of lanes) stored(lane);
  }

  #failed(store: Store, cause: unknown): unknown {
    this.#options.access.tear(store, cause instanceof DamageError);
    return this.#storeFailed(cause);
  }

  #storeFailed(cause: unknown): unknown {
    this.#options.disk.releaseBallast();
    this.#options.condition.storeFailed(cause);
    return cause;
  }

  /** The first opening, and every later one: after a torn log, a full disk, a disk that was away. */
  async #reopen(): Promise<Store> {
    const { access, condition, disk, time } = this.#options;
    const opening = Promise.withResolvers<Store>();
    this.#opening = opening.promise;
    this.#unread = true;
    const ended = (): void => void (this.#opening = undefined);
    opening.promise.then(ended, ended);
    try {
      const opened = whileItMoves({ time, what: disk.path, ms: OPENING_MS }, (progress) => {
        opening.resolve(access.reopen(condition.storeCause, progress));
        return opening.promise;
      });
      const store = await Promise.race([opened, this.#ending.promise]);
      this.#urgent = true;
      return store;
    } catch (cause) {
      if (this.#opening !== undefined) this.#opensLate(opening.promise, cause);
      else if (!(cause instanceof ScanAbandoned)) this.#storeFailed(cause);
      throw cause;
    }
  }

  /**
   * The store has no answer. If it opens, it is used. Until then everything is read from memory, and nothing else
   * is asked of the disk: see `#hung`.
   */
  #opensLate(opening: Promise<Store>, cause: unknown): void {
    const goOn = (): void => this.#committer.within(0);
    opening.then(goOn, goOn);
    this.#options.condition.storeFailed(cause);
    for (const lane of LANES) this.#options.stored(lane);
  }

  /** Stopped before the store was scanned: its reports are kept, and the next life accounts for the numbers. */
  async #saveRecords(cause: unknown): Promise<void> {
    const { disk, queue, condition, vital } = this.#options;
    if (queue.isRecovered || condition.faulty) throw cause;
    const store = await disk.openStore("as-is");
    try {
      const operations = [...queue.held].map(([seq, report]): Operation => {
        const key = encodeKey(laneOf(report.kind), seq);
        return { type: "put", key, value: encodeRecord(key, report) };
      });
      operations.push(...this.#copy.operations(store, vital.memory));
      await store.batch(operations, { sync: true });
    } finally {
      await store.close();
    }
  }
}
