import type { Memory, MemoryPatch } from "../domain/memory.ts";
import { LANES, laneOf, type Lane } from "../domain/pending.ts";
import type { Draft, Report } from "../domain/report.ts";
import { createCommitter, type Committer } from "./committer.ts";
import { faultOf } from "./fault.ts";
import { emptyLedger } from "./ledger.ts";
import { numbersIn, ScanAbandoned } from "./opening.ts";
import type { DiskState, Outbox, OutboxOptions } from "./outbox.ts";
import { DamageError, type Operation, type Store } from "./port.ts";
import { Queue, type Lease, type Now, type Settled } from "./queue.ts";
import { decodeKey, decodeRecord, encodeKey, encodeRecord, rangeOf } from "./record.ts";
import { createRetention, type Retention } from "./retention.ts";
import { Room } from "./room.ts";
import { numberBeyond, type Life, type Start } from "./start.ts";
import { StoreAccess } from "./store-access.ts";
import { VitalFile } from "./vital-file.ts";

/** Reports in memory before the sources must wait. */
const HELD_MAX = 8_192;
/** Events in memory while nothing can be written: if there are more, the oldest of low value go. */
const HELD_EVENTS_MAX = 2_000;
/** The ledger alone is written this often: what a crash declares is at most this old. */
const LEDGER_MS = 1_000;
const RETRY_MS = 1_000;
/** Records between two syncs while telemetry is flowing, by time. */
const SYNC_MS = 1_000;

/**
 * The one loop of the outbox: it gathers what changes and writes it, the memory to the vital file and the
 * reports to the store. What is decided is decided in `queue` and `recovery`.
 */
export class OutboxLoop implements Outbox {
  readonly boot: number;
  readonly store: string;
  readonly opened: Promise<void>;
  readonly #options: OutboxOptions;
  readonly #lock: Disposable;
  readonly #start: Start;
  readonly #vital: VitalFile;
  readonly #queue: Queue;
  readonly #committer: Committer;
  readonly #access: StoreAccess;
  readonly #retention: Retention;
  readonly #room: Room;
  readonly #firstAttempt = Promise.withResolvers<void>();
  /** Why the store and the vital file cannot be written. */
  #storeCause: unknown;
  #vitalCause: unknown;
  #faulty = false;
  #urgent = true;
  #unsynced = false;
  #syncedAt = 0;
  #wroteAt = -Infinity;
  #vitalAsked = false;
  #closing = false;
  #eventsShedAt = HELD_EVENTS_MAX;

  constructor(options: OutboxOptions, lock: Disposable, start: Start, life: Life) {
    this.#options = options;
    this.#lock = lock;
    this.#start = start;
    this.boot = life.vital.boot;
    this.store = life.vital.store;
    this.opened = this.#firstAttempt.promise;
    this.#queue = new Queue(
      { unit: options.unit, store: this.store, boot: this.boot },
      emptyLedger(life.first),
      life.vital,
    );
    if (life.away !== undefined) this.#queue.leaveNumbers(life.first);
    this.#vitalCause = life.away;
    this.#retention = createRetention(options.disk, options.maxBytes);
    this.#access = this.#createAccess();
    this.#room = this.#createRoom();
    this.#vital = new VitalFile({
      disk: options.disk,
      vital: life.vital,
      lease: () => (this.#closing ? this.#queue.endedLease() : this.#queue.wantedLease()),
      on: {
        written: (lease) => this.#vitalWritten(lease),
        failed: (cause) => this.#vitalFailed(cause),
        shortened: () =>
          options.on.news("the memory was too large for its place: its oldest entries are gone"),
      },
    });
    this.#committer = createCommitter({
      time: options.time,
      commit: (sync) => this.#commit(sync),
      dueMs: () => this.#dueMs(),
      nextMs: () => this.#nextMs(),
      retryMs: RETRY_MS,
    });
  }

  #createAccess(): StoreAccess {
    const { disk, on } = this.#options;
    return new StoreAccess({
      disk,
      queue: this.#queue,
      name: this.store,
      start: this.#start,
      now: () => this.#now(),
      news: (line) => on.news(line),
      closing: () => this.#closing,
      away: () => this.#vitalCause !== undefined,
      memory: () => this.memory,
    });
  }

  #createRoom(): Room {
    return new Room({
      retention: this.#retention,
      queue: this.#queue,
      now: () => this.#now(),
      closing: () => this.#closing,
      usable: (store) => this.#access.store === store,
      gaveUp: () => this.#declared(),
      damaged: (store, cause) => this.#unreadable(store, cause),
      news: (line) => this.#options.on.news(line),
    });
  }

  /** Opens the store in the background, or takes over one that had to be opened. */
  async begin(): Promise<void> {
    if (this.#vitalCause !== undefined) this.#vital.touch();
    this.#report();
    const first = this.#committer.now(true).then(
      () => this.#committer.within(LEDGER_MS),
      () => this.#committer.within(RETRY_MS),
    );
    void first.then(() => this.#firstAttempt.resolve());
    if (this.#start.opened) await first;
  }

  get state(): DiskState {
    if (this.#vitalCause !== undefined) return { kind: "away", cause: this.#vitalCause };
    if (this.#access.store) return { kind: "open" };
    if (this.#storeCause === undefined) return { kind: "opening" };
    return { kind: "reopening", cause: this.#storeCause };
  }

  /** Tells of a fault, or of its end, once. */
  #report(): void {
    const { state } = this;
    const faulty = state.kind === "away" || state.kind === "reopening";
    if (faulty === this.#faulty) return;
    this.#faulty = faulty;
    this.#options.on.fault(faulty ? faultOf(state.cause) : undefined);
  }

  #now(): Now {
    const { clock } = this.#options;
    return { ...clock.now(), mono: clock.mono() };
  }

  // ---- the vital file

  get memory(): Memory {
    return this.#vital.memory;
  }

  remember(patch: MemoryPatch): void {
    this.#vital.remember(patch);
    this.#writeVitalSoon();
  }

  nextConnection(): number {
    const connection = this.#vital.nextConnection();
    this.#writeVitalSoon();
    return connection;
  }

  secure(): Promise<void> {
    return this.#vital.secure();
  }

  /** At the end of this turn: what changes together is written together. */
  #writeVitalSoon(): void {
    if (this.#vitalAsked || this.#closing) return;
    this.#vitalAsked = true;
    this.#options.time.soon(() => {
      this.#vitalAsked = false;
      if (this.#vital.due && !this.#closing) void this.#writeVital();
    });
  }

  /** A failure has been reported; the next batch tries again. */
  #writeVital(): Promise<void> {
    return this.#vital.write().catch(() => this.#committer.within(RETRY_MS));
  }

  #vitalWritten(lease: Lease): void {
    this.#queue.leaseWritten(lease);
    const wasAway = this.#vitalCause !== undefined;
    this.#vitalCause = undefined;
    if (wasAway) this.#report();
    // Held back until their numbers were leased.
    if (this.state.kind !== "open") for (const lane of LANES) this.#options.on.stored(lane);
  }

  #vitalFailed(cause: unknown): void {
    this.#vital.touch();
    const news = this.#vitalCause === undefined;
    this.#vitalCause = cause;
    if (!news) return;
    const left = this.#queue.leaveNumbers(numberBeyond(this.#queue.next, this.#options.random));
    // Declared at once: this life may not see the disk come back.
    this.#queue.abandon(left, "power-cut", this.#now());
    this.#declared();
    this.#report();
  }

  // ---- appending

  append(draft: Draft): Report {
    const report = this.#queue.append(draft, this.#options.clock.mono());
    const lane = laneOf(draft.kind);
    if (lane !== "telemetry") this.#urgent = true;
    if (this.#queue.leaseIsShort) this.#extendLease();
    this.#committer.within(this.#urgent ? 0 : this.#options.lingerMs());
    if (this.state.kind !== "open") {
      if (lane === "event") this.#shedEvents();
      this.#options.on.stored(lane); // it can be read from memory
    }
    return report;
  }

  #extendLease(): void {
    if (this.#vitalAsked) return;
    this.#vital.touch();
    this.#writeVitalSoon();
  }

  #shedEvents(): void {
    const events = this.#queue.events;
    if (events < this.#eventsShedAt) return;
    if (this.#queue.heldEvents >= HELD_EVENTS_MAX) this.#queue.shedEvents(this.#now());
    this.#eventsShedAt = this.#queue.events + HELD_EVENTS_MAX / 4;
  }

  pressure(): Promise<void> | undefined {
    if (this.#queue.size < HELD_MAX) return undefined;
    if (this.#faulty) {
      // To stop reading the receiver instead would freeze clock and position.
      this.#queue.shedTelemetry(this.#now());
      this.#declared();
      return undefined;
    }
    return (this.#committer.running ?? this.#committer.now(false)).catch(() => undefined);
  }

  leased(seq: number): boolean {
    return this.#queue.leased(seq);
  }

  // ---- settling and reading

  settle(reports: readonly Settled[]): void {
    this.#queue.settle(reports);
    this.#committer.within(LEDGER_MS);
  }

  refuse(reports: readonly Report[]): void {
    this.#queue.tooLarge(reports, this.#now());
    this.#declared();
  }

  /** The queue has appended gaps of its own. */
  #declared(): void {
    this.#urgent = true;
    this.#committer.within(0);
    if (this.state.kind !== "open") this.#options.on.stored("event");
  }

  async read(lane: Lane, after: number, limit: number): Promise<{ reports: Report[]; cursor: number }> {
    const { store } = this.#access;
    // Taken before the store is read: what is written meanwhile is found in one of the two.
    const unwritten = lane === "telemetry" || !store ? this.#queue.unwritten(lane, after) : [];
    const page = store ? await this.#page(store, lane, after, limit) : [];
    const whole = store !== undefined && this.#access.store === store;
    const reports: Report[] = [];
    const broken: Settled[] = [];
    for (const [key, value] of page) {
      const seq = decodeKey(key);
      if (this.#queue.isSettled(seq)) continue;
      const report = decodeRecord(key, value);
      if (report) reports.push(report);
      else broken.push({ seq, kind: lane === "telemetry" ? "position" : lane });
    }
    if (broken.length > 0) this.#corrupted(broken);
    const last = page.at(-1);
    const cursor = last ? decodeKey(last[0]) : after;
    const fresh = unwritten
      .filter(({ seq }) => seq > cursor && !this.#queue.isSettled(seq))
      .slice(0, limit - page.length);
    // Without the store it is not known what lies before: it is looked for again from here.
    return { reports: [...reports, ...fresh], cursor: whole ? (fresh.at(-1)?.seq ?? cursor) : after };
  }

  #corrupted(broken: readonly Settled[]): void {
    this.#queue.corrupted(broken, this.#now());
    this.#declared();
  }

  /** A page of a lane; empty if it cannot be read: then the store is opened anew before the next batch. */
  async #page(store: Store, lane: Lane, after: number, limit: number): ReturnType<Store["page"]> {
    try {
      return await store.page(...rangeOf(lane, after + 1), limit);
    } catch (cause) {
      this.#unreadable(store, cause);
      return [];
    }
  }

  #unreadable(store: Store, cause: unknown): void {
    if (this.#access.store !== store || this.#closing) return;
    this.#access.tear(store, cause instanceof DamageError);
    this.#storeCause = cause;
    this.#report();
    this.#committer.within(0);
  }

  oldest(): number {
    return this.#queue.oldest;
  }

  async stats(): Promise<{ records: number; oldestAt?: number; bytes: number }> {
    const { store } = this.#access;
    const after = this.#queue.oldest - 1;
    const heads = store ? await Promise.all(LANES.map((lane) => this.#page(store, lane, after, 1))) : [];
    const times = heads.flat().flatMap(([key, value]) => {
      const report = decodeRecord(key, value);
      // Without a true time there is no true age.
      return report && report.clock !== "unset" ? [Date.parse(report.at)] : [];
    });
    return {
      records: this.#queue.isRecovered ? this.#queue.pending : this.#queue.size,
      bytes: this.#options.disk.space().used,
      ...(times.length > 0 ? { oldestAt: Math.min(...times) } : {}),
    };
  }

  // ---- writing

  #dueMs(): number {
    if (this.#urgent || !this.#access.store) return 0;
    const [eldest] = this.#queue.held.values();
    const { clock, time } = this.#options;
    if (eldest) return this.#options.lingerMs() - (clock.mono() - eldest.mono);
    return this.#wroteAt + LEDGER_MS - time.mono();
  }

  #nextMs(): number | undefined {
    if (this.#urgent) return 0;
    if (this.#queue.held.size > 0) return this.#options.lingerMs();
    return this.#queue.changed || this.#unsynced || this.#vital.due ? LEDGER_MS : undefined;
  }

  /** One batch, after what it depends on: the lease of its numbers, and a store that can be trusted. */
  async #commit(sync: boolean): Promise<void> {
    const now = this.#options.time.mono();
    this.#wroteAt = now;
    if (this.#vitalCause !== undefined) await this.#writeVital();
    const reopened = this.#access.store === undefined;
    const store = this.#access.store ?? (await this.#reopen());
    await this.#declareOwed(store);
    await this.#vitalFirst();
    const excess = this.#room.take();
    const mustSync = sync || this.#urgent || (this.#unsynced && now - this.#syncedAt >= SYNC_MS);
    this.#urgent = false;
    if (this.#closing) this.#queue.endLease();
    const plan = this.#queue.plan();
    try {
      const operations = this.#queue.operationsOf(plan);
      for (const one of operations) if (one.type === "put") this.#retention.wrote(one.value.length);
      await store.batch(operations, { sync: mustSync });
    } catch (cause) {
      this.#queue.undone(plan);
      this.#room.putBack(excess);
      this.#urgent ||= mustSync;
      this.#access.tear(store, cause instanceof DamageError);
      throw this.#storeFailed(cause);
    }
    this.#queue.done(plan, mustSync);
    this.#unsynced = !mustSync && (plan.records.size > 0 || this.#unsynced);
    if (mustSync) this.#syncedAt = now;
    this.#stored(reopened, plan.records);
    this.#room.after(store, excess);
  }

  /** A gap was lost: its numbers are declared again, except those that are still pending. */
  async #declareOwed(store: Store): Promise<void> {
    const { owed } = this.#queue;
    if (owed.length === 0) return;
    try {
      this.#queue.declareOwed(owed, await numbersIn(store, owed), this.#now());
    } catch (cause) {
      this.#access.tear(store, cause instanceof DamageError);
      throw this.#storeFailed(cause);
    }
  }

  /**
   * The memory that came with a report, and the lease of its number, are on disk before its record: after
   * a cut there is never an emergency in the store that the memory does not know, nor a number in it that
   * is given again. A disk that takes no vital file is no reason to wait.
   */
  async #vitalFirst(): Promise<void> {
    while ((this.#vital.pending || !this.#queue.allLeased) && this.#vitalCause === undefined) {
      // oxlint-disable-next-line no-await-in-loop -- what has changed during a write needs another one
      await (this.#vital.pending ? this.#vital.secure() : this.#vital.write()).catch(() => undefined); // reported
    }
  }

  #stored(reopened: boolean, records: ReadonlyMap<number, Report>): void {
    this.#storeCause = undefined;
    this.#eventsShedAt = HELD_EVENTS_MAX;
    this.#report();
    if (this.#vitalCause === undefined) this.#options.disk.restoreBallast();
    // What could not be read without the store can be now.
    const lanes = reopened ? LANES : new Set([...records.values()].map(({ kind }) => laneOf(kind)));
    for (const lane of lanes) this.#options.on.stored(lane);
  }

  #storeFailed(cause: unknown): unknown {
    this.#storeCause = cause;
    this.#options.disk.releaseBallast();
    this.#report();
    return cause;
  }

  /** The first opening, and every later one: after a torn log, a full disk, a disk that was away. */
  async #reopen(): Promise<Store> {
    try {
      const store = await this.#access.reopen(this.#storeCause);
      this.#urgent = true;
      return store;
    } catch (cause) {
      throw cause instanceof ScanAbandoned ? cause : this.#storeFailed(cause);
    }
  }

  // ---- the end

  async flush(): Promise<void> {
    // Asked again after each batch, without a pause between asking and deciding: what a batch has taken
    // is in none of these, and is not on disk before that batch is.
    while (this.#committer.running) {
      // oxlint-disable-next-line no-await-in-loop
      await this.#committer.running.catch(() => undefined);
    }
    // The ledger alone need not be on disk: what it lacks is declared, never lost.
    if (this.#queue.due || this.#unsynced || !this.#access.store) await this.#committer.now(true);
    await this.secure();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing = true;
    await this.#room.idle();
    try {
      // A clean stop accounts for every number: nothing is leased ahead.
      await this.#committer.close().catch((cause: unknown) => this.#saveRecords(cause));
      await this.#vital.close();
    } catch (cause) {
      if (!this.#faulty) this.#options.on.fault(faultOf(cause));
    }
    await this.#access.close();
    this.#lock[Symbol.dispose]();
  }

  /** Stopped before the store was scanned: its reports are kept, and the next life accounts for the numbers. */
  async #saveRecords(cause: unknown): Promise<void> {
    if (this.#queue.isRecovered || this.#faulty) throw cause;
    const store = await this.#options.disk.openStore("as-is");
    try {
      const operations = [...this.#queue.held].map(([seq, report]): Operation => {
        const key = encodeKey(laneOf(report.kind), seq);
        return { type: "put", key, value: encodeRecord(key, report) };
      });
      await store.batch(operations, { sync: true });
    } finally {
      await store.close();
    }
  }
}
