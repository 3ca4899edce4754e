import { LANES, laneOf, type Lane, type PendingReports } from "../domain/pending.ts";
import type { ClockTrust, Draft, Report, ReportKind } from "../domain/report.ts";
import { isoInstant, type Clock } from "../domain/time.ts";
import { reasonOf } from "../runtime/log.ts";
import { createBallast, type Ballast } from "./ballast.ts";
import { createRetention } from "./retention.ts";
import { createCommitter } from "./committer.ts";
import { addRange, hasNumber, type Runs } from "./runs.ts";
import {
  decodeLedger,
  emptyLedger,
  encodeLedger,
  oldestPending,
  pendingCount,
  settle,
  unaccounted,
  type Gap,
  type Ledger,
} from "./ledger.ts";
import {
  decodeKey,
  decodeRecord,
  encodeKey,
  encodeRecord,
  LEDGER_KEY,
  noteKey,
  seal,
  unseal,
} from "./record.ts";
import { readCounters, saveCounters } from "./counters.ts";
import {
  bytesOnDisk,
  openStore,
  readLane,
  reopenStore,
  readNotes,
  scanNumbers,
  StoreError,
  type Operation,
  type Store,
} from "./store.ts";

/**
 * The only durable queue. A report gets its number here and stays until it is settled.
 *
 * Group commit: events and emergencies are synced at once; telemetry is written when the linger
 * is over, unless dispatch has acknowledged it before: then it never costs the card a write.
 */
export type Outbox = AsyncDisposable &
  PendingReports & {
    /** Numbers a draft and takes it. What can wait (telemetry) asks `pressure()` before. */
    append(draft: Draft): Report;
    /** A promise to wait for before asking again; undefined when there is room. */
    pressure(): Promise<void> | undefined;
    /** Keeps a value under a name until it is undefined; goes to disk, synced, with what is appended beside it. */
    note(name: string, value: unknown): void;
    /** What was kept when the outbox was opened, and how much of it was damaged. */
    readonly notes: ReadonlyMap<string, unknown>;
    readonly damagedNotes: number;
    /** Whether a number can be published before its record is on disk: it is never used again. */
    leased(seq: number): boolean;
    /** Writes and syncs all that is held in memory. */
    flush(): Promise<void>;
    /** Pending records, the oldest one's time (UTC milliseconds), bytes on disk. */
    stats(): Promise<{ records: number; oldestAt?: number; bytes: number }>;
  };

export type OutboxOptions = {
  readonly path: string;
  /** Quota on disk: beyond it the oldest telemetry goes, declared. */
  readonly maxBytes: number;
  readonly unit: string;
  readonly clock: Clock;
  /** How long telemetry may wait in memory for its acknowledgement, milliseconds. */
  readonly lingerMs: () => number;
  /** Records of this lane can now be read. */
  readonly onStored: (lane: Lane) => void;
  /** Writing failed, or works again (undefined). Told once for each change. */
  readonly onFault: (cause: unknown) => void;
};

/** Numbers leased ahead: few, because a crash declares those it cannot account for. */
const LEASE_MIN = 64;
const LEASE_MAX = 65_536;
/** Records in memory before the sources must wait. */
const HELD_MAX = 8_192;
/** The ledger alone is written this often: what a crash declares is at most this old. */
const LEDGER_MS = 1_000;
const RETRY_MS = 1_000;
/** Records between two syncs while telemetry is flowing, by time. */
const SYNC_MS = 1_000;

export const openOutbox = async (options: OutboxOptions): Promise<Outbox> => {
  const ballast = createBallast(options.path);
  const open = () => openStore(options.path, takeStock(options.path));
  const { store, stock } = await open().catch((cause: unknown) => {
    // The disk may be full: with the ballast's room there is a way to empty it.
    if (!ballast.release()) throw cause;
    return open();
  });
  stock.ledger.boot++;
  return serve(store, stock, ballast, options);
};

type Stock = {
  readonly ledger: Ledger;
  readonly gaps: readonly Gap[];
  readonly notes: ReadonlyMap<string, unknown>;
  readonly damagedNotes: number;
};

/** Reads the ledger and holds it against the records that are really there. */
const takeStock =
  (path: string) =>
  async (store: Store): Promise<Stock> => {
    const value = await store.get(LEDGER_KEY);
    const text = value && unseal(LEDGER_KEY, value);
    const found = await scanNumbers(store);
    const ledger = text === undefined ? emptyLedger() : decodeLedger(text);
    // The counters' own file speaks where the ledger is lost: no number, no boot is used twice.
    const counters = await readCounters(path);
    ledger.boot = Math.max(ledger.boot, counters.boot);
    ledger.lease = Math.max(ledger.lease, counters.lease, (found.at(-1) ?? 0) + 1);
    const gaps = unaccounted(ledger, found);
    ledger.next = ledger.lease;
    const { notes, damaged } = await readNotes(store);
    return { ledger, gaps, notes, damagedNotes: damaged };
  };

const serve = async (
  opened: Store,
  stock: Stock,
  ballast: Ballast,
  options: OutboxOptions,
): Promise<Outbox> => {
  const retention = createRetention(options.path, options.maxBytes);
  const { ledger, gaps, notes, damagedNotes } = stock;
  let store = opened;
  /** A write has failed: the store is to be opened anew before the next. */
  let torn = false;
  const { unit, clock } = options;
  let held = new Map<number, Report>();
  let writing: ReadonlyMap<number, Report> = new Map();
  let removals: Buffer[] = [];
  let noted = new Map<string, unknown>();
  let dirty = false;
  let urgent = true;
  let unsynced = false;
  let lastSync = 0;
  let lastWrite = -Infinity;
  let madeAtLease = ledger.next;
  let faulty = false;

  /** The lease as the next batch should write it; it counts only once that is on disk. */
  const longerLease = (): number => {
    if (ledger.lease - ledger.next >= LEASE_MIN / 2) return ledger.lease;
    const made = ledger.next - madeAtLease;
    madeAtLease = ledger.next;
    const ahead = Math.min(Math.max(LEASE_MIN, made * 4), LEASE_MAX);
    return Math.max(ledger.lease, ledger.next + ahead);
  };

  const writeOnce = async (sync: boolean): Promise<void> => {
    if (torn) {
      store = await reopenStore(store);
      torn = false;
    }
    const batch = held;
    const dels = removals;
    const urgentBatch = urgent;
    const notedBatch = noted;
    held = new Map();
    noted = new Map();
    removals = [];
    dirty = false;
    urgent = false;
    writing = batch;
    const lease = longerLease();
    const now = performance.now();
    lastWrite = now;
    const mustSync = sync || urgentBatch || lease > ledger.lease || (unsynced && now - lastSync >= SYNC_MS);
    const lanes = new Set<Lane>();
    try {
      const operations: Operation[] = dels.map((key) => ({ type: "del", key }));
      for (const [seq, report] of batch) {
        const lane = laneOf(report.kind);
        const key = encodeKey(lane, seq);
        lanes.add(lane);
        const value = encodeRecord(key, report);
        retention.wrote(value.length);
        operations.push({ type: "put", key, value });
      }
      for (const [name, value] of notedBatch) {
        const key = noteKey(name);
        operations.push(
          value === undefined
            ? { type: "del", key }
            : { type: "put", key, value: seal(key, JSON.stringify(value)) },
        );
      }
      operations.push({
        type: "put",
        key: LEDGER_KEY,
        value: seal(LEDGER_KEY, encodeLedger({ ...ledger, lease })),
      });
      await store.batch(operations, { sync: mustSync });
      if (lease > ledger.lease) await saveCounters(options.path, { boot: ledger.boot, lease });
    } catch (cause) {
      held = new Map([...batch, ...held]);
      noted = new Map([...notedBatch, ...noted]);
      removals = [...dels, ...removals];
      writing = new Map();
      torn = true;
      ballast.release();
      urgent ||= urgentBatch;
      dirty = true;
      const news = !faulty;
      faulty = true;
      if (news) options.onFault(cause);
      throw cause;
    }
    ledger.lease = lease;
    unsynced = mustSync ? false : batch.size > 0 || unsynced;
    if (mustSync) lastSync = now;
    writing = new Map();
    // Settled while they were being written: they are on disk and must go again.
    for (const [seq, report] of batch) if (hasNumber(ledger.settled, seq)) remove(seq, report.kind);
    if (faulty) options.onFault(undefined);
    faulty = false;
    ballast.restore();
    await retain();
    for (const lane of lanes) options.onStored(lane);
  };

  /** Records that the last look found too many, deleted with this batch; their room is given back after it. */
  let tooMany: number[] = [];
  const retain = async (): Promise<void> => {
    await retention.giveBack(store, tooMany);
    tooMany = await retention.excess(store, clock.mono());
    const pending = tooMany.filter((seq) => !hasNumber(ledger.settled, seq));
    for (const seq of tooMany) removals.push(encodeKey("telemetry", seq));
    dirty ||= tooMany.length > 0;
    const [from] = pending;
    const to = pending.at(-1);
    if (from === undefined || to === undefined) return;
    for (const seq of pending) addRange(ledger.settled, seq, seq);
    // Numbers of other lanes lie between them: those are delivered as well.
    const gap = { type: "gap", from, to, count: pending.length, reason: "retention" } as const;
    append({ kind: "event", data: gap, ...clock.now() });
  };

  const leaseIsShort = (): boolean => ledger.lease - ledger.next < LEASE_MIN / 4;

  const committer = createCommitter({
    commit: writeOnce,
    // What is held may have been acknowledged since the timer was set.
    dueMs() {
      if (urgent || leaseIsShort()) return 0;
      const [eldest] = held.values();
      if (eldest) return options.lingerMs() - (clock.mono() - eldest.mono);
      return lastWrite + LEDGER_MS - performance.now();
    },
    nextMs() {
      if (urgent) return 0;
      if (held.size > 0) return options.lingerMs();
      return dirty || unsynced ? LEDGER_MS : undefined;
    },
    retryMs: RETRY_MS,
  });

  const remove = (seq: number, kind: ReportKind): void => {
    removals.push(encodeKey(laneOf(kind), seq));
    dirty = true;
  };

  /** What is not on disk yet but may go out: its numbers are never used again. */
  const unwrittenAfter = (lane: Lane, after: number): Report[] => {
    const fresh: Report[] = [];
    for (const batch of [writing, held]) {
      for (const [seq, report] of batch) {
        if (seq > after && seq < ledger.lease && laneOf(report.kind) === lane) fresh.push(report);
      }
    }
    return fresh;
  };

  const append = (draft: Draft): Report => {
    const seq = ledger.next++;
    const report = {
      v: 1,
      unit,
      boot: ledger.boot,
      seq,
      kind: draft.kind,
      at: isoInstant(draft.at),
      clock: draft.clock,
      mono: draft.mono ?? clock.mono(),
      data: draft.data,
    } as Report;
    held.set(seq, report);
    dirty = true;
    if (laneOf(draft.kind) !== "telemetry") urgent = true;
    committer.within(urgent || leaseIsShort() ? 0 : options.lingerMs());
    if (faulty) options.onStored(laneOf(draft.kind)); // it can be read from memory
    return report;
  };

  /**
   * The disk takes nothing and memory is full: the older half of the telemetry is given up, and
   * declared. To stop reading the receiver instead would freeze clock and position.
   */
  const shed = (): undefined => {
    const telemetry = [...held.values()].filter(({ kind }) => laneOf(kind) === "telemetry");
    const dropped: Runs = [];
    for (const { seq } of telemetry.slice(0, telemetry.length / 2)) {
      held.delete(seq);
      addRange(dropped, seq, seq);
    }
    declare(
      dropped.map(([from, to]) => ({ from, to, count: to - from + 1, reason: "retention" })),
      clock.now(),
    );
    return undefined;
  };

  const declare = (found: readonly Gap[], at: { at: number; clock: ClockTrust }): void => {
    for (const gap of found) {
      append({ kind: "event", data: { type: "gap", ...gap }, ...at });
      addRange(ledger.settled, gap.from, gap.to);
    }
  };

  // The lease must be on disk before the first number of this boot is used; the gaps' own numbers
  // are new at every start until the batch that holds them is written, and leased in that batch.
  declare(gaps, clock.now());
  try {
    await committer.now(true);
  } catch (cause) {
    await committer.close().catch(() => undefined); // it could not be written before, either
    await store.close();
    throw new StoreError(`${options.path} cannot be written: ${reasonOf(cause)}`, { cause });
  }

  return {
    boot: ledger.boot,
    append,
    pressure() {
      if (held.size + writing.size < HELD_MAX) return undefined;
      if (faulty) return shed();
      return (committer.running ?? committer.now(false)).catch(() => undefined);
    },
    notes,
    damagedNotes,
    note(name, value) {
      noted.set(name, value);
      dirty = true;
      urgent = true;
      committer.within(0);
    },
    leased: (seq) => seq < ledger.lease,
    async flush() {
      // Asked again after each batch, without a pause between asking and deciding: what a batch has
      // taken is in none of these, and is not on disk before that batch is.
      while (committer.running) {
        // oxlint-disable-next-line no-await-in-loop
        await committer.running.catch(() => undefined);
      }
      // The ledger alone need not be on disk: what it lacks is declared, never lost.
      if (held.size + noted.size + removals.length > 0 || unsynced || torn) await committer.now(true);
    },
    settle(reports) {
      for (const { seq, kind } of reports) {
        if (hasNumber(ledger.settled, seq)) continue;
        settle(ledger, seq);
        if (!held.delete(seq) && !writing.has(seq)) remove(seq, kind);
        dirty = true;
      }
      committer.within(LEDGER_MS);
    },
    async read(lane, after, limit) {
      // Taken before the store is looked at: what is written meanwhile is found in one of the two.
      const unwritten = lane === "telemetry" || faulty ? unwrittenAfter(lane, after) : [];
      // A store that cannot be written may not be readable either: then memory is all there is.
      const page = torn ? [] : await readLane(store, lane, after, limit);
      const reports: Report[] = [];
      const damaged: Runs = [];
      for (const [key, value] of page) {
        const seq = decodeKey(key);
        if (hasNumber(ledger.settled, seq)) continue;
        const report = decodeRecord(key, value);
        if (report) reports.push(report);
        else {
          addRange(damaged, seq, seq);
          removals.push(key);
        }
      }
      declare(
        damaged.map(([from, to]) => ({ from, to, count: to - from + 1, reason: "corruption" })),
        clock.now(),
      );
      const last = page.at(-1);
      const cursor = last ? decodeKey(last[0]) : after;
      const fresh = unwritten
        .filter(({ seq }) => seq > cursor && !hasNumber(ledger.settled, seq))
        .slice(0, limit - page.length);
      // Without the store it is not known what lies before: it is looked for again from here.
      return { reports: [...reports, ...fresh], cursor: torn ? after : (fresh.at(-1)?.seq ?? cursor) };
    },
    oldest: () => oldestPending(ledger),
    async stats() {
      const after = oldestPending(ledger) - 1;
      const heads = torn ? [] : await Promise.all(LANES.map((lane) => readLane(store, lane, after, 1)));
      const times = heads
        .flat()
        .map(([key, value]) => decodeRecord(key, value))
        // Without a true time there is no true age.
        .filter((report) => report !== undefined && report.clock !== "unset")
        .map((report) => report!.at);
      return {
        records: pendingCount(ledger),
        bytes: bytesOnDisk(options.path),
        ...(times.length > 0 ? { oldestAt: Math.min(...times.map((at) => Date.parse(at))) } : {}),
      };
    },
    async [Symbol.asyncDispose]() {
      // A clean stop accounts for every number: nothing is leased ahead.
      await committer
        .close()
        .then(() => {
          ledger.lease = ledger.next;
          return store.put(LEDGER_KEY, seal(LEDGER_KEY, encodeLedger(ledger)), { sync: true });
        })
        .then(() => saveCounters(options.path, { boot: ledger.boot, lease: ledger.next }))
        .catch(options.onFault);
      await store.close();
    },
  };
};
