import { existsSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { ClassicLevel } from "classic-level";
import { reasonOf } from "../runtime/log.ts";
import { LANES, type Lane } from "../domain/pending.ts";
import { decodeKey, encodeKey } from "./record.ts";

/** The store cannot be opened; `message` says why and what to do. */
class StoreError extends Error {
  readonly code = "STORE";
}

export type Store = ClassicLevel<Buffer, Buffer>;
export type Operation = { type: "put"; key: Buffer; value: Buffer } | { type: "del"; key: Buffer };

const isProvisioned = (path: string): boolean =>
  existsSync(path) && readdirSync(path).some((name) => /\.(ldb|log|sst)$|^MANIFEST-/.test(name));

const codeOf = (error: unknown): string | undefined =>
  error instanceof Error
    ? ((error.cause as { code?: string } | undefined)?.code ?? (error as { code?: string }).code)
    : undefined;

/**
 * Opens the LevelDB at `path`. A store that has files but no CURRENT would open empty and delete
 * them: it is repaired, never created over.
 */
export const openStore = async (path: string): Promise<Store> => {
  const attempt = async (createIfMissing: boolean): Promise<Store> => {
    const store = new ClassicLevel<Buffer, Buffer>(path, {
      keyEncoding: "buffer",
      valueEncoding: "buffer",
      createIfMissing,
      writeBufferSize: 2 * 1024 * 1024,
      cacheSize: 1024 * 1024,
    });
    await store.open();
    return store;
  };
  try {
    mkdirSync(path, { recursive: true });
    const provisioned = isProvisioned(path);
    if (provisioned && !existsSync(join(path, "CURRENT"))) await ClassicLevel.repair(path);
    return await attempt(!provisioned);
  } catch (cause) {
    if (codeOf(cause) === "LEVEL_LOCKED") {
      throw new StoreError(`${path} is in use: is another patrol-unit running?`, { cause });
    }
    if (!isProvisioned(path)) throw new StoreError(`${path} cannot be opened: ${reasonOf(cause)}`, { cause });
    try {
      await ClassicLevel.repair(path);
      return await attempt(false);
    } catch (second) {
      throw new StoreError(`${path} cannot be opened or repaired: ${reasonOf(second)}`, { cause: second });
    }
  }
};

/** Every record's number, sorted: what the disk really holds. */
export const scanNumbers = async (store: Store): Promise<number[]> => {
  const found: number[] = [];
  for (const lane of LANES) {
    const keys = store.keys({ gte: encodeKey(lane, 0), lte: encodeKey(lane, Number.MAX_SAFE_INTEGER) });
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
    gte: encodeKey(lane, after + 1),
    lte: encodeKey(lane, Number.MAX_SAFE_INTEGER),
    limit,
  });
  const page = await entries.nextv(limit);
  await entries.close();
  return page;
};

/** Bytes on disk. A file that goes while we look is no fault: compaction removes them. */
export const bytesOnDisk = (path: string): number =>
  readdirSync(path).reduce(
    (sum, name) => sum + (statSync(join(path, name), { throwIfNoEntry: false })?.size ?? 0),
    0,
  );
