import { randomBytes } from "node:crypto";
import pg from "pg";
import { StoreError } from "../store.ts";
import { grantsTo, LOCKS, MIGRATIONS } from "./schema.ts";

/** How long the server may take to accept a connection, and to answer a statement, ms. */
const CONNECT_MS = 10_000;
const STATEMENT_MS = 60_000;
/** Shorter: a statement that is given up here alone would go on at the server, and keep the lock of the name. */
const SERVER_MS = 50_000;

const INT8: number = pg.types.builtins.INT8;
/** Bigints as numbers: those of the contract are safe integers. */
const types: pg.CustomTypesConfig = {
  getTypeParser: (oid: number, format?: "text" | "binary") =>
    oid === INT8 ? Number : pg.types.getTypeParser(oid, format ?? "text"),
};

/** The server and database of a URL, without user and password. */
export const placeOf = (url: string): string => {
  const { host, pathname } = new URL(url);
  return `postgres://${host}${pathname}`;
};

/**
 * The library takes these for `verify-full`, which is right, and says so in eight lines for a database's administrator. Said
 * by us, it is silent.
 */
const strict = (url: string): string =>
  url.replace(/([?&]sslmode=)(?:prefer|require|verify-ca)(?=&|$)/, "$1verify-full");

/** Opens a connection. `lost`: called if it breaks later. Rejects with the library's error. */
export const connect = async (url: string, lost: (client: pg.Client) => void): Promise<pg.Client> => {
  const client = new pg.Client({
    connectionString: strict(url),
    application_name: "patrol-unit record",
    connectionTimeoutMillis: CONNECT_MS,
    query_timeout: STATEMENT_MS,
    keepAlive: true,
    types,
  });
  client.on("error", () => lost(client));
  client.on("end", () => lost(client));
  await client.connect();
  // If this machine dies, the server must notice soon: its session holds the lock of the name.
  await client.query(
    `SET synchronous_commit = on; SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5;
     SET tcp_keepalives_count = 3; SET timezone = 'UTC';
     SET statement_timeout = ${SERVER_MS}`,
  );
  return client;
};

const versionOf = async (client: pg.Client): Promise<number> => {
  const { rows } = await client.query<{ there: boolean }>("SELECT to_regclass('meta') IS NOT NULL AS there");
  if (rows[0]?.there !== true) return 0;
  const found = await client.query<{ value: string }>("SELECT value FROM meta WHERE key = 'version'");
  return Number(found.rows[0]?.value ?? 0);
};

const migrateFrom = async (client: pg.Client, version: number): Promise<void> => {
  for (const step of MIGRATIONS.slice(version)) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await client.query(step);
  }
  if (version === 0)
    await client.query("INSERT INTO meta VALUES ('id', $1)", [randomBytes(8).toString("hex")]);
  await client.query(
    "INSERT INTO meta VALUES ('version', $1) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
    [String(MIGRATIONS.length)],
  );
};

/**
 * Brings the tables to the newest version. `role`: gets the rights that a recorder needs. Rejects with the
 * library's error, or a StoreError if the tables are newer than this software.
 */
export const migrate = async (client: pg.Client, role?: string): Promise<void> => {
  if (role === undefined && (await versionOf(client)) === MIGRATIONS.length) return;
  // Before BEGIN: a transaction that waits inside sees the tables of another one only in part.
  await client.query("SELECT pg_advisory_lock($1, $2)", [LOCKS.space, LOCKS.migration]);
  await client.query("BEGIN");
  try {
    const version = await versionOf(client);
    if (version > MIGRATIONS.length)
      throw new StoreError("unusable", "the tables were made by a newer version of this software");
    await migrateFrom(client, version);
    if (role !== undefined) await client.query(grantsTo(pg.escapeIdentifier(role)));
    await client.query("COMMIT");
  } catch (cause) {
    await client.query("ROLLBACK");
    throw cause;
  } finally {
    await client.query("SELECT pg_advisory_unlock($1, $2)", [LOCKS.space, LOCKS.migration]);
  }
};

/** Rejects with a StoreError if the tables are not there, or are of another version. */
export const expectTables = async (client: pg.Client): Promise<void> => {
  const version = await versionOf(client);
  if (version === 0)
    throw new StoreError("unusable", "this database has no reports: no recorder has used it");
  if (version !== MIGRATIONS.length)
    throw new StoreError("unusable", "the tables are of another version of this software");
};

export const readId = async (client: pg.Client): Promise<string> => {
  const { rows } = await client.query<{ value: string }>("SELECT value FROM meta WHERE key = 'id'");
  return rows[0]?.value ?? "";
};

/** Takes the lock of a name for this connection. Resolves with false if another connection has it. */
export const tryLock = async (client: pg.Client, name: string): Promise<boolean> => {
  const { rows } = await client.query<{ taken: boolean }>(
    "SELECT pg_try_advisory_lock($1, hashtext($2)) AS taken",
    [LOCKS.space, name],
  );
  return rows[0]?.taken === true;
};
