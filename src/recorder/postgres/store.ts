import type pg from "pg";
import type { Time } from "../../runtime/ports.ts";
import { pause } from "../../runtime/wait.ts";
import { CONFLICT, type Essence } from "../conflict.ts";
import type { Rejected } from "../report.ts";
import {
  StoreError,
  type Commit,
  type Outcome,
  type ReadReport,
  type ReportNumber,
  type Selection,
  type SilentUnit,
  type Store,
  type Stream,
  type StreamName,
} from "../store.ts";
import { connect, expectTables, migrate, placeOf, readId, tryLock } from "./connection.ts";
import { isConflict, postgresError } from "./errors.ts";
import { readCount, readEssences, readKept, readNames, readPage, readSilent, readStreams } from "./reader.ts";
import { writeCommit } from "./writer.ts";

/** How often a recorder that waits looks whether the other one has gone. */
const LOOK_MS = 1_000;
const LOADED_AT_ONCE = 200;

/**
 * dispatch's store in PostgreSQL, over one connection, which holds the lock of the recorder's name: with
 * the connection the lock is gone, so nothing can be written without it. The next call connects again.
 */
class PostgresStore implements Store {
  readonly id: string;
  readonly #url: string;
  readonly #place: string;
  readonly #time: Time;
  #client: pg.Client | undefined;
  /** The name whose lock this store has, or had when the connection broke. */
  #name: string | undefined;
  /** The days whose partition is known to be there. */
  #days = new Set<string>();
  /** One call at a time: they share a connection, and some are transactions. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(url: string, client: pg.Client, id: string, time: Time) {
    this.#url = url;
    this.#place = placeOf(url);
    this.#time = time;
    this.#client = client;
    this.id = id;
  }

  /** For the connection's own event. */
  lost(client: pg.Client): void {
    if (this.#client === client) this.#client = undefined;
  }

  async lock(name: string, signal: AbortSignal, waiting: () => void): Promise<void> {
    for (let first = true; !signal.aborted; first = false) {
      // oxlint-disable-next-line no-await-in-loop -- it waits its turn
      if (await this.#do((client) => tryLock(client, name))) {
        this.#name = name;
        return;
      }
      if (first) waiting();
      // oxlint-disable-next-line no-await-in-loop -- it waits its turn
      await pause(LOOK_MS, signal, this.#time);
    }
  }

  load(names: readonly StreamName[]): Promise<readonly Stream[]> {
    return this.#do((client) => readStreams(client, names));
  }

  /** A database that is not there any more is found when the connection to it has ended. */
  async verify(): Promise<void> {}

  find(numbers: readonly ReportNumber[]): Promise<readonly Essence[]> {
    return this.#do((client) => readEssences(client, numbers));
  }

  commit(commit: Commit): Promise<Outcome> {
    return this.#do(async (client) => {
      await this.#ensurePartition(client, commit.at);
      try {
        await client.query("BEGIN");
        const whole = await writeCommit(client, commit);
        await client.query(whole ? "COMMIT" : "ROLLBACK");
        return whole ? { kind: "committed" } : { kind: "conflict" };
      } catch (cause) {
        await client.query("ROLLBACK").catch(() => undefined);
        if (isConflict(cause)) return { kind: "conflict" };
        throw cause;
      }
    });
  }

  saveSilent(recorder: string, units: readonly SilentUnit[]): Promise<void> {
    return this.#do(async (client) => {
      await client.query("BEGIN");
      await client.query("DELETE FROM silent_unit WHERE recorder = $1", [recorder]);
      await client.query(
        `INSERT INTO silent_unit SELECT $5, unit, instant(since), instant(last), expected
         FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::int[]) AS t (unit, since, last, expected)`,
        [
          units.map(({ unit }) => unit),
          units.map(({ since }) => Math.round(since)),
          units.map(({ last }) => Math.round(last)),
          units.map(({ expectedS }) => Math.round(expectedS)),
          recorder,
        ],
      );
      await client.query("COMMIT");
    });
  }

  silent(recorder: string): Promise<readonly SilentUnit[]> {
    return this.#do((client) => readSilent(client, recorder));
  }

  async *streams(unit?: string): AsyncGenerator<Stream> {
    const names = await this.#do((client) => readNames(client, unit));
    for (let i = 0; i < names.length; i += LOADED_AT_ONCE) {
      const page = names.slice(i, i + LOADED_AT_ONCE);
      // oxlint-disable-next-line no-await-in-loop -- pages
      const found = await this.load(page);
      const byName = new Map(found.map((stream) => [`${stream.unit} ${stream.store}`, stream]));
      for (const name of page) {
        const stream = byName.get(`${name.unit} ${name.store}`);
        if (stream) yield stream;
      }
    }
  }

  async *read(selection: Selection): AsyncGenerator<ReadReport> {
    for (const name of await this.#do((client) => readNames(client, selection.unit))) {
      for (let after = 0, done = false; !done;) {
        const from = after;
        // oxlint-disable-next-line no-await-in-loop -- pages
        const page = await this.#do((client) => readPage(client, selection, name, from));
        yield* page.reports;
        after = page.reports.at(-1)?.seq ?? after;
        done = page.last;
      }
    }
  }

  corrections({ unit, store }: StreamName): Promise<number> {
    const sql = "SELECT count(*) AS n FROM clock WHERE unit = $1 AND store = $2";
    return this.#do((client) => readCount(client, sql, [unit, store]));
  }

  kept(rejected: readonly Rejected[]): Promise<ReadonlySet<Rejected>> {
    return this.#do((client) => readKept(client, rejected));
  }

  rejected(): Promise<number> {
    return this.#do((client) => readCount(client, "SELECT count(*) AS n FROM rejected", []));
  }

  conflicts(): Promise<number> {
    const sql = "SELECT count(*) AS n FROM rejected WHERE starts_with(reason, $1)";
    return this.#do((client) => readCount(client, sql, [CONFLICT]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#turn;
    await this.#client?.end().catch(() => undefined);
    this.#client = undefined;
  }

  #drop(): void {
    void this.#client?.end().catch(() => undefined);
    this.#client = undefined;
  }

  async #ensurePartition(client: pg.Client, at: number): Promise<void> {
    const day = new Date(at).toISOString().slice(0, 10);
    if (this.#days.has(day)) return;
    await client.query("SELECT report_partition($1::date)", [day]);
    this.#days = new Set([day]);
  }

  async #reconnect(): Promise<pg.Client> {
    const client = await connect(this.#url, (broken) => this.lost(broken));
    try {
      const isOurs = this.#name === undefined || (await tryLock(client, this.#name));
      if (!isOurs) {
        const says = `another recorder named ${this.#name} uses ${this.#place} now`;
        throw new StoreError("unavailable", says);
      }
      if ((await readId(client)) === this.id) return client;
      throw new StoreError("gone", `${this.#place} is another database than before: start again`);
    } catch (cause) {
      await client.end();
      throw cause;
    }
  }

  #do<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
    const result = this.#turn.then(async () => {
      try {
        this.#client ??= await this.#reconnect();
        return await work(this.#client);
      } catch (cause) {
        const error = postgresError(this.#place, cause);
        // It is not known what the connection still carries.
        if (error.code === "unavailable") this.#drop();
        throw error;
      }
    });
    this.#turn = result.catch(() => undefined);
    return result;
  }
}

/**
 * Opens a store in PostgreSQL and brings its tables to the newest version. `create`: they may be made. Rejects
 * with StoreError.
 */
export const openPostgresStore = async (url: string, create: boolean, time: Time): Promise<Store> => {
  try {
    let store: PostgresStore | undefined;
    const client = await connect(url, (broken) => store?.lost(broken));
    try {
      if (create) await migrate(client);
      else await expectTables(client);
      store = new PostgresStore(url, client, await readId(client), time);
      return store;
    } catch (cause) {
      await client.end();
      throw cause;
    }
  } catch (cause) {
    throw postgresError(placeOf(url), cause);
  }
};

/** Makes the tables as their owner, and gives `role` the rights of a recorder. Rejects with StoreError. */
export const migratePostgres = async (url: string, role: string | undefined): Promise<void> => {
  try {
    const client = await connect(url, () => undefined);
    try {
      await migrate(client, role);
    } finally {
      await client.end();
    }
  } catch (cause) {
    throw postgresError(placeOf(url), cause);
  }
};
