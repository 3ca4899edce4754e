import {
  DamageError,
  DiskError,
  PLACE_BYTES,
  PLACES,
  StoreError,
  type Disk,
  type Opening,
  type Operation,
  type Store,
} from "../../src/outbox/port.ts";
import type { Random, Time } from "../../src/runtime/ports.ts";

/**
 * A disk in memory, on simulated time and deterministic from its seed. It keeps what the port promises:
 * synced batches survive `cut()`; of later ones a part from the beginning does; a batch that failed
 * leaves a torn log, behind which everything is lost when the store is opened anew.
 */
type DiskFault =
  /** No free space: the vital file can still be written, if it exists. */
  | { readonly kind: "full" }
  /** The file system is read-only: nothing can be written. */
  | { readonly kind: "read-only" }
  /** Every write is refused, and the disk still opens. */
  | { readonly kind: "refuses" }
  /** The vital file cannot be written; the store can. `spare`: whether its spare cannot, either. */
  | { readonly kind: "vital-refuses"; readonly spare?: "refuses" }
  /** Everything takes so many times longer. */
  | { readonly kind: "slow"; readonly factor: number }
  /** A write that begins now ends after this fault, unless the process or the power goes before. `reads`: so does a read. */
  | { readonly kind: "hangs"; readonly reads?: true };

export type SimulatedDisk = Disk & {
  /** One fault at a time; undefined: none. */
  fault: DiskFault | undefined;
  /** A write to the vital file has begun as soon as it is asked for. Otherwise in half of the cases. */
  beginsAtOnce: boolean;
  /** Operations that are under way and began while the disk was slow or hung. */
  readonly late: number;
  /** The power goes: what is under way never ends, open stores are gone, and so is the lock. */
  cut(): void;
  /** The process goes: as at a cut, but what was written is in the kernel's hands, and nothing of it is lost. */
  processGone(): void;
  /** The places of the vital file, then those of its spare, as they stand. */
  readonly places: readonly (Buffer | undefined)[];
  /** The next batch fails half-way. The store takes batches afterwards, and loses them when it is opened anew. */
  tear(): void;
  /** The next batch is reported as written and is not: a kind of its own, which the port does not allow. */
  loseSilently(): void;
  /** Flips a bit in this record, or in any; false if there is none. */
  corruptRecord(key?: Buffer): boolean;
  /** This record is gone, and nothing says so. */
  loseRecord(key: Buffer): void;
  /** Fills a place of the vital file with noise; from PLACES on of its spare. */
  corruptVital(place: number): void;
  /** Puts these bytes in the places of the vital file, as if they had been there all the time. */
  putVital(places: readonly (Buffer | undefined)[]): void;
  /** The store cannot be opened before a repair, which loses this share of its records. */
  damage(share: number): void;
  /** Records and their bytes. */
  readonly contents: { readonly records: number; readonly bytes: number };
};

export type SimulatedDiskOptions = {
  readonly time: Time;
  readonly random: Random;
  readonly path?: string;
  /** Bytes free beside the store. */
  readonly freeBytes?: number;
  /** Called when a place of the vital file has been written. */
  readonly vitalWritten?: () => void;
  /** Called when the last operation has ended that began while the disk was slow or hung. */
  readonly caughtUp?: () => void;
};

const READ_MS = 0.2;
const WRITE_MS = 0.5;
const SYNC_MS = 4;
const SCAN_KEYS = 5_000;
const FREE_BYTES = 2 ** 33;

const nameOf = (key: Buffer): string => key.toString("latin1");
const keyOf = (name: string): Buffer => Buffer.from(name, "latin1");

/** Records in the order of their keys, and how to undo each batch. */
class Table {
  readonly #values = new Map<string, Buffer>();
  /** By first byte, so that the lanes do not push each other along. */
  readonly #names = new Map<string, string[]>();

  get size(): number {
    return this.#values.size;
  }
  get bytes(): number {
    let sum = 0;
    for (const [name, value] of this.#values) sum += name.length + value.length;
    return sum;
  }
  get(name: string): Buffer | undefined {
    return this.#values.get(name);
  }

  #group(name: string): string[] {
    const first = name.slice(0, 1);
    const group = this.#names.get(first) ?? [];
    this.#names.set(first, group);
    return group;
  }

  #locate(group: readonly string[], name: string): number {
    let low = 0;
    let high = group.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (group[middle]! < name) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Sets or deletes; returns what was there. */
  set(name: string, value: Buffer | undefined): Buffer | undefined {
    const before = this.#values.get(name);
    const group = this.#group(name);
    if (value === undefined) {
      if (before !== undefined) group.splice(this.#locate(group, name), 1);
      this.#values.delete(name);
    } else {
      if (before === undefined) group.splice(this.#locate(group, name), 0, name);
      this.#values.set(name, value);
    }
    return before;
  }

  /** Names from..to in order, at most `limit`. */
  range(from: string, to: string, limit: number): string[] {
    const found: string[] = [];
    for (const first of [...this.#names.keys()].toSorted()) {
      const group = this.#names.get(first)!;
      for (let n = this.#locate(group, from); n < group.length && group[n]! <= to; n++) {
        if (found.length >= limit) return found;
        found.push(group[n]!);
      }
    }
    return found;
  }

  /** Applies a batch; returns what undoes it. */
  apply(operations: readonly Operation[]): () => void {
    const undo = operations.map((one): [string, Buffer | undefined] => {
      const name = nameOf(one.key);
      return [name, this.set(name, one.type === "put" ? Buffer.from(one.value) : undefined)];
    });
    return () => {
      for (const [name, before] of undo.toReversed()) this.set(name, before);
    };
  }
}

class World implements SimulatedDisk {
  readonly path: string;
  #fault: DiskFault | undefined;
  beginsAtOnce = true;
  /** Begins what hangs. */
  #hung: (() => void)[] = [];
  readonly #options: SimulatedDiskOptions;
  #table = new Table();
  /** Undoes each batch that is not synced, and each that was written behind a torn one. */
  #unsynced: (() => void)[] = [];
  #behindTorn: (() => void)[] = [];
  #places: (Buffer | undefined)[] = Array.from({ length: 2 * PLACES }, () => undefined);
  #exists = false;
  #damaged: number | undefined;
  #tearing = false;
  #losing = false;
  #locked = false;
  #inUse = false;
  #ballast = false;
  #asides = 0;
  #late = 0;
  /** Counts the cuts: what began before one never ends. */
  #power = 0;

  constructor(options: SimulatedDiskOptions) {
    this.#options = options;
    this.path = options.path ?? "/simulated/outbox";
  }

  get fault(): DiskFault | undefined {
    return this.#fault;
  }
  set fault(fault: DiskFault | undefined) {
    this.#fault = fault;
    if (fault?.kind === "hangs") return;
    for (const begin of this.#hung.splice(0)) begin();
  }

  /** Takes time; never ends if the power goes meanwhile. */
  #take(ms: number, what: "read" | "write" = "write"): Promise<void> {
    const power = this.#power;
    const factor = this.fault?.kind === "slow" ? this.fault.factor : 1;
    const hangs = this.fault?.kind === "hangs" && (what === "write" || this.fault.reads === true);
    const jitter = 0.5 + this.#options.random();
    const late = factor > 1 || hangs;
    if (late) this.#late++;
    return new Promise((resolve) => {
      const begin = (): void => {
        this.#options.time.after(ms * factor * jitter, () => {
          if (power !== this.#power) return;
          resolve();
          if (late && --this.#late === 0) this.#options.caughtUp?.();
        });
      };
      if (hangs) this.#hung.push(begin);
      else begin();
    });
  }

  get late(): number {
    return this.#late;
  }

  #refuseWrite(): void {
    if (this.fault?.kind === "full") throw new DiskError(`${this.path}: no space left on device`);
    this.#refuseAny();
  }
  #refuseAny(): void {
    if (this.fault?.kind === "read-only") throw new DiskError(`${this.path}: read-only file system`);
    if (this.fault?.kind === "refuses") throw new DiskError(`${this.path}: input/output error`);
  }

  lock(): Promise<Disposable> {
    if (this.#locked) return Promise.reject(new StoreError(`${this.path} is in use`));
    this.#locked = true;
    const power = this.#power;
    const release = (): void => {
      if (power === this.#power) this.#locked = false;
    };
    return Promise.resolve({ [Symbol.dispose]: release });
  }

  async readVital(): Promise<readonly (Buffer | undefined)[]> {
    await this.#take(READ_MS, "read");
    return this.#places.map((bytes) => bytes && Buffer.from(bytes));
  }

  writeVital(place: number, bytes: Buffer): Promise<void> {
    return this.#writePlace(0, place, bytes);
  }

  writeSpare(place: number, bytes: Buffer): Promise<void> {
    return this.#writePlace(PLACES, place, bytes);
  }

  async removeSpare(): Promise<void> {
    this.#refuseAny();
    await this.#take(SYNC_MS);
    for (let n = PLACES; n < this.#places.length; n++) this.#places[n] = undefined;
  }

  /** `first`: the first place of the file. */
  async #writePlace(first: number, place: number, bytes: Buffer): Promise<void> {
    if (bytes.length > PLACE_BYTES) throw new RangeError(`${bytes.length} bytes: more than their place`);
    if (this.#places[first] === undefined) this.#refuseWrite();
    else this.#refuseAny();
    if (this.fault?.kind === "vital-refuses" && (first === 0 || this.fault.spare === "refuses"))
      throw new DiskError(`${this.path}: input/output error`);
    for (let n = first; n < first + PLACES; n++) this.#places[n] ??= Buffer.alloc(PLACE_BYTES);
    const before = this.#places[first + place]!;
    // Torn until it is synced.
    const torn = Buffer.from(before);
    bytes.copy(torn, 0, 0, Math.floor(bytes.length * this.#options.random()));
    // A card that hangs may not have begun it.
    if (this.beginsAtOnce || this.#options.random() < 0.5) this.#places[first + place] = torn;
    await this.#take(SYNC_MS);
    this.#places[first + place] = Buffer.concat([bytes, before.subarray(bytes.length)]);
    this.#options.vitalWritten?.();
  }

  get places(): readonly (Buffer | undefined)[] {
    return this.#places;
  }

  hasStore(): Promise<boolean> {
    return Promise.resolve(this.#exists);
  }

  async openStore(opening: Opening): Promise<Store> {
    await this.#take(SYNC_MS);
    if (this.#inUse) throw new StoreError(`${this.path} is in use`);
    if (this.fault?.kind !== "refuses") this.#refuseWrite();
    if (opening === "repair") this.#repair();
    else if (this.#damaged !== undefined) throw new DamageError("corruption: a table cannot be read");
    for (const undo of this.#behindTorn.toReversed()) undo();
    this.#behindTorn = [];
    this.#exists = true;
    this.#inUse = true;
    return this.#session();
  }

  #repair(): void {
    const share = this.#damaged ?? 0;
    this.#damaged = undefined;
    for (const name of this.#table.range("", "\u{ff}", Infinity))
      if (this.#options.random() < share) this.#table.set(name, undefined);
    this.#unsynced = [];
  }

  #session(): Store {
    let torn = false;
    let closed = false;
    const power = this.#power;
    const table = this.#table;
    const expectOpen = (): void => {
      if (closed || power !== this.#power) throw new DiskError(`${this.path}: the store is not open`);
      if (this.#damaged !== undefined) throw new DamageError("corruption: a table cannot be read");
    };
    const read = async <T>(work: () => T): Promise<T> => {
      expectOpen();
      await this.#take(READ_MS, "read");
      expectOpen();
      return work();
    };
    const record = (name: string): readonly [Buffer, Buffer] => [keyOf(name), Buffer.from(table.get(name)!)];
    const pageOfKeys = (from: string, to: string) =>
      read(() => table.range(from, to, SCAN_KEYS).map((name) => keyOf(name)));
    return {
      getMany: (keys) => read(() => keys.map((key) => table.get(nameOf(key)))),
      page: (from, to, limit) =>
        read(() => table.range(nameOf(from), nameOf(to), limit).map((name) => record(name))),
      async *keys(from, to) {
        for (let next = nameOf(from); ;) {
          const page = await pageOfKeys(next, nameOf(to));
          if (page.length === 0) return;
          yield page;
          next = `${nameOf(page.at(-1)!)}\0`;
        }
      },
      batch: async (operations, { sync }) => {
        expectOpen();
        await this.#take(sync ? SYNC_MS : WRITE_MS);
        expectOpen();
        torn = this.#write(operations, sync, torn);
      },
      size: () => read(() => table.bytes),
      compact: () => read(() => undefined),
      close: async () => {
        await this.#take(WRITE_MS);
        if (!closed && power === this.#power) this.#inUse = false;
        closed = true;
      },
    };
  }

  /** Returns whether the log is torn from now on. Throws if the batch fails. */
  #write(operations: readonly Operation[], sync: boolean, torn: boolean): boolean {
    this.#refuseWrite();
    if (this.#tearing) {
      this.#tearing = false;
      // Its promise rejects, and whatever this session writes afterwards lies behind the torn record.
      this.#behindTorn.push(this.#table.apply([]));
      throw new DiskError(`${this.path}: input/output error`);
    }
    if (this.#losing) {
      this.#losing = false;
      return torn;
    }
    const undo = this.#table.apply(operations);
    if (torn || this.#behindTorn.length > 0) this.#behindTorn.push(undo);
    else if (sync) this.#unsynced = [];
    else this.#unsynced.push(undo);
    return torn;
  }

  setAside(): Promise<string> {
    this.#table = new Table();
    this.#unsynced = [];
    this.#behindTorn = [];
    this.#damaged = undefined;
    this.#exists = false;
    return Promise.resolve(`${this.path}.damaged-${++this.#asides}`);
  }

  space(): { free: number; used: number } {
    const free = this.fault?.kind === "full" ? 0 : (this.#options.freeBytes ?? FREE_BYTES);
    return { free, used: this.#table.bytes };
  }
  releaseBallast(): boolean {
    const had = this.#ballast;
    this.#ballast = false;
    return had;
  }
  restoreBallast(): void {
    this.#ballast = this.fault === undefined;
  }

  processGone(): void {
    this.#power++;
    this.#late = 0;
    this.#hung = [];
    this.#locked = false;
    this.#inUse = false;
  }
  cut(): void {
    this.processGone();
    for (const undo of this.#behindTorn.toReversed()) undo();
    this.#behindTorn = [];
    const survive = Math.floor(this.#options.random() * (this.#unsynced.length + 1));
    for (const undo of this.#unsynced.slice(survive).toReversed()) undo();
    this.#unsynced = [];
  }
  tear(): void {
    this.#tearing = true;
  }
  loseSilently(): void {
    this.#losing = true;
  }
  corruptRecord(key?: Buffer): boolean {
    const any = this.#table.range("a", "z\u{ff}", Infinity).filter((name) => name.length === 9);
    const names = key ? [nameOf(key)] : any;
    const name = names[Math.floor(this.#options.random() * names.length)];
    const before = name === undefined ? undefined : this.#table.get(name);
    if (name === undefined || before === undefined) return false;
    const value = Buffer.from(before);
    value[Math.floor(this.#options.random() * value.length)]! ^= 1;
    this.#table.set(name, value);
    return true;
  }
  loseRecord(key: Buffer): void {
    this.#table.set(nameOf(key), undefined);
  }
  corruptVital(place: number): void {
    const bytes = this.#places[place];
    if (bytes) for (let n = 0; n < 512; n++) bytes[n] = Math.floor(this.#options.random() * 256);
  }
  putVital(places: readonly (Buffer | undefined)[]): void {
    for (const [place, bytes] of places.slice(0, PLACES).entries()) this.#places[place] = bytes;
  }
  damage(share: number): void {
    this.#damaged = share;
  }
  get contents(): { records: number; bytes: number } {
    return { records: this.#table.size, bytes: this.#table.bytes };
  }
}

export const createSimulatedDisk = (options: SimulatedDiskOptions): SimulatedDisk => new World(options);
