import type { CustodyMode } from "../custody/custody.ts";
import type { Memory, MemoryPatch } from "../domain/memory.ts";
import type { Lane, PendingReports } from "../domain/pending.ts";
import type { Draft, EmergencyUpdate, EventData, Report } from "../domain/report.ts";
import type { Runs } from "../domain/runs.ts";
import type { Clock } from "../domain/time.ts";
import type { Random, Time } from "../runtime/ports.ts";
import type { DiskState } from "./condition.ts";
import type { OutboxFault } from "./fault.ts";
import { OutboxLoop } from "./loop.ts";
import type { Disk } from "./port.ts";
import { begin, takeLease } from "./start.ts";
import { VitalHome } from "./vital-home.ts";

export type { OutboxFault } from "./fault.ts";

/**
 * The only durable queue. A report gets its number here and stays until it is settled.
 *
 * Group commit: events and emergencies are synced at once. Telemetry is written when the linger is over, unless
 * it is settled before: then it never costs the card a write. With custody `dispatch`, telemetry that a broker has
 * acknowledged waits up to 15 s for its receipt.
 */
export type Outbox = AsyncDisposable &
  PendingReports & {
    /**
     * The boot as the disk counts it. `boot` is far above it while the disk cannot store a count, so that no
     * two lives share one; a `state` must not jump, or dispatch takes the next `offline` for a stale one.
     */
    readonly counted: number;
    /** The name of the unit in every report: that of `OutboxOptions` only if the memory has none. */
    readonly unit: string;
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
    /**
     * Gives the unit another name. It counts once the outbox is opened again: the reports then belong to a new
     * store, in which the numbers that were given so far are declared. To be called while nothing is pending. Rejects
     * when the disk refuses.
     */
    rename(unit: string): Promise<void>;
    /**
     * Begins a new store once the outbox is opened again: dispatch knows numbers that this one never gave. What is
     * pending then gets numbers of the new one, and the numbers that were given so far are declared in it. It counts
     * once `secure` has resolved.
     */
    renew(): void;
    /** Whether a report is of an earlier store, and needs a number of this one: see `renew`. */
    isForeign(report: Pick<Report, "store">): boolean;
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
    /**
     * With whom the responsibility for acknowledged reports lies: see `acknowledge`. `isReceipted`: dispatch sends
     * receipts; with `broker`, gap events then still wait for them. `broker` without receipts settles what was waiting
     * for one, if a broker with a subscriber acknowledged it in this life. The others are to be sent again. Resolves
     * when it has.
     */
    keep(custody: CustodyMode, isReceipted: boolean): Promise<void>;
    /**
     * Dispatch has stored every number up to `upTo`, or the gap that declares it, except the `missing` ones
     * (ascending, disjoint). Settles them; resolves when it has.
     */
    receipted(upTo: number, missing: Runs): Promise<void>;
    /**
     * Looks at numbers from `from` on, at most to `to`, that dispatch lacks. `reports`: up to `limit` of those that
     * a broker acknowledged more than 30 s ago; `upTo`: the last number looked at. Those among them that the outbox no
     * longer has are declared, unless a pending gap does.
     */
    unstored(from: number, to: number, limit: number): Promise<{ reports: Report[]; upTo: number }>;
    /**
     * Of the pending reports up to `upTo` that are not `missing`, that an earlier life made and no broker has
     * acknowledged: the time of the newest ones, UTC milliseconds. A receipt that is older cannot cover them.
     * Undefined if there are none with a time that is trusted.
     */
    coveredAt(upTo: number, missing: Runs): Promise<number | undefined>;
    /**
     * An earlier life gave numbers up to `upTo` that the disk could not store: this life's go on above them. Dispatch
     * has those between the present ones and `upTo` that are not `missing`; the others are declared.
     */
    leap(upTo: number, missing: Runs): void;
    /** How many reports a broker has acknowledged and no receipt covers. */
    readonly unreceipted: number;
    /**
     * How often it has forgotten that reports were acknowledged, because they lie too far apart to be remembered. They
     * are to be read, and sent, once more.
     */
    readonly forgotten: number;
    /** The next number that is given. Before `recovered` earlier lives may have given higher ones. */
    readonly next: number;
    /** Whether the store was held against what this life knows. */
    readonly recovered: boolean;
    /**
     * A pending number from the first of this life on that is neither above `upTo` nor `missing`, and that was never
     * handed to a connection: dispatch cannot have it. One that a broker has acknowledged was, if not in this life: the
     * disk may show numbers of an earlier life that had jumped. Undefined if there is none.
     */
    unsent(upTo: number, missing: Runs): number | undefined;
    /** Pending records by lane, as far as they are known. It reads no disk. */
    readonly waiting: Readonly<Record<Lane, number>>;
    /** Pending records as far as they are known, the oldest one's time (UTC milliseconds), bytes on disk. */
    stats(): Promise<{ records: number; oldestAt?: number; bytes: number }>;
    readonly state: DiskState;
    /** The store has left a read without an answer for some seconds. Reports are read from memory until it answers. */
    readonly isSilent: boolean;
    /** Resolves when the store has been opened and recovered for the first time, or the first attempt has failed. */
    readonly opened: Promise<void>;
  };

export type OutboxOptions = {
  readonly disk: Disk;
  /** The name of the unit, if the memory does not have one: reports are made under that one until `rename`. */
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
    /** The vital file cannot be written, for this reason, and its spare is used; undefined: the vital file again. */
    spareUsed?(reason: string | undefined): void;
    /** The newest report in the store of an emergency that the memory lacks, or may have as it stood before. */
    orphan?(report: EmergencyUpdate): void;
    /** The vital file is older than the store, which has a copy of a newer memory. Called instead of `orphan`. */
    recalled?(memory: Memory): void;
    /** Numbers were declared as lost. */
    gap?(gap: Extract<EventData, { type: "gap" }>): void;
    /** Entries of the memory were lost or could not be read. Called before `openOutbox` resolves. */
    doubtful?(): void;
  };
};

/**
 * Locks the disk and reads its vital file and the spare of it; the store is opened and scanned after this resolves. Only if
 * the vital file is lost or of an older version it waits for the store. Rejects with StoreError if
 * another process has the outbox, or if the disk has never taken anything and does not now.
 */
export const openOutbox = async (options: OutboxOptions): Promise<Outbox> => {
  const lock = await options.disk.lock();
  try {
    const start = await begin(options.disk, options);
    for (const line of start.news) options.on.news(line);
    const { disk, random, time, on } = options;
    const home = new VitalHome({
      disk,
      spare: start.spare,
      mono: () => time.mono(),
      spareUsed: (reason) => on.spareUsed?.(reason),
    });
    const life = await takeLease(disk, start, { home, random, time });
    if (start.doubtful) options.on.doubtful?.();
    const unit = start.memory.unit ?? options.unit;
    const outbox = new OutboxLoop({ ...options, unit }, { lock, start, life, home });
    await outbox.begin();
    return outbox;
  } catch (cause) {
    lock[Symbol.dispose]();
    throw cause;
  }
};
