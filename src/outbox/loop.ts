import type { CustodyMode } from "../custody/custody.ts";
import type { Memory, MemoryPatch } from "../domain/memory.ts";
import { LANES, laneOf, type Lane } from "../domain/pending.ts";
import type { Draft, Report } from "../domain/report.ts";
import type { Runs } from "../domain/runs.ts";
import { Condition, type DiskState } from "./condition.ts";
import { faultOf } from "./fault.ts";
import { Gaps } from "./gaps.ts";
import { emptyLedger } from "./ledger.ts";
import type { Outbox, OutboxOptions } from "./outbox.ts";
import { DamageError, type Store } from "./port.ts";
import { Queue, type Now, type Settled } from "./queue.ts";
import { Reader } from "./reader.ts";
import { Receipts } from "./receipts.ts";
import { createRetention } from "./retention.ts";
import { Room } from "./room.ts";
import { storeName, type Life, type Start } from "./start.ts";
import { StoreAccess } from "./store-access.ts";
import type { VitalHome } from "./vital-home.ts";
import { VitalWriter } from "./vital-writer.ts";
import { RETRY_MS, Writer } from "./writer.ts";

/** Reports in memory before the sources must wait. */
const HELD_MAX = 8_192;
/** Events in memory while nothing can be written: if there are more, the oldest of low value go. */
const HELD_EVENTS_MAX = 2_000;

/** What an outbox begins with. */
type Beginning = {
  readonly lock: Disposable;
  readonly start: Start;
  readonly life: Life;
  readonly home: VitalHome;
};

/**
 * The one loop of the outbox: it gathers what changes and has it written, the memory to the vital file and
 * the reports to the store. What is decided is decided in `queue`, `gaps` and `recovery`.
 */
export class OutboxLoop implements Outbox {
  readonly boot: number;
  readonly counted: number;
  readonly unit: string;
  readonly store: string;
  readonly opened: Promise<void>;
  readonly #options: OutboxOptions;
  readonly #lock: Disposable;
  readonly #start: Start;
  readonly #queue: Queue;
  readonly #gaps: Gaps;
  readonly #condition: Condition;
  readonly #vital: VitalWriter;
  readonly #access: StoreAccess;
  readonly #room: Room;
  readonly #reader: Reader;
  readonly #receipts: Receipts;
  readonly #writer: Writer;
  readonly #firstAttempt = Promise.withResolvers<void>();
  readonly #renewed: boolean;
  #closing = false;
  #eventsShedAt = HELD_EVENTS_MAX;

  constructor(options: OutboxOptions, { lock, start, life, home }: Beginning) {
    this.#options = options;
    this.#lock = lock;
    this.#start = start;
    this.boot = life.boot;
    this.counted = life.counted;
    this.unit = options.unit;
    this.store = life.vital.store;
    this.opened = this.#firstAttempt.promise;
    const { disk, on } = options;
    const { renewedBelow = 1, ownFrom = 1 } = life.vital;
    const of = { unit: this.unit, store: this.store, boot: this.boot, origin: { renewedBelow, ownFrom } };
    this.#queue = new Queue(of, emptyLedger(life.first), life.vital);
    if (life.away !== undefined) this.#queue.leaveNumbers(life.first);
    this.#gaps = new Gaps(this.#queue, (gap) => on.gap?.(gap));
    this.#condition = new Condition(
      () => this.#access.store !== undefined,
      (fault) => on.fault(fault),
      life.away,
    );
    this.#access = this.#createAccess();
    this.#vital = this.#createVital(life, home);
    const retention = createRetention(disk, options.maxBytes);
    this.#renewed = renewedBelow > 1;
    const parts = {
      ...options,
      renewedBelow,
      ownFrom: Math.max(renewedBelow, ownFrom),
      queue: this.#queue,
      gaps: this.#gaps,
      access: this.#access,
      retention,
      now: () => this.#now(),
      broken: (reports: readonly Settled[]) => this.#broken(reports),
      unreadable: (store: Store, cause: unknown) => this.#unreadable(store, cause),
    };
    this.#room = new Room({
      ...parts,
      closing: () => this.#closing,
      usable: (store) => this.#access.store === store,
      gaveUp: () => this.#declared(),
      damaged: parts.unreadable,
      news: (line) => on.news(line),
    });
    this.#reader = new Reader({
      ...parts,
      foreign: (report) => this.#adopt(report),
      waits: (seq) => this.#receipts.waits(seq),
      changed: () => this.#readable(),
    });
    this.#receipts = new Receipts({
      ...parts,
      settled: () => this.#writer.settled(),
      batch: () => this.#writer.batch(),
      declared: () => this.#declared(),
    });
    this.#writer = new Writer({
      ...parts,
      condition: this.#condition,
      vital: this.#vital.file,
      room: this.#room,
      writeVital: () => this.#vital.write(),
      written: () => (this.#eventsShedAt = HELD_EVENTS_MAX),
      stored: (lane) => on.stored(lane),
    });
  }

  #createAccess(): StoreAccess {
    const { disk, on, random } = this.#options;
    return new StoreAccess({
      disk,
      queue: this.#queue,
      gaps: this.#gaps,
      name: this.store,
      random,
      start: this.#start,
      now: () => this.#now(),
      news: (line) => on.news(line),
      orphan: (report) => on.orphan?.(report),
      recalled: (memory) => on.recalled?.(memory),
      proven: () => {
        this.#vital.file.proven();
        this.#vital.soon();
      },
      closing: () => this.#closing,
      away: () => this.#condition.away,
      memory: () => this.memory,
      lost: () => this.#readable(),
    });
  }

  #createVital(life: Life, home: VitalHome): VitalWriter {
    const { on } = this.#options;
    return new VitalWriter({
      ...this.#options,
      life,
      home,
      queue: this.#queue,
      gaps: this.#gaps,
      condition: this.#condition,
      now: () => this.#now(),
      closing: () => this.#closing,
      declared: () => this.#declared(),
      failed: () => this.#writer.within(RETRY_MS),
      // Reports were held back until their numbers were leased.
      leased: () => {
        if (!this.#isOpen) this.#readable();
      },
      news: (line) => on.news(line),
    });
  }

  /** Opens the store in the background, or takes over one that had to be opened. */
  async begin(): Promise<void> {
    if (this.#condition.away) this.#vital.file.touch();
    this.#condition.report();
    const first = this.#writer.begin();
    void first.then(() => this.#firstAttempt.resolve());
    if (this.#start.opened) await first;
  }

  get state(): DiskState {
    return this.#condition.state;
  }

  get #isOpen(): boolean {
    return this.state.kind === "open";
  }

  #now(): Now {
    const { clock } = this.#options;
    return { ...clock.now(), mono: clock.mono() };
  }

  // ---- the vital file

  get memory(): Memory {
    return this.#vital.file.memory;
  }

  remember(patch: MemoryPatch): void {
    this.#vital.file.remember(patch);
    this.#vital.soon();
  }

  rename(unit: string): Promise<void> {
    this.#vital.file.rename(unit, storeName(this.#options.random));
    return this.secure();
  }

  renew(): void {
    this.#vital.file.renew(storeName(this.#options.random));
  }

  isForeign({ store }: Pick<Report, "store">): boolean {
    return store !== this.store && this.#renewed;
  }

  nextConnection(): number {
    // Without a disk only the clock knows that this life is later than one that could not store its count.
    const seconds = Math.floor(this.#options.clock.now().at / 1_000);
    const connection = this.#vital.file.nextConnection(this.#condition.away ? seconds : 0);
    this.#vital.soon();
    return connection;
  }

  secure(): Promise<void> {
    return this.#vital.file.secure();
  }

  // ---- appending

  append(draft: Draft): Report {
    const report = this.#queue.append(draft, this.#options.clock.mono());
    const lane = laneOf(draft.kind);
    this.#vital.given(report.seq);
    this.#writer.appended(lane);
    if (!this.#isOpen) {
      if (lane === "event") this.#shedEvents();
      this.#options.on.stored(lane); // it can be read from memory
    }
    return report;
  }

  /** A report of an earlier store is pending: it gets a number of this one. */
  #adopt(report: Report): void {
    const seq = this.#queue.renumber(report);
    if (seq === undefined) return;
    this.#vital.given(seq);
    this.#writer.appended(laneOf(report.kind));
  }

  #shedEvents(): void {
    const { events } = this.#queue;
    if (events < this.#eventsShedAt) return;
    if (this.#queue.heldEvents >= HELD_EVENTS_MAX) this.#gaps.shedEvents(this.#now());
    this.#eventsShedAt = this.#queue.events + HELD_EVENTS_MAX / 4;
  }

  pressure(): Promise<void> | undefined {
    if (this.#queue.size < HELD_MAX) return undefined;
    if (this.#condition.faulty) {
      // To stop reading the receiver instead would freeze clock and position.
      this.#gaps.shedTelemetry(this.#now());
      this.#declared();
      return undefined;
    }
    return this.#writer.batch();
  }

  leased(seq: number): boolean {
    return this.#queue.leased(seq);
  }

  // ---- settling and reading

  acknowledge(reports: readonly Settled[], heard: boolean): void {
    this.#receipts.acknowledge(reports, heard);
  }

  keep(custody: CustodyMode, isReceipted: boolean): Promise<void> {
    return this.#receipts.keep(custody, isReceipted);
  }

  receipted(upTo: number, missing: Runs): Promise<void> {
    return this.#receipts.receipted(upTo, missing);
  }

  unstored(from: number, to: number, limit: number): Promise<{ reports: Report[]; upTo: number }> {
    return this.#receipts.unstored(from, to, limit);
  }

  get unreceipted(): number {
    return this.#receipts.waiting;
  }

  get forgotten(): number {
    return this.#queue.forgotten;
  }

  sending(reports: readonly Settled[]): void {
    this.#receipts.sending(reports);
  }

  unsent(upTo: number, missing: Runs): number | undefined {
    return this.#receipts.unsent(upTo, missing);
  }

  coveredAt(upTo: number, missing: Runs): Promise<number | undefined> {
    return this.#receipts.coveredAt(upTo, missing);
  }

  leap(upTo: number, missing: Runs): void {
    this.#vital.leap(upTo, missing);
  }

  get recovered(): boolean {
    return this.#queue.isRecovered;
  }

  get next(): number {
    return this.#queue.next;
  }

  refuse(reports: readonly Report[]): void {
    this.#gaps.tooLarge(reports, this.#now());
    this.#declared();
  }

  /** Gaps have been appended. */
  #declared(): void {
    this.#writer.appended("event");
    if (!this.#isOpen) this.#options.on.stored("event");
  }

  /** Reports of every lane can be read that could not be read before. */
  #readable(): void {
    for (const lane of LANES) this.#options.on.stored(lane);
  }

  read(lane: Lane, after: number, limit: number): Promise<{ reports: Report[]; cursor: number }> {
    return this.#reader.read(lane, after, limit);
  }

  #broken(reports: readonly Settled[]): void {
    this.#gaps.corrupted(reports, this.#now());
    this.#declared();
  }

  #unreadable(store: Store, cause: unknown): void {
    if (this.#access.store !== store || this.#closing) return;
    this.#access.tear(store, cause instanceof DamageError);
    this.#condition.storeFailed(cause);
    this.#writer.within(0);
  }

  madeHere(seq: number): boolean {
    return this.#queue.madeHere(seq);
  }

  oldest(): number {
    return this.#queue.oldest;
  }

  get isSilent(): boolean {
    return this.#reader.isSilent;
  }

  get waiting(): Readonly<Record<Lane, number>> {
    return this.#queue.waiting;
  }

  stats(): Promise<{ records: number; oldestAt?: number; bytes: number }> {
    return this.#reader.stats();
  }

  // ---- the end

  async flush(): Promise<void> {
    await this.#writer.flush();
    await this.secure();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing = true;
    this.#vital.end();
    this.#writer.end();
    await this.#room.idle();
    try {
      await this.#writer.close();
      await this.#vital.file.close();
    } catch (cause) {
      if (!this.#condition.faulty) this.#options.on.fault(faultOf(cause));
    }
    await this.#access.close();
    this.#lock[Symbol.dispose]();
  }
}
