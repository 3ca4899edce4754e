import { constants, existsSync, readdirSync, renameSync, rmSync, statfsSync, statSync } from "node:fs";
import { open as openFile, rm } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { errorCode } from "../runtime/error-code.ts";
import { reasonOf } from "../runtime/log.ts";
import { makeFolder } from "../runtime/make-folder.ts";
import type { Time } from "../runtime/ports.ts";
import { systemTime } from "../runtime/time.ts";
import { createBallast } from "./ballast.ts";
import { approximateSize, compactRange, openLevel, repairLevel, type LevelDb } from "./level.ts";
import { lockOutbox } from "./lock.ts";
import { DamageError, DiskError, StoreError, type Disk, type Opening, type Store } from "./port.ts";
import { readPlaces, removeSpareFile, spareFileOf, vitalFileOf, writePlace } from "./vital.ts";

/** Stores that were set aside are for whoever comes to look; more than these fill the card. */
const SET_ASIDE = 2;
/** Bytes that an iterator may hand over at once: the library's 16 KiB would cut every page short. */
const PAGE_BYTES = 1024 * 1024;
/** Keys in a page of a scan: about a millisecond of work. */
const SCAN_KEYS = 2_000;

/** What a store cannot be blamed for: permissions, a card that fails or is full, a machine at its limits. */
const SURROUNDINGS =
  /permission denied|operation not permitted|too many open files|no space left|disk quota|read-only file system|file too large|input\/output error|cannot allocate|temporarily unavailable/i;

const hasFilesOfStore = (path: string): boolean =>
  existsSync(path) && readdirSync(path).some((name) => /\.(ldb|log|sst)$|^MANIFEST-/.test(name));

/** Bytes of the files in a folder. Compaction removes files meanwhile; a folder that is gone has none. */
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

const freeBytes = (path: string): number => {
  try {
    const { bavail, bsize } = statfsSync(path);
    return bavail * bsize;
  } catch {
    return 0;
  }
};

const expectFolder = (path: string): void => {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === false)
    throw new StoreError(`${path} is not a folder: it is where the outbox should be`);
};

const { O_CREAT, O_TRUNC, O_WRONLY, O_NOFOLLOW } = constants;
/** Not a name that another program uses: the file may lie in a folder that is not ours. */
const PROBE = ".patrol-unit-probe";

/** The folder itself, or the nearest folder above it that exists. */
const nearestFolder = (path: string): string => (existsSync(path) ? path : nearestFolder(dirname(path)));

/**
 * Tests whether the disk takes a write, and leaves nothing behind. It writes to `path`, or if that does not
 * exist, to the nearest folder above it, and returns that folder. It makes no folder: `doctor` may run as root,
 * and the service could not write to a folder of root. Rejects with DiskError: then the store is not to blame.
 */
export const probe = async (path: string): Promise<string> => {
  expectFolder(path);
  const folder = nearestFolder(resolve(path));
  const file = join(folder, PROBE);
  try {
    // What has its name may be a link, made by the service's user while root looks: it is never written through.
    await rm(file, { force: true });
    await using handle = await openFile(file, O_CREAT | O_TRUNC | O_WRONLY | O_NOFOLLOW);
    await handle.writeFile("patrol-unit");
    await handle.sync();
    return folder;
  } catch (cause) {
    throw new DiskError(`${path} cannot be written: ${reasonOf(cause)}`, { cause });
  } finally {
    await rm(file, { force: true }).catch(() => undefined); // the write has already failed
  }
};

/** The error of the port for what the library or the system threw. */
const named = (path: string, cause: unknown): Error => {
  const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
  if (errorCode(inner) === "LEVEL_LOCKED")
    return new StoreError(`${path} is in use: is another patrol-unit running?`, { cause });
  const reason = reasonOf(inner);
  return SURROUNDINGS.test(reason)
    ? new DiskError(`${path}: ${reason}`, { cause })
    : new DamageError(reason, { cause });
};

/** The same once the store is open: one that was closed meanwhile is not damaged. */
const failed = (path: string, cause: unknown): Error => {
  return /NOT_OPEN/.test(errorCode(cause))
    ? new DiskError(`${path}: ${reasonOf(cause)}`, { cause })
    : named(path, cause);
};

/** While the store compacts, its folder holds everything twice: count the live tables and the log. */
const liveBytes = async (db: LevelDb, path: string): Promise<number> => {
  const logs = readdirSync(path).filter((name) => name.endsWith(".log"));
  const sizes = logs.map((name) => statSync(join(path, name), { throwIfNoEntry: false })?.size ?? 0);
  const tables = await approximateSize(db, Buffer.from([0]), Buffer.from([0xff]));
  return tables + sizes.reduce((sum, size) => sum + size, 0);
};

const readPage: (db: LevelDb, ...range: Parameters<Store["page"]>) => ReturnType<Store["page"]> = async (
  db,
  from,
  to,
  limit,
) => {
  const entries = db.iterator({ highWaterMarkBytes: PAGE_BYTES, gte: from, lte: to, limit });
  const page: [Buffer, Buffer][] = [];
  try {
    // Handed over in pieces of PAGE_BYTES: the end is the first empty one.
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

async function* readKeys(db: LevelDb, from: Buffer, to: Buffer): AsyncGenerator<readonly Buffer[]> {
  const keys = db.keys({ highWaterMarkBytes: PAGE_BYTES, gte: from, lte: to });
  try {
    // oxlint-disable-next-line no-await-in-loop -- pages of one iterator
    for (let page = await keys.nextv(SCAN_KEYS); page.length > 0; page = await keys.nextv(SCAN_KEYS))
      yield page;
  } finally {
    await keys.close();
  }
}

const openedStore = (db: LevelDb, path: string): Store => {
  const guard = <T>(work: Promise<T>): Promise<T> =>
    work.catch((cause: unknown) => Promise.reject(failed(path, cause)));
  return {
    getMany: (keys) => guard(db.getMany([...keys])),
    page: (from, to, limit) => guard(readPage(db, from, to, limit)),
    async *keys(from, to) {
      try {
        yield* readKeys(db, from, to);
      } catch (cause) {
        throw failed(path, cause);
      }
    },
    batch: (operations, { sync }) => guard(db.batch([...operations], { sync })),
    size: () => guard(liveBytes(db, path)),
    compact: (from, to) => guard(compactRange(db, from, to)),
    close: () => db.close(),
  };
};

/** A repair writes the logs anew as tables; without room it would lose them. */
const repair = async (path: string): Promise<void> => {
  if (freeBytes(path) <= 2 * bytesOnDisk(path) + 1024 * 1024)
    throw new DiskError(`${path} is damaged, and there is no room to repair it`);
  await repairLevel(path);
};

const openStore = async (path: string, opening: Opening): Promise<Store> => {
  await probe(path);
  try {
    makeFolder(path);
  } catch (cause) {
    throw new DiskError(`${path} cannot be made: ${reasonOf(cause)}`, { cause });
  }
  const used = hasFilesOfStore(path);
  // LevelDB opens a store without CURRENT as an empty one, and deletes its files.
  if (opening !== "repair" && used && !existsSync(join(path, "CURRENT")))
    throw new DamageError("its file CURRENT is missing");
  try {
    if (opening === "repair") await repair(path);
    return openedStore(await openLevel(path, !hasFilesOfStore(path)), path);
  } catch (cause) {
    throw cause instanceof DiskError ? cause : named(path, cause);
  }
};

const setAside = (path: string, now: number): string => {
  const stamp = new Date(now).toISOString().replaceAll(/[:.]/g, "-");
  const name = `${path}.damaged-${stamp}`;
  try {
    renameSync(path, name);
    // The spare is not damaged with the store.
    if (existsSync(spareFileOf(name))) {
      makeFolder(path);
      renameSync(spareFileOf(name), spareFileOf(path));
    }
  } catch (cause) {
    throw new DiskError(`${path} is damaged and cannot be moved: ${reasonOf(cause)}`, { cause });
  }
  const earlier = readdirSync(dirname(path))
    .filter((one) => one.startsWith(`${basename(path)}.damaged-`))
    .toSorted();
  for (const one of earlier.slice(0, -SET_ASIDE)) rmSync(join(dirname(path), one), { recursive: true });
  return name;
};

/** Writes a place of the vital file, or of its spare. */
const writeFile = async (file: string, place: number, bytes: Buffer): Promise<void> => {
  try {
    makeFolder(dirname(file));
    await writePlace(file, place, bytes);
  } catch (cause) {
    throw cause instanceof RangeError
      ? cause
      : new DiskError(`${file} cannot be written: ${reasonOf(cause)}`, { cause });
  }
};

/**
 * The disk of the computer: LevelDB in the folder `path`, with the spare of the vital file, and the vital file and the
 * ballast beside it.
 * `time` names the stores that are set aside.
 */
export const openDisk = (path: string, time: Pick<Time, "host"> = systemTime): Disk => {
  const ballast = createBallast(path);
  return {
    path,
    lock: () => lockOutbox(path),
    readVital: () => readPlaces(path),
    writeVital: (place, bytes) => writeFile(vitalFileOf(path), place, bytes),
    writeSpare: (place, bytes) => writeFile(spareFileOf(path), place, bytes),
    removeSpare: () => removeSpareFile(path),
    hasStore() {
      return Promise.resolve().then(() => {
        expectFolder(path);
        return hasFilesOfStore(path);
      });
    },
    openStore: (opening) => openStore(path, opening),
    setAside: () => Promise.resolve().then(() => setAside(path, time.host())),
    space: () => ({ free: freeBytes(path), used: bytesOnDisk(path) }),
    releaseBallast: () => ballast.release(),
    restoreBallast: () => ballast.restore(),
  };
};
