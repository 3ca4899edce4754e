import {
  DiskError,
  PLACE_BYTES,
  PLACES,
  StoreError,
  type Disk,
  type Operation,
  type Store,
} from "../../src/outbox/port.ts";

/**
 * The disk of a unit of the fleet: in memory, at once, without faults. The simulation's disk keeps 128 KiB for each
 * place of the vital file and takes time with a timer each: thousands of them would not fit.
 */

/** Keys in a page of a scan. */
const SCAN_KEYS = 2_000;
/** What a real card has free: the unit's quota decides, not this. */
const FREE_BYTES = 2 ** 33;

/** In latin1 a string has the order of its bytes. */
const nameOf = (key: Buffer): string => key.toString("latin1");
const keyOf = (name: string): Buffer => Buffer.from(name, "latin1");

class Records {
  readonly #values = new Map<string, Buffer>();
  /** The names in order; undefined: not known since the last change. */
  #ordered: string[] | undefined;
  bytes = 0;

  get(name: string): Buffer | undefined {
    return this.#values.get(name);
  }

  apply(operations: readonly Operation[]): void {
    for (const one of operations) {
      const name = nameOf(one.key);
      this.bytes -= this.#values.get(name)?.length ?? 0;
      if (one.type === "del") {
        if (this.#values.delete(name)) this.#ordered = undefined;
        continue;
      }
      if (!this.#values.has(name)) this.#ordered = undefined;
      this.#values.set(name, Buffer.from(one.value));
      this.bytes += one.value.length;
    }
  }

  range(from: string, to: string, limit: number): string[] {
    this.#ordered ??= [...this.#values.keys()].toSorted((a, b) => (a < b ? -1 : 1));
    const found: string[] = [];
    for (const name of this.#ordered) {
      if (name > to || found.length >= limit) break;
      if (name >= from) found.push(name);
    }
    return found;
  }
}

const CLOSED = "the store is not open";

const storeOf = (records: Records, closed: () => void): Store => {
  let isOpen = true;
  const at = async <T>(work: () => T): Promise<T> => {
    if (!isOpen) throw new DiskError(CLOSED);
    return work();
  };
  const page = (from: Buffer, to: Buffer, limit: number): [Buffer, Buffer][] =>
    records.range(nameOf(from), nameOf(to), limit).map((name) => [keyOf(name), records.get(name)!]);
  return {
    getMany: (keys) => at(() => keys.map((key) => records.get(nameOf(key)))),
    page: (from, to, limit) => at(() => page(from, to, limit)),
    async *keys(from, to) {
      for (let next = nameOf(from); ;) {
        const names = records.range(next, nameOf(to), SCAN_KEYS);
        if (names.length === 0) return;
        yield names.map((name) => keyOf(name));
        next = `${names.at(-1)!}\0`;
      }
    },
    batch: (operations) => at(() => records.apply(operations)),
    size: () => at(() => records.bytes),
    compact: () => at(() => undefined),
    async close() {
      isOpen = false;
      closed();
    },
  };
};

/** Bytes of a place as a file has them: zeros behind what was written. */
const padded = (bytes: Buffer | undefined): Buffer | undefined => {
  if (!bytes) return undefined;
  const place = Buffer.alloc(PLACE_BYTES);
  bytes.copy(place);
  return place;
};

export class MemoryDisk implements Disk {
  readonly path = "/memory/outbox";
  #records = new Records();
  #ballast = false;
  #asides = 0;
  #places: (Buffer | undefined)[] = Array.from({ length: 2 * PLACES }, () => undefined);
  #isLocked = false;
  #isOpen = false;
  #exists = false;

  async lock(): Promise<Disposable> {
    if (this.#isLocked) throw new StoreError(`${this.path} is in use`);
    this.#isLocked = true;
    return { [Symbol.dispose]: () => (this.#isLocked = false) };
  }

  readVital(): Promise<readonly (Buffer | undefined)[]> {
    return Promise.resolve(this.#places.map((bytes) => padded(bytes)));
  }

  writeVital(place: number, bytes: Buffer): Promise<void> {
    return this.#write(0, place, bytes);
  }

  writeSpare(place: number, bytes: Buffer): Promise<void> {
    return this.#write(PLACES, place, bytes);
  }

  async #write(first: number, place: number, bytes: Buffer): Promise<void> {
    if (bytes.length > PLACE_BYTES) throw new RangeError(`${bytes.length} bytes: more than their place`);
    for (let n = first; n < first + PLACES; n++) this.#places[n] ??= Buffer.alloc(0);
    this.#places[first + place] = Buffer.from(bytes);
  }

  async removeSpare(): Promise<void> {
    this.#places = this.#places.slice(0, PLACES).concat(Array.from({ length: PLACES }, () => undefined));
  }

  hasStore(): Promise<boolean> {
    return Promise.resolve(this.#exists);
  }

  async openStore(): Promise<Store> {
    if (this.#isOpen) throw new StoreError(`${this.path} is in use`);
    this.#isOpen = true;
    this.#exists = true;
    return storeOf(this.#records, () => (this.#isOpen = false));
  }

  async setAside(): Promise<string> {
    this.#records = new Records();
    this.#exists = false;
    return `${this.path}.damaged-${++this.#asides}`;
  }

  space(): { readonly free: number; readonly used: number } {
    return { free: FREE_BYTES, used: this.#records.bytes };
  }

  releaseBallast(): boolean {
    const had = this.#ballast;
    this.#ballast = false;
    return had;
  }

  restoreBallast(): void {
    this.#ballast = true;
  }
}
