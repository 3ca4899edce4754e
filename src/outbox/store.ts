import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { ClassicLevel } from "classic-level";
import { reasonOf } from "../runtime/log.ts";
import { LANES, type Lane } from "../domain/pending.ts";
import { decodeKey, encodeKey } from "./record.ts";

/** The store cannot be opened; `message` says why and what to do. */
export class StoreError extends Error {
  readonly code = "STORE";
}

/** The disk takes no write: full, read-only, gone. It may come back. */
export class DiskError extends Error {
  readonly code = "DISK";
}

export type Store = ClassicLevel<Buffer, Buffer>;
export type Operation = { type: "put"; key: Buffer; value: Buffer } | { type: "del"; key: Buffer };

export const isProvisioned = (path: string): boolean =>
  existsSync(path) && readdirSync(path).some((name) => /\.(ldb|log|sst)$|^MANIFEST-/.test(name));

const codeOf = (error: unknown): string | undefined =>
  error instanceof Error
    ? ((error.cause as { code?: string } | undefined)?.code ?? (error as { code?: string }).code)
    : undefined;

/** Whether a read or write failed for the sake of what is stored, and not of the disk. */
export const isCorrupt = (error: unknown): boolean =>
  /CORRUPT/.test(codeOf(error) ?? "") || /corrupt/i.test(reasonOf(error));

/** Throws StoreError where another process has it. A store that has files but no CURRENT must not be opened. */
export const openLevel = async (path: string): Promise<Store> => {
  const store: Store = new ClassicLevel(path, {
    keyEncoding: "buffer",
    valueEncoding: "buffer",
    createIfMissing: !isProvisioned(path),
    writeBufferSize: 2 * 1024 * 1024,
    cacheSize: 1024 * 1024,
  });
  try {
    await store.open();
  } catch (cause) {
    if (codeOf(cause) === "LEVEL_LOCKED") {
      throw new StoreError(`${path} is in use: is another patrol-unit running?`, { cause });
    }
    throw cause instanceof Error && cause.cause ? cause.cause : cause;
  }
  return store;
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
  const page: [Buffer, Buffer][] = [];
  try {
    // Handed over in pieces of so many bytes: the end is where none comes.
    while (page.length < limit) {
      // oxlint-disable-next-line no-await-in-loop -- pieces of one page
      const piece = await entries.nextv(limit - page.length);
      if (piece.length === 0) break;
      page.push(...piece);
    }
    return page;
  } finally {
    await entries.close();
  }
};

/**
 * Bytes that the store needs: its tables and its log. While it compacts, the folder holds what is
 * compacted twice: who makes room by that figure gives up far too much.
 */
export const liveBytes = async (store: Store): Promise<number> => {
  const logs = readdirSync(store.location).filter((name) => name.endsWith(".log"));
  const sizes = logs.map(
    (name) => statSync(join(store.location, name), { throwIfNoEntry: false })?.size ?? 0,
  );
  const tables = await store.approximateSize(Buffer.from([0]), Buffer.from([0xff]));
  return tables + sizes.reduce((sum, size) => sum + size, 0);
};

/** Bytes on disk. A file that goes while we look is no fault: compaction removes them; a folder that is gone has none. */
export const bytesOnDisk = (path: string): number => {
  try {
    return readdirSync(path).reduce(
      (sum, name) => sum + (statSync(join(path, name), { throwIfNoEntry: false })?.size ?? 0),
      0,
    );
  } catch {
    return 0;
  }
};
