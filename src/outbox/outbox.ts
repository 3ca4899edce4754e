import { LANES, laneOf, type Lane, type PendingReports } from "../domain/pending.ts";
import type { Draft, GapReason, Report, ReportKind } from "../domain/report.ts";
import { isoInstant, type Clock } from "../domain/time.ts";
import { reasonOf } from "../runtime/log.ts";
import { createBallast } from "./ballast.ts";
import { createCommitter } from "./committer.ts";
import { encodeLedger, oldestPending, pendingCount, settle } from "./ledger.ts";
import { createNotes } from "./notes.ts";
import { lockOutbox } from "./lock.ts";
import { numberBeyond, openStock, openWhatThereIs, type Stock } from "./opening.ts";
import { decodeKey, decodeRecord, encodeKey, encodeRecord, LEDGER_KEY, seal } from "./record.ts";
import { createRetention, NO_EXCESS, type Excess } from "./retention.ts";
import { addRange, complement, hasNumber, type Runs } from "./runs.ts";
import { bytesOnDisk, isCorrupt, openLevel, readLane, type Operation } from "./store.ts";
import { saveVital, sealVital, VITAL_KEY, type Vital } from "./vital.ts";

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
    /** What is kept. */
    readonly notes: ReadonlyMap<string, unknown>;
    /** Notes may be missing: their place was damaged, or could not be read. */
    readonly notesDoubtful: boolean;
    /** What was wrong when it was opened, and what was done about it, a line each. */
    readonly news: readonly string[];
    /** Why nothing can be written just now; undefined where it can. */
    readonly fault: unknown;
    /** Whether a number can be published before its record is on disk: it is never used again. */
    leased(seq: number): boolean;
    /** Writes and syncs all that is held in memory. */
    flush(): Promise<void>;
    /** Resolves when the notes are on disk, even where a full disk takes nothing else. */
    secure(): Promise<void>;
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
  /** Something was wrong with the store, and what was done about it. */
  readonly onNews?: (line: string) => void;
  /** The disk that was not there at the start is back: what it holds is known only from the next start on. */
  readonly onReturn?: () => void;
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

/**
 * Opens the outbox at its path. Throws StoreError where another process has it, or where the disk
 * has never taken anything; a disk that has and does not now is worked without until it does.
 */
export const openOutbox = async (options: OutboxOptions): Promise<Outbox> => {
  const lock = await lockOutbox(options.path);
  try {
    return await openLocked(options, lock);
  } catch (cause) {
    lock[Symbol.dispose]();
    throw cause;
  }
};

const openLocked = async (options: OutboxOptions, lock: Disposable): Promise<Outbox> => {
  const ballast = createBallast(options.path);
  const { path, unit, clock } = options;
  const stock = await openWhatThereIs(path, ballast);
  const { ledger } = stock;
  const boot = ledger.boot + 1;
  ledger.boot = boot;
  const notes = createNotes(stock.vital, boot);
  const retention = createRetention(path, options.maxBytes);
  const beganWithout = stock.store === undefined;
  /** Nothing on the disk remembers the numbers that are used: they are far from those that it does. */
  let away = stock.away;
  const isLeased = (seq: number): boolean => seq < ledger.lease;
  let closing = false;
  let { store } = stock;
  /** The store is to be opened anew before the next write; `damaged`: and repaired. */
  let torn = beganWithout;
  let damaged = false;
  let held = new Map<number, Report>();
  let writing: ReadonlyMap<number, Report> = new Map();
  let removals: Buffer[] = [];
  let dirty = false;
  let urgent = true;
  let unsynced = false;
  let lastSync = 0;
  let lastWrite = -Infinity;
  let madeAtLease = ledger.next;
  let fault: unknown = stock.cause;

  /** What a store that was opened anew lacks, of all that was in it, is declared. */
  const accountFor = (opened: Stock): void => {
    const known: Runs = [];
    for (const [from, to] of opened.ledger.settled) addRange(ledger.settled, from, to);
    for (const [from, to] of opened.ledger.thinned) addRange(ledger.thinned, from, to);
    for (const [from, to] of ledger.settled) addRange(known, from, to);
    for (const seq of [...opened.found, ...held.keys()].toSorted((a, b) => a - b)) addRange(known, seq, seq);
    declare(complement(known, 1, ledger.next - 1), away || beganWithout ? "power-cut" : "corruption");
  };

  const reopen = async (): Promise<void> => {
    const before = store;
    store = undefined;
    await before?.close().catch(() => undefined); // it failed already
    if (before && !damaged && !away) {
      store = await openLevel(path).catch(() => undefined); // looked at more closely below
      if (store) return;
    }
    const opened = await openStock(path, damaged);
    ({ store } = opened);
    damaged = false;
    accountFor(opened);
    notes.merge(opened.vital);
    for (const line of opened.news) options.onNews?.(line);
    if (beganWithout) options.onReturn?.();
  };

  /** The lease as the next batch should write it; it counts only once that is on disk. */
  const longerLease = (): number => {
    if (ledger.lease - ledger.next >= LEASE_MIN / 2) return ledger.lease;
    const made = ledger.next - madeAtLease;
    madeAtLease = ledger.next;
    const ahead = Math.min(Math.max(LEASE_MIN, made * 4), LEASE_MAX);
    return Math.max(ledger.lease, ledger.next + ahead);
  };

  /** Notes and lease go to their own file as well: that works on a full disk, too. */
  const writeVital = async (vital: Vital): Promise<void> => {
    await saveVital(path, vital);
    notes.saved(vital.generation);
    ledger.lease = Math.max(ledger.lease, vital.lease);
  };

  const operationsOf = (batch: ReadonlyMap<number, Report>, dels: readonly Buffer[]): Operation[] => {
    const operations: Operation[] = dels.map((key) => ({ type: "del", key }));
    for (const [seq, report] of batch) {
      const key = encodeKey(laneOf(report.kind), seq);
      const value = encodeRecord(key, report);
      retention.wrote(value.length);
      operations.push({ type: "put", key, value });
    }
    return operations;
  };

  const failed = (cause: unknown, remembered: boolean): never => {
    if (!remembered && !away) {
      away = true;
      // Given already, and nobody remembers: the next life gives them again. None of them went out.
      const from = Math.min(ledger.lease, ledger.next);
      const unleased = [...held].filter(([seq]) => seq >= ledger.lease);
      ledger.next = numberBeyond(ledger.next);
      const to = ledger.next - 1;
      for (const [seq, report] of unleased) {
        held.delete(seq);
        (report as { seq: number }).seq = ledger.next++;
        held.set(report.seq, report);
      }
      // Said at once, under a number that may go out: this life may not see the disk come back.
      ledger.lease = ledger.next + LEASE_MAX;
      declare([[from, to]], "power-cut");
    }
    if (away) ledger.lease = Math.max(ledger.lease, ledger.next + LEASE_MAX);
    torn = true;
    dirty = true;
    const news = fault === undefined;
    fault = cause;
    ballast.release();
    if (news) options.onFault(cause);
    throw cause;
  };

  const writeOnce = async (sync: boolean): Promise<void> => {
    let reopened = false;
    const now = performance.now();
    lastWrite = now;
    const lease = longerLease();
    if (lease > ledger.lease) notes.touch();
    const vital = notes.generation > notes.durable ? notes.next(lease) : undefined;
    const beside = vital ? writeVital(vital) : Promise.resolve();
    // Looked at below, when the store has had its turn.
    const remembered = beside.then(
      () => vital !== undefined || notes.durable > 0,
      () => false,
    );
    if (torn) {
      try {
        await reopen();
        torn = false;
        reopened = true;
      } catch (cause) {
        failed(cause, await remembered);
      }
    }
    const batch = held;
    const dels = removals;
    const emptied = tooMany;
    tooMany = NO_EXCESS;
    const urgentBatch = urgent;
    held = new Map();
    removals = [];
    dirty = false;
    urgent = false;
    writing = batch;
    const mustSync = sync || urgentBatch || vital !== undefined || (unsynced && now - lastSync >= SYNC_MS);
    try {
      const operations = operationsOf(batch, dels);
      if (vital) operations.push({ type: "put", key: VITAL_KEY, value: sealVital(vital) });
      const value = seal(LEDGER_KEY, encodeLedger({ ...ledger, lease }));
      operations.push({ type: "put", key: LEDGER_KEY, value });
      await store!.batch(operations, { sync: mustSync });
    } catch (cause) {
      held = new Map([...batch, ...held]);
      removals = [...dels, ...removals];
      tooMany = emptied;
      writing = new Map();
      urgent ||= urgentBatch;
      failed(cause, await remembered);
    }
    if (vital) notes.saved(vital.generation);
    ledger.lease = Math.max(ledger.lease, lease);
    unsynced = mustSync ? false : batch.size > 0 || unsynced;
    if (mustSync) lastSync = now;
    writing = new Map();
    // Settled while they were being written: they are on disk and must go again.
    for (const [seq, report] of batch) if (hasNumber(ledger.settled, seq)) remove(seq, report.kind);
    await beside.then(
      () => (besideFails = false),
      (cause: unknown) => {
        if (!besideFails) options.onNews?.(`the notes have one copy only: ${reasonOf(cause)}`);
        besideFails = true;
      },
    );
    if (fault !== undefined) options.onFault(undefined);
    fault = undefined;
    away = false;
    ballast.restore();
    // What could not be read while the store was away is asked for again.
    const lanes = reopened ? LANES : new Set([...batch.values()].map(({ kind }) => laneOf(kind)));
    for (const lane of lanes) options.onStored(lane);
    // Not waited for: a press must not stand behind the making of room.
    if (closing || (retaining && emptied.seqs.length === 0)) return;
    retaining = (retaining ?? Promise.resolve()).then(() => retain(emptied)).catch(unretained);
    const mine = retaining;
    void mine.then(() => {
      if (retaining === mine) retaining = undefined;
    });
  };
  let besideFails = false;

  /** Records that the last look found too many: deleted with the next batch, their room given back after it. */
  let tooMany = NO_EXCESS;
  let retaining: Promise<void> | undefined;
  let roomFails = false;
  /** Told once; looked at again with a later batch. A store that is closed meanwhile is no fault of its own. */
  const unretained = (cause: unknown): void => {
    if (isCorrupt(cause)) unreadable(cause);
    else if (!torn && !roomFails) options.onNews?.(`no room can be made: ${reasonOf(cause)}`);
    roomFails = true;
  };
  const retain = async (deleted: Excess): Promise<void> => {
    if (!store || closing) return;
    await retention.giveBack(store, deleted);
    // What was found before has not been deleted yet: a look would find it again.
    if (closing || tooMany.seqs.length > 0) return;
    const now = clock.now();
    const found = await retention.excess(store, clock.mono(), now.clock === "unset" ? undefined : now.at);
    roomFails = false;
    // A stop writes its last batch now: what is settled after it would be settled for nobody.
    if (closing) return;
    tooMany = found;
    const pending = tooMany.seqs.filter((seq) => !hasNumber(ledger.settled, seq));
    for (const seq of tooMany.seqs) removals.push(encodeKey("telemetry", seq));
    dirty ||= tooMany.seqs.length > 0;
    const [from] = pending;
    const to = pending.at(-1);
    if (from === undefined || to === undefined) return;
    for (const seq of pending) addRange(ledger.settled, seq, seq);
    if (tooMany.thinned) addRange(ledger.thinned, from, to);
    // Numbers between them that are not counted are delivered as well: other lanes', and those that were kept.
    const gap = { type: "gap", from, to, count: pending.length, reason: "retention" } as const;
    append({ kind: "event", data: gap, ...now });
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

  /** A table that cannot be read is repaired before the next write; until then there is what memory holds. */
  const unreadable = (cause: unknown): [Buffer, Buffer][] => {
    if (!isCorrupt(cause)) throw cause;
    torn = true;
    damaged = true;
    dirty = true;
    committer.within(0);
    return [];
  };

  /** One attempt for all who wait for it: a board repeats a press four times a second. */
  let securing: Promise<void> | undefined;

  /** What is not on disk yet but may go out: its numbers are never used again. */
  const unwrittenAfter = (lane: Lane, after: number): Report[] => {
    const fresh: Report[] = [];
    for (const batch of [writing, held]) {
      for (const [seq, report] of batch) {
        if (seq > after && isLeased(seq) && laneOf(report.kind) === lane) fresh.push(report);
      }
    }
    return fresh;
  };

  const append = (draft: Draft): Report => {
    const seq = ledger.next++;
    const report = {
      v: 1,
      unit,
      boot,
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
    if (fault !== undefined) options.onStored(laneOf(draft.kind)); // it can be read from memory
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
    declare(dropped, "retention");
    return undefined;
  };

  const declare = (runs: Runs, reason: GapReason): void => {
    for (const [from, to] of runs) {
      const gap = { type: "gap", from, to, count: to - from + 1, reason } as const;
      append({ kind: "event", data: gap, ...clock.now() });
      addRange(ledger.settled, from, to);
    }
  };

  // The lease must be on disk before the first number of this boot is used; the gaps' own numbers
  // are new at every start until the batch that holds them is written, and leased in that batch.
  for (const { from, to, reason } of stock.gaps) declare([[from, to]], reason);
  await committer.now(true).catch(() => committer.within(RETRY_MS)); // told; it goes on from memory

  return {
    boot,
    append,
    pressure() {
      if (held.size + writing.size < HELD_MAX) return undefined;
      if (fault !== undefined) return shed();
      return (committer.running ?? committer.now(false)).catch(() => undefined);
    },
    notes: notes.values,
    notesDoubtful: stock.notesLost,
    news: stock.news,
    get fault() {
      return fault;
    },
    note(name, value) {
      notes.set(name, value);
      dirty = true;
      urgent = true;
      committer.within(0);
    },
    leased: isLeased,
    async flush() {
      // Asked again after each batch, without a pause between asking and deciding: what a batch has
      // taken is in none of these, and is not on disk before that batch is.
      while (committer.running) {
        // oxlint-disable-next-line no-await-in-loop
        await committer.running.catch(() => undefined);
      }
      // The ledger alone need not be on disk: what it lacks is declared, never lost.
      const unwritten = held.size + removals.length > 0 || notes.generation > notes.durable;
      if (unwritten || unsynced || torn) await committer.now(true);
    },
    async secure() {
      const wanted = notes.generation;
      const reached = () => notes.durable >= wanted;
      while (!reached()) {
        // A batch that is being written may hold them or not.
        const running = committer.running?.catch(() => undefined);
        securing ??= (running ?? committer.now(true)).finally(() => (securing = undefined));
        // oxlint-disable-next-line no-await-in-loop
        await securing.catch((cause: unknown) => {
          if (!reached()) throw cause;
        });
      }
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
    refuse(reports) {
      const refused: Runs = [];
      for (const { seq, kind } of reports) {
        if (hasNumber(ledger.settled, seq)) continue;
        addRange(refused, seq, seq);
        if (!held.delete(seq) && !writing.has(seq)) remove(seq, kind);
      }
      declare(refused, "too-large");
    },
    async read(lane, after, limit) {
      // Taken before the store is looked at: what is written meanwhile is found in one of the two.
      const unwritten = lane === "telemetry" || fault !== undefined ? unwrittenAfter(lane, after) : [];
      // A store that cannot be written may not be readable either: then memory is all there is.
      const page = torn || !store ? [] : await readLane(store, lane, after, limit).catch(unreadable);
      const reports: Report[] = [];
      const broken: Runs = [];
      for (const [key, value] of page) {
        const seq = decodeKey(key);
        if (hasNumber(ledger.settled, seq)) continue;
        const report = decodeRecord(key, value);
        if (report) reports.push(report);
        else {
          addRange(broken, seq, seq);
          removals.push(key);
        }
      }
      declare(broken, "corruption");
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
      const open = torn ? undefined : store;
      const heads = open
        ? await Promise.all(LANES.map((lane) => readLane(open, lane, after, 1).catch(unreadable)))
        : [];
      const times = heads
        .flat()
        .map(([key, value]) => decodeRecord(key, value))
        // Without a true time there is no true age.
        .filter((report) => report !== undefined && report.clock !== "unset")
        .map((report) => report!.at);
      return {
        records: away ? held.size + writing.size : pendingCount(ledger),
        bytes: bytesOnDisk(path),
        ...(times.length > 0 ? { oldestAt: Math.min(...times.map((at) => Date.parse(at))) } : {}),
      };
    },
    async [Symbol.asyncDispose]() {
      closing = true;
      await retaining;
      // A clean stop accounts for every number: nothing is leased ahead.
      await committer
        .close()
        .then(async () => {
          ledger.lease = ledger.next;
          notes.touch();
          const vital = notes.next(ledger.next);
          // On a full disk the notes' own file takes it, if nothing else does.
          await saveVital(path, vital);
          await store?.batch(
            [
              { type: "put", key: LEDGER_KEY, value: seal(LEDGER_KEY, encodeLedger(ledger)) },
              { type: "put", key: VITAL_KEY, value: sealVital(vital) },
            ],
            { sync: true },
          );
        })
        .catch(options.onFault);
      await store?.close();
      lock[Symbol.dispose]();
    },
  };
};
