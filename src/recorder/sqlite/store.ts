import { DatabaseSync } from "node:sqlite";
import { reasonOf } from "../../runtime/log.ts";
import type { Time } from "../../runtime/ports.ts";
import { pause } from "../../runtime/wait.ts";
import type { Essence } from "../conflict.ts";
import type { Rejected } from "../report.ts";
import type {
  Commit,
  Outcome,
  ReadReport,
  ReportNumber,
  Selection,
  SilentUnit,
  Store,
  Stream,
  StreamName,
} from "../store.ts";
import { idOf, openDatabase, sqliteError } from "./open.ts";
import { watchPlace } from "./place.ts";
import { Reader } from "./reader.ts";
import { Writer } from "./writer.ts";

/** How often a recorder that waits looks whether the other one has gone. */
const LOOK_MS = 1_000;

/**
 * The lock of a recorder's name: a transaction on a file beside the store. The system ends it with the
 * process, whatever ends the process.
 */
const tryLock = (file: string): DatabaseSync | undefined => {
  const db = new DatabaseSync(file, { timeout: 0 });
  try {
    db.exec("BEGIN EXCLUSIVE");
    return db;
  } catch (cause) {
    db.close();
    if (/locked|busy/.test(reasonOf(cause))) return undefined;
    throw cause;
  }
};

/** dispatch's store in one SQLite file. A commit blocks this thread for some milliseconds. */
class SqliteStore implements Store {
  readonly id: string;
  readonly #file: string;
  readonly #time: Time;
  readonly #db: DatabaseSync;
  readonly #reader: Reader;
  readonly #writer: Writer;
  /** Throws `gone`. */
  readonly #verify: () => void;
  #lock: DatabaseSync | undefined;

  constructor(file: string, db: DatabaseSync, time: Time) {
    this.#file = file;
    this.#time = time;
    this.#db = db;
    this.#reader = new Reader(db);
    this.#writer = new Writer(db);
    this.id = idOf(db);
    this.#verify = watchPlace(file);
  }

  async lock(name: string, signal: AbortSignal, waiting: () => void): Promise<void> {
    const file = `${this.#file}.${name}.lock`;
    for (let first = true; !signal.aborted; first = false) {
      // oxlint-disable-next-line no-await-in-loop -- it waits its turn
      this.#lock = await this.#do(() => tryLock(file));
      if (this.#lock) return;
      if (first) waiting();
      // oxlint-disable-next-line no-await-in-loop -- it waits its turn
      await pause(LOOK_MS, signal, this.#time);
    }
  }

  load(names: readonly StreamName[]): Promise<readonly Stream[]> {
    return this.#do(() =>
      names.flatMap((name) => {
        const stream = this.#reader.stream(name);
        return stream ? [stream] : [];
      }),
    );
  }

  verify(): Promise<void> {
    return this.#do(() => this.#verify());
  }

  find(numbers: readonly ReportNumber[]): Promise<readonly Essence[]> {
    return this.#do(() => numbers.flatMap((number) => this.#reader.essence(number) ?? []));
  }

  commit(commit: Commit): Promise<Outcome> {
    return this.#do(() => {
      this.#verify();
      const outcome = this.#writer.commit(commit);
      // The commit is kept only if the file was there all the time.
      this.#verify();
      return outcome;
    });
  }

  saveSilent(recorder: string, units: readonly SilentUnit[]): Promise<void> {
    return this.#do(() => {
      this.#db.exec("BEGIN IMMEDIATE");
      this.#db.prepare("DELETE FROM silent_unit WHERE recorder = ?").run(recorder);
      const insert = this.#db.prepare("INSERT INTO silent_unit VALUES (?, ?, ?, ?, ?)");
      for (const { unit, since, last, expectedS } of units)
        insert.run(recorder, unit, Math.round(since), Math.round(last), Math.round(expectedS));
      this.#db.exec("COMMIT");
    });
  }

  silent(recorder: string): Promise<readonly SilentUnit[]> {
    return this.#do(() => this.#reader.silent(recorder));
  }

  async *streams(unit?: string): AsyncGenerator<Stream> {
    for (const name of this.#reader.names(unit)) {
      const stream = this.#reader.stream(name);
      if (stream) yield stream;
    }
  }

  async *read(selection: Selection): AsyncGenerator<ReadReport> {
    yield* this.#reader.reports(selection);
  }

  corrections(name: StreamName): Promise<number> {
    return this.#do(() => this.#reader.corrections(name));
  }

  kept(rejected: readonly Rejected[]): Promise<ReadonlySet<Rejected>> {
    return this.#do(() => this.#reader.kept(rejected));
  }

  rejected(): Promise<number> {
    return this.#do(() => this.#reader.rejected());
  }

  conflicts(): Promise<number> {
    return this.#do(() => this.#reader.conflicts());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#db.close();
    this.#lock?.close();
    this.#lock = undefined;
  }

  async #do<T>(work: () => T): Promise<T> {
    try {
      return work();
    } catch (cause) {
      if (this.#db.isTransaction) this.#db.exec("ROLLBACK");
      throw sqliteError(this.#file, cause);
    }
  }
}

/** Opens a store in a SQLite file. `create`: the file may be made. Rejects with StoreError. */
export const openSqliteStore = async (file: string, create: boolean, time: Time): Promise<Store> =>
  new SqliteStore(file, openDatabase(file, create), time);
