import { Level } from "level";

/**
 * LevelDB through `level`. Its types describe what browsers and Node have in common, so three
 * functions that Node's build has are missing from them; whether they exist is checked here, once.
 */
export type LevelDb = Level<Buffer, Buffer>;

type Repair = (location: string) => Promise<void>;
type Range<T> = (start: Buffer, end: Buffer) => Promise<T>;

const isFunction = (value: unknown): value is (...args: unknown[]) => unknown => typeof value === "function";

const missing = (name: string): Error =>
  new Error(`the library "level" has no function ${name}: is this its build for Node?`);

/** Restores a damaged database as far as it can be read. */
export const repairLevel: Repair = async (location) => {
  const repair: unknown = Reflect.get(Level, "repair");
  if (!isFunction(repair)) throw missing("repair");
  await Reflect.apply(repair, Level, [location]);
};

/** Bytes on disk of the tables of a range, about. */
export const approximateSize = async (
  db: LevelDb,
  ...[start, end]: Parameters<Range<number>>
): Promise<number> => {
  const size: unknown = Reflect.get(db, "approximateSize");
  if (!isFunction(size)) throw missing("approximateSize");
  const bytes: unknown = await Reflect.apply(size, db, [start, end]);
  return typeof bytes === "number" ? bytes : 0;
};

export const compactRange = async (db: LevelDb, ...[start, end]: Parameters<Range<void>>): Promise<void> => {
  const compact: unknown = Reflect.get(db, "compactRange");
  if (!isFunction(compact)) throw missing("compactRange");
  await Reflect.apply(compact, db, [start, end]);
};

const WRITE_BUFFER_BYTES = 2 * 1024 * 1024;
const CACHE_BYTES = 1024 * 1024;

/** Rejects with the library's error; its cause says why. */
export const openLevel = async (location: string, createIfMissing: boolean): Promise<LevelDb> => {
  const db: LevelDb = new Level(location, {
    keyEncoding: "buffer",
    valueEncoding: "buffer",
    createIfMissing,
    writeBufferSize: WRITE_BUFFER_BYTES,
    cacheSize: CACHE_BYTES,
  });
  await db.open();
  return db;
};
