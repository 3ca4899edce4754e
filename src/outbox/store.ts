import { existsSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { ClassicLevel } from "classic-level";
import { reasonOf } from "../runtime/log.ts";
import { LANES, type Lane } from "../domain/pending.ts";
import { decodeKey, encodeKey, NOTE_KEYS, noteName, unseal } from "./record.ts";

/** The store cannot be opened; `message` says why and what to do. */
export class StoreError extends Error {
  readonly code = "STORE";
}

export type Store = ClassicLevel<Buffer, Buffer>;
export type Operation = { type: "put"; key: Buffer; value: Buffer } | { type: "del"; key: Buffer };

const isProvisioned = (path: string): boolean =>
  existsSync(path) && readdirSync(path).some((name) => /\.(ldb|log|sst)$|^MANIFEST-/.test(name));

/** `mkdirSync(…, { recursive: true })` never returns where a folder cannot be made (under /proc). */
const makeFolder = (path: string): void => {
  if (existsSync(path)) return;
  makeFolder(dirname(path));
  mkdirSync(path);
};

const codeOf = (error: unknown): string | undefined =>
  error instanceof Error
    ? ((error.cause as { code?: string } | undefined)?.code ?? (error as { code?: string }).code)
    : undefined;

const isCorrupt = (error: unknown): boolean =>
  /CORRUPT/.test(codeOf(error) ?? "") || /corrupt/i.test(reasonOf(error));

const openLevel = async (path: string): Promise<Store> => {
  const store: Store = new ClassicLevel(path, {
    keyEncoding: "buffer",
    valueEncoding: "buffer",
    createIfMissing: !isProvisioned(path),
    writeBufferSize: 2 * 1024 * 1024,
    cacheSize: 1024 * 1024,
  });
  await store.open();
  return store;
};

/**
 * After a write that failed the log may be torn in its middle, and what is written behind that is
 * lost at the next start: opened anew, the store begins a log of its own.
 */
export const reopenStore = async (store: Store): Promise<Store> => {
  await store.close();
  return openLevel(store.location);
};

/**
 * Opens the LevelDB at `path` and takes stock of it with `inspect`. Only corruption is repaired: a
 * repair on a full disk would throw the newest log away. A store that has files but no CURRENT
 * would open empty and delete them: it counts as corrupt. Throws StoreError.
 */
export const openStore = async <T>(
  path: string,
  inspect: (store: Store) => Promise<T>,
): Promise<{ store: Store; stock: T }> => {
  const attempt = async (): Promise<{ store: Store; stock: T }> => {
    const store = await openLevel(path);
    try {
      return { store, stock: await inspect(store) };
    } catch (cause) {
      await store.close();
      throw cause;
    }
  };
  const fail = (cause: unknown): never => {
    if (codeOf(cause) === "LEVEL_LOCKED") {
      throw new StoreError(`${path} is in use: is another patrol-unit running?`, { cause });
    }
    throw new StoreError(
      `${path} cannot be opened: ${reasonOf(cause instanceof Error && cause.cause ? cause.cause : cause)}`,
      { cause },
    );
  };
  try {
    makeFolder(path);
    if (isProvisioned(path) && !existsSync(join(path, "CURRENT"))) await ClassicLevel.repair(path);
    return await attempt();
  } catch (cause) {
    if (!isCorrupt(cause)) return fail(cause);
    await ClassicLevel.repair(path).catch(fail);
    return await attempt().catch(fail);
  }
};

/** Bytes that an iterator may hand over at once: the library's 16 KiB would cut every page short. */
const PAGE_BYTES = 1024 * 1024;

/** Every record's number, sorted: what the disk really holds. */
export const scanNumbers = async (store: Store): Promise<number[]> => {
  const found: number[] = [];
  for (const lane of LANES) {
    const keys = store.keys({
      highWaterMarkBytes: PAGE_BYTES,
      gte: encodeKey(lane, 0),
      lte: encodeKey(lane, Number.MAX_SAFE_INTEGER),
    });
    // oxlint-disable-next-line no-await-in-loop -- pages of one iterator
    for (let page = await keys.nextv(10_000); page.length > 0; page = await keys.nextv(10_000)) {
      for (const key of page) found.push(decodeKey(key));
    }
    // oxlint-disable-next-line no-await-in-loop
    await keys.close();
  }
  return found.toSorted((a, b) => a - b);
};

/** Up to `limit` raw records of a lane with a number above `after`. */
export const readLane = async (
  store: Store,
  lane: Lane,
  after: number,
  limit: number,
): Promise<[Buffer, Buffer][]> => {
  const entries = store.iterator({
    highWaterMarkBytes: PAGE_BYTES,
    gte: encodeKey(lane, after + 1),
    lte: encodeKey(lane, Number.MAX_SAFE_INTEGER),
    limit,
  });
  const page = await entries.nextv(limit);
  await entries.close();
  return page;
};

/** What is kept under names, and how many of them are damaged and left out. */
export const readNotes = async (store: Store): Promise<{ notes: Map<string, unknown>; damaged: number }> => {
  const notes = new Map<string, unknown>();
  let damaged = 0;
  for (const [key, value] of await store.iterator(NOTE_KEYS).all()) {
    const text = unseal(key, value);
    if (text === undefined) damaged++;
    else notes.set(noteName(key), JSON.parse(text));
  }
  return { notes, damaged };
};

/** Bytes on disk. A file that goes while we look is no fault: compaction removes them. */
export const bytesOnDisk = (path: string): number =>
  readdirSync(path).reduce(
    (sum, name) => sum + (statSync(join(path, name), { throwIfNoEntry: false })?.size ?? 0),
    0,
  );
