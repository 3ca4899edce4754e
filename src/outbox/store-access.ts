import type { Memory } from "../domain/memory.ts";
import { LANES } from "../domain/pending.ts";
import type { EmergencyUpdate } from "../domain/report.ts";
import type { Random } from "../runtime/ports.ts";
import { faultOf } from "./fault.ts";
import type { Gaps } from "./gaps.ts";
import { decodeCopy } from "./memory-copy.ts";
import { orphansIn, supersededIn } from "./orphans.ts";
import { openWhatever, scan, type Opened, type Scan } from "./opening.ts";
import { DiskError, type Disk, type Operation, type Store } from "./port.ts";
import type { Now, Queue } from "./queue.ts";
import { decodeRecord, encodeKey, VITAL_KEY } from "./record.ts";
import type { StoredLedger } from "./ledger.ts";
import { recover, type Recovered } from "./recovery.ts";
import { hasNumber, numbersOf, union, type Runs } from "../domain/runs.ts";
import { numberBeyond, type Start } from "./start.ts";

/** The store: not open, open, open and without an answer, or open and not to be trusted. */
type Access =
  | { readonly kind: "closed" }
  | { readonly kind: "open"; readonly store: Store }
  | { readonly kind: "hung"; readonly store: Store }
  | { readonly kind: "torn"; readonly store: Store };

export type AccessOptions = {
  readonly disk: Disk;
  readonly queue: Queue;
  readonly gaps: Gaps;
  /** The name of the store. */
  readonly name: string;
  readonly random: Random;
  readonly start: Start;
  readonly now: () => Now;
  readonly news: (line: string) => void;
  /** See `OutboxOptions`. */
  readonly orphan: (report: EmergencyUpdate) => void;
  readonly recalled: (memory: Memory) => void;
  /** Called after these two: the memory has what the store knows of emergencies. */
  readonly proven: () => void;
  /** The outbox is being closed: a scan is abandoned. */
  readonly closing: () => boolean;
  /** Nothing remembers numbers or memory. */
  readonly away: () => boolean;
  readonly memory: () => Memory;
  /** The open store can no longer be read. What is in memory can be read from now on. */
  readonly lost: () => void;
};

/** The reports of emergencies with these numbers, ascending. */
const emergenciesIn = async (store: Store, numbers: Runs): Promise<EmergencyUpdate[]> => {
  const keys = [...numbersOf(numbers)].map((seq) => encodeKey("emergency", seq));
  const values = await store.getMany(keys);
  return values.flatMap((value, n) => {
    const report = value && decodeRecord(keys[n]!, value);
    return report?.kind === "emergency" ? [report] : [];
  });
};

/** Whether the store was written with a newer vital file than this one, or with one of another store. */
const isAhead = (ledger: StoredLedger, start: Start): boolean =>
  ledger.store === start.store
    ? ledger.generation > start.generation
    : ledger.store !== undefined && ledger.store !== start.formerly;

/** The last life began with a memory that is older than the store, and ended before it had opened the store. */
const isUnproven = (ledger: StoredLedger | undefined, { unproven }: Start): boolean =>
  unproven !== undefined && (ledger === undefined || ledger.generation >= unproven);

/**
 * The copy of the memory, if all of it can be read. A batch holds the memory as it stood with its records, so it has
 * every episode of theirs that has not ended, if the store is whole.
 */
const copyIn = ({ copy }: Scan): Memory | undefined => {
  const read = copy && decodeCopy(copy);
  return read?.unread.length === 0 ? read.memory : undefined;
};

/**
 * Whether the life that wrote the ledger has written the memory since: then that has the episodes of all its
 * reports. The first write may have begun before them.
 */
const hasCaughtUp = (ledger: StoredLedger, start: Start): boolean =>
  ledger.boot === start.boot && start.generation >= ledger.generation + 2;

/** Records deleted at once while a store is being recovered. */
const GHOSTS = 1_000;

/**
 * Opens the store, for the first time and after every failure, in the same way: opened whatever has
 * become of it, scanned, and held against what this life knows.
 */
export class StoreAccess {
  readonly #options: AccessOptions;
  #access: Access = { kind: "closed" };
  /** A table could not be read: the store is repaired when it is next opened. */
  #damaged = false;

  constructor(options: AccessOptions) {
    this.#options = options;
  }

  /** Undefined if it is not open, does not answer, or is not to be trusted. */
  get store(): Store | undefined {
    return this.#access.kind === "open" ? this.#access.store : undefined;
  }

  /**
   * It is opened anew before it is used again. LevelDB would go on behind a torn record, and what was
   * synced there would be lost at the next start.
   */
  tear(store: Store, damaged: boolean): void {
    if (this.store !== store) return;
    this.#access = { kind: "torn", store };
    this.#damaged ||= damaged;
    this.#options.lost();
  }

  /** It does not answer: it is not used before `answered`. */
  hang(store: Store): void {
    if (this.store !== store) return;
    this.#access = { kind: "hung", store };
    this.#options.lost();
  }

  /** It has answered. Returns whether it did not answer before. */
  answered(store: Store): boolean {
    if (this.#access.kind !== "hung" || this.#access.store !== store) return false;
    this.#access = { kind: "open", store };
    return true;
  }

  /**
   * `failed`: why it could not be used, if it could not. `progress` is called as it goes on. Rejects with
   * DiskError, StoreError or ScanAbandoned.
   */
  async reopen(failed: unknown, progress: () => void): Promise<Store> {
    await this.close();
    const { store, whole, news, taken } = await this.#open(failed, progress);
    for (const line of news) this.#options.news(line);
    if (taken) {
      await this.#takeOver(store, whole, taken, { failed, progress }).catch(async (cause: unknown) => {
        // A store that stays open keeps every later attempt out.
        await store.close().catch(() => undefined); // it failed already
        throw cause;
      });
    }
    this.#damaged = false;
    this.#access = { kind: "open", store };
    return store;
  }

  async close(): Promise<void> {
    const before = this.#access;
    this.#access = { kind: "closed" };
    if (before.kind === "closed") return;
    const closed = before.store.close().catch(() => undefined); // it may have failed already
    // A store that does not answer is closed when it does.
    if (before.kind !== "hung") await closed;
  }

  #open(failed: unknown, progress: () => void): Promise<Opened<Scan | undefined>> {
    const { disk, queue, start, closing } = this.#options;
    const abandoned = (): boolean => {
      progress();
      return closing();
    };
    if (start.opened && !queue.isRecovered) return Promise.resolve({ ...start.opened, news: [] });
    const state = { damaged: this.#damaged, expected: queue.isRecovered || start.boot > 1 };
    // A full disk loses nothing that was written: what this life knows of the store is still true, unless it
    // has to be repaired.
    const known = queue.isRecovered && !this.#damaged && faultOf(failed).code === "disk-full";
    const open = (): Promise<Opened<Scan | undefined>> =>
      openWhatever(disk, state, (store, whole) =>
        known && whole ? Promise.resolve(undefined) : scan(store, queue.next, abandoned),
      );
    return open().catch((cause: unknown) => {
      // The disk may be full: with the room of the ballast it can be opened and emptied.
      if (!(cause instanceof DiskError) || !disk.releaseBallast()) throw cause;
      return open();
    });
  }

  async #takeOver(
    store: Store,
    whole: boolean,
    found: Scan,
    { failed, progress }: { readonly failed: unknown; readonly progress: () => void },
  ): Promise<void> {
    const { queue, gaps, name, start, now, random } = this.#options;
    const { ledger, lanes } = found;
    const lostWith = failed instanceof DiskError ? "power-cut" : "corruption";
    const apart = ledger?.store === name && !hasCaughtUp(ledger, start) ? ledger.apart : [];
    const isFirst = !queue.isRecovered;
    const reports = isFirst ? await emergenciesIn(store, lanes.emergency) : [];
    // In one turn: what is appended or settled between these two would be lost, and its number given twice.
    if (isFirst) queue.setApart(apart);
    const { owed } = gaps;
    const beyond = (least: number): number => numberBeyond(least, random);
    const known = { ...queue.known, owed, store: name, lostWith, renamed: start.renamed, beyond } as const;
    const recovered = recover(known, { ledger, lanes, whole });
    gaps.recovered(recovered, now());
    if (isFirst) {
      this.#tellEmergencies(reports, found, { whole, apart });
      this.#options.proven();
    }
    await this.#clean(store, recovered, found, progress);
  }

  /** What the store knows of emergencies, and the memory does not. */
  #tellEmergencies(
    reports: readonly EmergencyUpdate[],
    found: Scan,
    { whole, apart }: { readonly whole: boolean; readonly apart: Runs },
  ): void {
    const { gaps, name, start, now, memory } = this.#options;
    const { ledger } = found;
    const ahead = ledger !== undefined && isAhead(ledger, start);
    if (ahead) this.#options.news("the vital file is older than the store, or of another one");
    // The vital file could not be written, and has not been written since.
    const behind = apart.length > 0 && ledger !== undefined && ledger.generation >= start.generation;
    // The last life may have changed the memory that was older: the copy is not newer than all of it.
    const unproven = isUnproven(ledger, start);
    const copy = ledger?.store === name && (ahead || behind || unproven) ? copyIn(found) : undefined;
    const newer = whole && !unproven ? copy : undefined;
    const unsure = !start.coversStore || unproven || (start.torn && (ledger === undefined || !whole));
    const isUnknown = ({ seq }: EmergencyUpdate): boolean =>
      !newer && (ahead || unsure || hasNumber(apart, seq));
    // One that a broker has acknowledged was published: it waits for nothing but a receipt.
    const carried = union(ledger?.carried ?? []);
    const inDoubt = reports.filter((report) => !isUnknown(report) && !hasNumber(carried, report.seq));
    gaps.refuse(supersededIn(inDoubt, memory(), ...(newer ? [newer] : [])), "superseded", now());
    if (newer) {
      this.#options.recalled(newer);
      return;
    }
    const kept = copy?.emergency.episodes.map(({ report }) => report) ?? [];
    const stored = [...reports.filter(isUnknown), ...kept];
    for (const report of orphansIn(stored, start.memory, memory(), start.ended)) this.#options.orphan(report);
  }

  async #clean(store: Store, { ghosts }: Recovered, { legacy }: Scan, progress: () => void): Promise<void> {
    const operations: Operation[] = LANES.flatMap((lane) =>
      [...numbersOf(ghosts[lane])].map((seq): Operation => ({ type: "del", key: encodeKey(lane, seq) })),
    );
    // The memory lives in the vital file: an old copy must never bring back what has ended since.
    if (legacy && !this.#options.away()) operations.push({ type: "del", key: VITAL_KEY });
    for (let from = 0; from < operations.length; from += GHOSTS) {
      // oxlint-disable-next-line no-await-in-loop -- a part at a time
      await store.batch(operations.slice(from, from + GHOSTS), { sync: from + GHOSTS >= operations.length });
      progress();
    }
  }
}
