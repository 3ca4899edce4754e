import { LANES, laneOf, type Lane } from "../domain/pending.ts";
import type { Report } from "../domain/report.ts";
import type { Clock } from "../domain/time.ts";
import type { Time } from "../runtime/ports.ts";
import type { Plan } from "./batches.ts";
import { createCommitter, type Committer } from "./committer.ts";
import type { Condition } from "./condition.ts";
import type { Gaps } from "./gaps.ts";
import { numbersIn, ScanAbandoned } from "./opening.ts";
import { DamageError, NoAnswerError, type Disk, type Operation, type Store } from "./port.ts";
import type { Now, Queue } from "./queue.ts";
import { encodeKey, encodeRecord } from "./record.ts";
import type { Retention } from "./retention.ts";
import type { Room } from "./room.ts";
import type { StoreAccess } from "./store-access.ts";
import { ANSWER_MS, type VitalFile } from "./vital-file.ts";

/** The ledger alone is written this often: what a crash declares is at most this old. */
const LEDGER_MS = 1_000;
export const RETRY_MS = 1_000;
/** Records between two syncs while telemetry is flowing, by time. */
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

/** Writes what the queue holds to the store, a batch at a time, and opens the store if it is not open. */
export class Writer {
  readonly #options: WriterOptions;
  readonly #committer: Committer;
  /** The next batch is synced, as soon as it can be. */
  #urgent = true;
  /** Batches were written after the last sync. */
  #unsynced = false;
  #syncedAt = 0;
  #wroteAt = -Infinity;
  #closing = false;
  /** Rejects if the batch that is being written has no answer in time. One for each batch. */
  #stalled = Promise.withResolvers<never>();

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
    const batch = this.#committer.running ?? this.#committer.now(false);
    return this.#inTime(batch).catch(() => undefined);
  }

  /** Rejects with NoAnswerError if the batch that is being written has no answer in time. */
  #inTime(batch: Promise<void>): Promise<void> {
    return Promise.race([batch, this.#stalled.promise]);
  }

  /** See `Outbox.flush`; the memory is another matter. Rejects with NoAnswerError if a batch has no answer in time. */
  async flush(): Promise<void> {
    const { queue, access } = this.#options;
    // Asked again after each batch, without a pause between asking and deciding: what a batch has taken
    // is in none of these, and is not on disk before that batch is.
    while (this.#committer.running) {
      // oxlint-disable-next-line no-await-in-loop
      await this.#inTime(this.#committer.running.catch(() => undefined));
    }
    // The ledger alone need not be on disk: what it lacks is declared, never lost.
    if (queue.due || this.#unsynced || !access.store) await this.#inTime(this.#committer.now(true));
  }

  /** The next batch is the last one: nothing is leased ahead. */
  end(): void {
    this.#closing = true;
  }

  /** Writes the last batch. */
  close(): Promise<void> {
    // A clean stop accounts for every number.
    return this.#inTime(this.#committer.close()).catch((cause: unknown) => this.#saveRecords(cause));
  }

  #dueMs(): number {
    const { queue, access, clock, time, lingerMs } = this.#options;
    if (this.#urgent || !access.store) return 0;
    const [eldest] = queue.held.values();
    if (eldest) return lingerMs() - (clock.mono() - eldest.mono);
    return this.#wroteAt + LEDGER_MS - time.mono();
  }

  #nextMs(): number | undefined {
    const { queue, vital, lingerMs } = this.#options;
    if (this.#urgent) return 0;
    if (queue.held.size > 0) return lingerMs();
    return queue.changed || this.#unsynced || vital.due ? LEDGER_MS : undefined;
  }

  /** One batch, after what it depends on: the lease of its numbers, and a store that can be trusted. */
  async #commit(sync: boolean): Promise<void> {
    const { time, queue, access, condition, room } = this.#options;
    const now = time.mono();
    this.#wroteAt = now;
    this.#stalled = Promise.withResolvers();
    this.#stalled.promise.catch(() => undefined); // nobody need wait for it
    if (condition.away) await this.#options.writeVital();
    const reopened = access.store === undefined;
    const store = access.store ?? (await this.#reopen());
    await this.#declareOwed(store);
    await this.#vitalFirst();
    const excess = room.take();
    const mustSync = sync || this.#urgent || (this.#unsynced && now - this.#syncedAt >= SYNC_MS);
    this.#urgent = false;
    if (this.#closing) queue.endLease();
    const plan = queue.plan();
    let late = false;
    try {
      late = await this.#write(store, plan, mustSync);
    } catch (cause) {
      queue.undone(plan);
      room.putBack(excess);
      this.#urgent ||= mustSync;
      throw this.#failed(store, cause);
    }
    queue.done(plan, mustSync);
    this.#unsynced = !mustSync && (plan.records.size > 0 || this.#unsynced);
    if (mustSync) this.#syncedAt = now;
    this.#written(reopened || late, plan.records);
    room.after(store, excess);
  }

  /** Returns whether the store was without an answer meanwhile. */
  async #write(store: Store, plan: Plan, sync: boolean): Promise<boolean> {
    const { time, queue, access, retention } = this.#options;
    const operations = queue.operationsOf(plan);
    for (const one of operations) if (one.type === "put") retention.wrote(one.value.length);
    let late = false;
    using _timer = time.after(ANSWER_MS, () => {
      late = true;
      this.#hung(store);
    });
    try {
      await store.batch(operations, { sync });
    } finally {
      access.answered(store);
    }
    return late;
  }

  /**
   * A batch has no answer. Until it has one everything is read from memory. Nothing else is asked of the
   * disk: the ballast is given up by a call that would keep the whole process waiting.
   */
  #hung(store: Store): void {
    const { disk, access, condition } = this.#options;
    const cause = new NoAnswerError(disk.path, ANSWER_MS);
    access.hang(store);
    condition.storeFailed(cause);
    for (const lane of LANES) this.#options.stored(lane);
    this.#stalled.reject(cause);
  }

  /** A gap was lost: its numbers are declared again, except those that are still pending. */
  async #declareOwed(store: Store): Promise<void> {
    const { gaps, now } = this.#options;
    const { owed } = gaps;
    if (owed.length === 0) return;
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
      await (vital.pending ? vital.secure() : vital.write()).catch(() => undefined); // reported
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
    const { access, condition } = this.#options;
    try {
      const store = await access.reopen(condition.storeCause);
      this.#urgent = true;
      return store;
    } catch (cause) {
      throw cause instanceof ScanAbandoned ? cause : this.#storeFailed(cause);
    }
  }

  /** Stopped before the store was scanned: its reports are kept, and the next life accounts for the numbers. */
  async #saveRecords(cause: unknown): Promise<void> {
    const { disk, queue, condition } = this.#options;
    if (queue.isRecovered || condition.faulty) throw cause;
    const store = await disk.openStore("as-is");
    try {
      const operations = [...queue.held].map(([seq, report]): Operation => {
        const key = encodeKey(laneOf(report.kind), seq);
        return { type: "put", key, value: encodeRecord(key, report) };
      });
      await store.batch(operations, { sync: true });
    } finally {
      await store.close();
    }
  }
}
