import type { Memory, MemoryPatch } from "../domain/memory.ts";
import { LANES, laneOf, type Lane, type PendingReports } from "../domain/pending.ts";
import type { Draft, Report } from "../domain/report.ts";
import type { Clock } from "../domain/time.ts";
import { reasonOf } from "../runtime/log.ts";
import type { Random, Time } from "../runtime/ports.ts";
import { createCommitter, type Committer } from "./committer.ts";
import { faultOf, type OutboxFault } from "./fault.ts";
import { emptyLedger } from "./ledger.ts";
import { openWhatever, scan, ScanAbandoned, type Opened, type Scan } from "./opening.ts";
import { DamageError, DiskError, type Disk, type Operation, type Store } from "./port.ts";
import { Queue, type Now, type Settled } from "./queue.ts";
import { decodeKey, decodeRecord, encodeKey, encodeRecord, rangeOf, VITAL_KEY } from "./record.ts";
import { recover } from "./recovery.ts";
import { createRetention, NO_EXCESS, type Excess, type Retention } from "./retention.ts";
import { numbersOf } from "./runs.ts";
import { begin, numberBeyond, takeLease, type Life, type Start } from "./start.ts";
import { VitalFile } from "./vital-file.ts";

export type { OutboxFault } from "./fault.ts";

/**
 * The only durable queue. A report gets its number here and stays until it is settled.
 *
 * Group commit: events and emergencies are synced at once; telemetry is written when the linger is
 * over, unless dispatch has acknowledged it before: then it never costs the card a write.
 */
export type Outbox = AsyncDisposable &
  PendingReports & {
    /** The name of the store, eight of [0-9a-z]; every report carries it. */
    readonly store: string;
    /** What survives a restart, as it now stands. */
    readonly memory: Memory;
    /** Replaces sections of the memory. */
    remember(patch: MemoryPatch): void;
    /**
     * Resolves when the memory as it stands at the call is synced in the vital file. Rejects when the disk
     * refuses; the memory is then written with the next write.
     */
    secure(): Promise<void>;
    /** Counts a connection of the link. The count is kept in the vital file; it is not waited for. */
    nextConnection(): number;
    /** Numbers a draft at once and takes it. Never throws. What can wait (telemetry) asks `pressure()` before. */
    append(draft: Draft): Report;
    /** A promise to wait for before asking again; undefined if there is room. */
    pressure(): Promise<void> | undefined;
    /** Whether a number may be published before its record is on disk: it is never given again. */
    leased(seq: number): boolean;
    /** Writes and syncs all that is in memory. Rejects if the disk refuses. */
    flush(): Promise<void>;
    /** Pending records as far as they are known, the oldest one's time (UTC milliseconds), bytes on disk. */
    stats(): Promise<{ records: number; oldestAt?: number; bytes: number }>;
    readonly state: DiskState;
    /** Resolves when the store has been opened and recovered for the first time, or the first attempt has failed. */
    readonly opened: Promise<void>;
  };

/**
 * `opening`: the store is being opened and scanned. `reopening`: it failed and is tried again; the vital
 * file works. `away`: not even the vital file can be written, so nothing remembers numbers or memory.
 */
export type DiskState =
  | { readonly kind: "opening" }
  | { readonly kind: "open" }
  | { readonly kind: "reopening"; readonly cause: unknown }
  | { readonly kind: "away"; readonly cause: unknown };

export type OutboxOptions = {
  readonly disk: Disk;
  readonly unit: string;
  readonly clock: Clock;
  readonly time: Time;
  readonly random: Random;
  /** Quota on disk, bytes: beyond it telemetry is thinned and then dropped, oldest first, declared. */
  readonly maxBytes: number;
  /** How long telemetry may wait in memory for its acknowledgement, milliseconds. */
  readonly lingerMs: () => number;
  readonly on: {
    /** Reports of this lane can now be read. */
    stored(lane: Lane): void;
    /** Writing failed, or works again (undefined). Called once for each change. */
    fault(fault: OutboxFault | undefined): void;
    /** Something was wrong with what is stored, and what was done about it. */
    news(line: string): void;
    /** Entries of the memory were lost or could not be read. Called before `openOutbox` resolves. */
    doubtful?(): void;
  };
};

/** Reports in memory before the sources must wait. */
const HELD_MAX = 8_192;
/** Events in memory while nothing can be written: if there are more, the oldest of low value go. */
const HELD_EVENTS_MAX = 2_000;
/** The ledger alone is written this often: what a crash declares is at most this old. */
const LEDGER_MS = 1_000;
const RETRY_MS = 1_000;
/** Records between two syncs while telemetry is flowing, by time. */
const SYNC_MS = 1_000;
/** Records deleted at once while a store is being recovered. */
const GHOSTS = 1_000;

/**
 * Locks the disk and reads its vital file; the store is opened and scanned after this resolves. Only if
 * the vital file is lost or of an older version it waits for the store. Rejects with StoreError if
 * another process has the outbox, or if the disk has never taken anything and does not now.
 */
export const openOutbox = async (options: OutboxOptions): Promise<Outbox> => {
  const lock = await options.disk.lock();
  try {
    const start = await begin(options.disk, options.random);
    const life = await takeLease(options.disk, start, options.random);
    for (const line of start.news) options.on.news(line);
    if (start.doubtful) options.on.doubtful?.();
    const outbox = new DiskOutbox(options, lock, start, life);
    await outbox.begin();
    return outbox;
  } catch (cause) {
    lock[Symbol.dispose]();
    throw cause;
  }
};

/** The store: not open, open, or open and not to be trusted. */
type Access =
  | { readonly kind: "closed" }
  | { readonly kind: "open"; readonly store: Store }
  | { readonly kind: "torn"; readonly store: Store };

class DiskOutbox implements Outbox {
  readonly boot: number;
  readonly store: string;
  readonly opened: Promise<void>;
  readonly #options: OutboxOptions;
  readonly #lock: Disposable;
  readonly #start: Start;
  readonly #vital: VitalFile;
  readonly #queue: Queue;
  readonly #committer: Committer;
  readonly #retention: Retention;
  readonly #firstAttempt = Promise.withResolvers<void>();
  #access: Access = { kind: "closed" };
  /** A table could not be read: the store is repaired when it is next opened. */
  #damaged = false;
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
  /** Found too many by the last look: deleted with the next batch. */
  #excess = NO_EXCESS;
  #retaining: Promise<void> | undefined;
  #roomFails = false;

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
      life.vital.lease,
    );
    if (life.away !== undefined) this.#queue.leaveNumbers(life.first);
    this.#vitalCause = life.away;
    this.#retention = createRetention(options.disk, options.maxBytes);
    this.#vital = new VitalFile({
      disk: options.disk,
      vital: life.vital,
      lease: () => (this.#closing ? this.#queue.next : this.#queue.wantedLease()),
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
    if (this.#access.kind === "open") return { kind: "open" };
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

  #vitalWritten(lease: number): void {
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

  refuse(reports: readonly Settled[]): void {
    this.#queue.refuse(reports, "too-large", this.#now());
    this.#urgent = true;
    this.#committer.within(0);
  }

  async read(lane: Lane, after: number, limit: number): Promise<{ reports: Report[]; cursor: number }> {
    const store = this.#access.kind === "open" ? this.#access.store : undefined;
    // Taken before the store is read: what is written meanwhile is found in one of the two.
    const unwritten = lane === "telemetry" || !store ? this.#queue.unwritten(lane, after) : [];
    const page = store ? await this.#page(store, lane, after, limit) : [];
    const whole = store !== undefined && this.#access.kind === "open" && this.#access.store === store;
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
    this.#queue.refuse(broken, "corruption", this.#now());
    this.#urgent = true;
    this.#committer.within(0);
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
    if (this.#access.kind !== "open" || this.#access.store !== store || this.#closing) return;
    this.#access = { kind: "torn", store };
    this.#damaged ||= cause instanceof DamageError;
    this.#committer.within(0);
  }

  oldest(): number {
    return this.#queue.oldest;
  }

  async stats(): Promise<{ records: number; oldestAt?: number; bytes: number }> {
    const store = this.#access.kind === "open" ? this.#access.store : undefined;
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
    if (this.#urgent || this.#access.kind !== "open") return 0;
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
    const vital = this.#vital.due ? this.#writeVital() : undefined;
    if (!this.#queue.allLeased) await (vital ?? this.#writeVital());
    const reopened = this.#access.kind !== "open";
    const store = this.#access.kind === "open" ? this.#access.store : await this.#reopen();
    // What a recovery has declared is numbered as well.
    if (!this.#queue.allLeased) await this.#writeVital();
    const excess = this.#excess;
    this.#excess = NO_EXCESS;
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
      this.#excess = excess;
      this.#urgent ||= mustSync;
      // It goes on behind a torn record if it is written again: what is synced then is lost at the next start.
      this.#access = { kind: "torn", store };
      throw this.#storeFailed(cause);
    }
    this.#queue.done(plan, mustSync);
    this.#unsynced = !mustSync && (plan.records.size > 0 || this.#unsynced);
    if (mustSync) this.#syncedAt = now;
    await vital;
    this.#stored(reopened, plan.records);
    this.#retain(store, excess);
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
    const before = this.#access;
    this.#access = { kind: "closed" };
    if (before.kind === "torn") await before.store.close().catch(() => undefined); // it failed already
    try {
      const { store, whole, news, taken } = await this.#openAndScan();
      for (const line of news) this.#options.on.news(line);
      if (taken) await this.#takeOver(store, whole, taken);
      this.#damaged = false;
      this.#access = { kind: "open", store };
      return store;
    } catch (cause) {
      if (cause instanceof ScanAbandoned) throw cause;
      throw this.#storeFailed(cause);
    }
  }

  async #openAndScan(): Promise<Opened<Scan | undefined>> {
    const { disk } = this.#options;
    if (this.#start.opened && !this.#queue.isRecovered) return { ...this.#start.opened, news: [] };
    const expected = this.#queue.isRecovered || this.#start.boot > 1;
    // A full disk loses nothing that was written: what this life knows of the store is still true.
    const known = this.#queue.isRecovered && faultOf(this.#storeCause).code === "disk-full";
    const open = () =>
      openWhatever(disk, { damaged: this.#damaged, expected }, async (store) =>
        known && !this.#damaged ? undefined : await scan(store, this.#queue.next, () => this.#closing),
      );
    return open().catch((cause: unknown) => {
      // The disk may be full: with the room of the ballast it can be opened and emptied.
      if (!(cause instanceof DiskError) || !disk.releaseBallast()) throw cause;
      return open();
    });
  }

  async #takeOver(store: Store, whole: boolean, { ledger, legacy, lanes }: Scan): Promise<void> {
    const known = this.#queue.known;
    const recovered = recover(
      {
        ...known,
        store: this.store,
        lostWith: this.#faulty ? "power-cut" : "corruption",
        renamed: this.#start.renamed,
      },
      { ledger, lanes, whole },
    );
    this.#queue.recovered(recovered, this.#now());
    this.#urgent = true;
    const operations: Operation[] = LANES.flatMap((lane) =>
      [...numbersOf(recovered.ghosts[lane])].map((seq): Operation => ({
        type: "del",
        key: encodeKey(lane, seq),
      })),
    );
    // The memory lives in the vital file: an old copy must never bring back what has ended since.
    if (legacy && this.#vitalCause === undefined) operations.push({ type: "del", key: VITAL_KEY });
    for (let from = 0; from < operations.length; from += GHOSTS) {
      // oxlint-disable-next-line no-await-in-loop -- a part at a time
      await store.batch(operations.slice(from, from + GHOSTS), { sync: from + GHOSTS >= operations.length });
    }
  }

  // ---- room

  /** Not waited for: a press must not stand behind the making of room. */
  #retain(store: Store, deleted: Excess): void {
    if (this.#closing || (this.#retaining && deleted.seqs.length === 0)) return;
    const mine: Promise<void> = (this.#retaining ?? Promise.resolve())
      .then(() => this.#makeRoom(store, deleted))
      .catch((cause: unknown) => this.#noRoom(store, cause))
      .then(() => {
        if (this.#retaining === mine) this.#retaining = undefined;
      });
    this.#retaining = mine;
  }

  /** Reported once. A store that is closed meanwhile is no fault of its own. */
  #noRoom(store: Store, cause: unknown): void {
    if (cause instanceof DamageError) this.#unreadable(store, cause);
    else if (this.#access.kind === "open" && !this.#roomFails)
      this.#options.on.news(`no room can be made: ${reasonOf(cause)}`);
    this.#roomFails = true;
  }

  async #makeRoom(store: Store, deleted: Excess): Promise<void> {
    if (this.#access.kind !== "open" || this.#closing) return;
    await this.#retention.giveBack(store, deleted);
    // What was found before has not been deleted yet: a look would find it again.
    if (this.#closing || this.#excess.seqs.length > 0) return;
    const { at, clock, mono } = this.#now();
    const found = await this.#retention.excess(
      store,
      mono,
      clock === "unset" ? undefined : at,
      this.#queue.events,
    );
    this.#roomFails = false;
    // A stop writes its last batch now: what is settled after it would be settled for nobody.
    if (this.#closing || found.seqs.length === 0) return;
    this.#excess = found;
    this.#queue.giveUp(found, this.#now());
    this.#urgent = true;
    this.#committer.within(0);
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
    if (this.#queue.due || this.#unsynced || this.#access.kind !== "open") await this.#committer.now(true);
    await this.secure();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing = true;
    await this.#retaining;
    try {
      // A clean stop accounts for every number: nothing is leased ahead.
      await this.#committer.close().catch((cause: unknown) => this.#saveRecords(cause));
      await this.#vital.close();
    } catch (cause) {
      if (!this.#faulty) this.#options.on.fault(faultOf(cause));
    }
    if (this.#access.kind !== "closed") await this.#access.store.close().catch(() => undefined);
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
