import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { reasonOf } from "../../runtime/log.ts";
import { StoreError, type StoreFault } from "../store.ts";
import { MIGRATIONS } from "./schema.ts";

/** SQLite's result codes: https://sqlite.org/rescode.html */
const FAULTS: Readonly<Record<number, StoreFault>> = {
  8: "unusable",
  11: "unusable",
  14: "unusable",
  18: "refused",
  19: "refused",
  20: "refused",
  26: "unusable",
};

const resultCode = (thrown: unknown): number =>
  thrown instanceof Error && "errcode" in thrown && typeof thrown.errcode === "number"
    ? thrown.errcode & 0xff
    : 0;

/** An error of SQLite as a StoreError that names the file. */
export const sqliteError = (file: string, thrown: unknown): StoreError =>
  thrown instanceof StoreError
    ? thrown
    : new StoreError(FAULTS[resultCode(thrown)] ?? "unavailable", `${file}: ${reasonOf(thrown)}`, thrown);

/** How long a statement waits for another process that writes, ms. */
const BUSY_MS = 10_000;
const CACHE_KIB = 64 * 1024;
/** Pages of 4 KiB in the log before they are written to the file itself. */
const CHECKPOINT_PAGES = 4_000;

const versionOf = (db: DatabaseSync): number => {
  const version: unknown = db.prepare("PRAGMA user_version").get()?.["user_version"];
  return typeof version === "number" ? version : 0;
};

const migrate = (db: DatabaseSync, file: string): void => {
  db.exec("BEGIN IMMEDIATE");
  const version = versionOf(db);
  if (version > MIGRATIONS.length)
    throw new StoreError("unusable", `${file} was made by a newer version of this software`);
  if (version === 0 && db.prepare("SELECT count(*) AS n FROM sqlite_schema").get()?.["n"] !== 0)
    throw new StoreError("unusable", `${file} is a database of something else`);
  for (const step of MIGRATIONS.slice(version)) db.exec(step);
  if (version === 0) db.prepare("INSERT INTO meta VALUES ('id', ?)").run(randomBytes(8).toString("hex"));
  db.exec(`PRAGMA user_version = ${MIGRATIONS.length}`);
  db.exec("COMMIT");
};

/** Opens the database file and brings it to the newest version. `create`: it may be made. Throws StoreError. */
export const openDatabase = (file: string, create: boolean): DatabaseSync => {
  if (!create && !existsSync(file)) throw new StoreError("unusable", `${file} is not there`);
  if (!existsSync(dirname(file)))
    throw new StoreError("unusable", `${file}: there is no folder ${dirname(file)}: make it first`);
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(file, { timeout: BUSY_MS });
    db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
    // A fleet writes to as many pages as it has units: keep them in memory, and write each back less often.
    db.exec(`PRAGMA cache_size = -${CACHE_KIB}; PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
    if (versionOf(db) !== MIGRATIONS.length) migrate(db, file);
    return db;
  } catch (cause) {
    db?.close();
    throw sqliteError(file, cause);
  }
};

export const idOf = (db: DatabaseSync): string => {
  const id = db.prepare("SELECT value FROM meta WHERE key = 'id'").get()?.["value"];
  return typeof id === "string" ? id : "";
};
