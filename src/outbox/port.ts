/**
 * The port between the outbox and its disk: atomic ordered batches, the vital file and its spare. The real
 * implementation is in disk.ts; the simulation has its own; one contract suite runs on both.
 */

/** The outbox can never work here: another process uses it, or its path is no folder. `message` says what to do. */
export class StoreError extends Error {
  readonly code = "STORE";
}

/** The surroundings of the store failed: full, read-only, refused, failing. It may work again later. */
export class DiskError extends Error {
  readonly code = "DISK";
}

/** The disk has not answered in time. What was asked of it is still under way, and may end either way. */
export class NoAnswerError extends DiskError {
  constructor(what: string, ms: number) {
    super(`${what}: the disk has not answered for ${ms / 1000} s`);
  }
}

/** What is stored cannot be read as a store: it must be repaired. */
export class DamageError extends Error {
  readonly code = "DAMAGE";
}

export type Operation =
  | { readonly type: "put"; readonly key: Buffer; readonly value: Buffer }
  | { readonly type: "del"; readonly key: Buffer };

/** An open store: keys in the order of their bytes. Rejects with DamageError or DiskError. */
export type Store = {
  /** The value of each key, undefined if there is none. */
  getMany(keys: readonly Buffer[]): Promise<readonly (Buffer | undefined)[]>;
  /** Up to `limit` records with `from` <= key <= `to`, in order. */
  page(from: Buffer, to: Buffer, limit: number): Promise<(readonly [key: Buffer, value: Buffer])[]>;
  /** The keys of the same range, in pages: other work runs between two of them. */
  keys(from: Buffer, to: Buffer): AsyncIterable<readonly Buffer[]>;
  /**
   * Applies all operations or none. Batches survive a power cut in order: those before the last synced
   * one for certain, of later ones a part from the beginning. After a rejection the store must be
   * opened anew before it is written again.
   */
  batch(operations: readonly Operation[], options: { readonly sync: boolean }): Promise<void>;
  /** Bytes that the live records need on disk, about. */
  size(): Promise<number>;
  /** Gives the room of deleted records in the range back to the disk. */
  compact(from: Buffer, to: Buffer): Promise<void>;
  close(): Promise<void>;
};

/** How a store is opened: as it was left; after a repair; as a new one where there is none. */
export type Opening = "as-is" | "repair" | "anew";

/** Places of the vital file; its spare has as many. */
export const PLACES = 2;
export const PLACE_BYTES = 128 * 1024;

export type Disk = {
  /** Where the outbox is, for messages. */
  readonly path: string;
  /** Keeps every other unit out. Rejects with StoreError if one is in. */
  lock(): Promise<Disposable>;
  /**
   * The bytes of each place: first those of the vital file, then those of the spare. Undefined if the file or its
   * end is missing or unreadable.
   */
  readVital(): Promise<readonly (Buffer | undefined)[]>;
  /**
   * Resolves when the bytes, at most PLACE_BYTES, are synced in their place. Needs no free space once the
   * file exists. If it is cut, the place may hold anything; the other one stays as it was.
   */
  writeVital(place: number, bytes: Buffer): Promise<void>;
  /** The same for the spare: a second file, which is used while the vital file cannot be written. */
  writeSpare(place: number, bytes: Buffer): Promise<void>;
  /** Removes the spare, if there is one. */
  removeSpare(): Promise<void>;
  /** Whether there is a store, whole or not. Rejects with StoreError if there can be none. */
  hasStore(): Promise<boolean>;
  /**
   * Rejects with DiskError if the disk takes no write, DamageError if the store cannot be read so,
   * StoreError if it is in use. `as-is` makes an empty store if there is none.
   */
  openStore(opening: Opening): Promise<Store>;
  /** Moves a store that cannot be repaired out of the way and returns its new name. */
  setAside(): Promise<string>;
  /** Bytes free on the disk, and bytes that the store takes; 0 if they cannot be read. */
  space(): { readonly free: number; readonly used: number };
  /** Gives up a reserve kept for a full disk; false if there is none. */
  releaseBallast(): boolean;
  /** Takes the reserve again if the disk has plenty. */
  restoreBallast(): void;
};
