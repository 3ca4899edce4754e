import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Committer } from "../../src/recorder/committer.ts";
import { plan, repeatedOf, streamsOf, type Batch } from "../../src/recorder/plan.ts";
import { migratePostgres, openPostgresStore } from "../../src/recorder/postgres/store.ts";
import { streamKey, type Accepted } from "../../src/recorder/report.ts";
import type { Store } from "../../src/recorder/store.ts";
import { systemTime } from "../../src/runtime/time.ts";
import { hasPostgres, startPostgres, type Postgres } from "./postgres.ts";
import { accepted, AT, emergencyData, gapData, STORE, UNIT } from "./reports.ts";

const DAY = 86_400_000;

describe.skipIf(!hasPostgres)("PostgreSQL as a store", () => {
  let server: Postgres;
  let url: string;
  let owner: pg.Client;
  let stack: AsyncDisposableStack;
  let n = 0;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server[Symbol.asyncDispose]());
  beforeEach(async () => {
    stack = new AsyncDisposableStack();
    url = await server.database(`postgres_${n++}`);
    owner = new pg.Client({ connectionString: url });
    owner.on("error", () => undefined);
    await owner.connect();
    stack.defer(() => owner.end());
  });
  afterEach(() => stack.disposeAsync());

  const open = async (from = url): Promise<Store> =>
    stack.use(await openPostgresStore(from, true, systemTime));
  const write = async (store: Store, reports: readonly Accepted[], at = AT) => {
    const batch: Batch = { accepted: reports, rejected: [] };
    const known = await store.load([...streamsOf(batch).values()]);
    const streams = new Map(known.map((one) => [streamKey(one), one]));
    const stored = await store.find(repeatedOf(batch, streams).map(({ report }) => report));
    return store.commit(plan(batch, streams, stored, at));
  };
  const rows = async (sql: string): Promise<Record<string, unknown>[]> =>
    (await owner.query<Record<string, unknown>>(sql)).rows;
  const event = (seq: number, data: object, meaning: Accepted["meaning"]) =>
    accepted(seq, { kind: "event", data: JSON.stringify(data) }, meaning);

  test("reports are in one partition a day, and an old one can be dropped: the ledger stays", async () => {
    const store = await open();
    await write(store, [accepted(1), accepted(2)], AT);
    await write(store, [accepted(3)], AT + DAY);
    const names =
      "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'report'::regclass ORDER BY 1";
    expect((await rows(names)).map(({ name }) => name)).toEqual(["report_20261124", "report_20261125"]);
    await owner.query("DROP TABLE report_20261124");
    await write(store, [accepted(1), accepted(2), accepted(4)], AT + DAY);
    expect((await rows("SELECT seq::int FROM report ORDER BY seq")).map(({ seq }) => seq)).toEqual([3, 4]);
    const [stream] = await store.load([{ unit: UNIT, store: STORE }]);
    expect(stream!.duplicates).toBe(2);
    expect(stream!.ledger.received.runs).toEqual([[1, 4]]);
  });

  test("a new day is stored while somebody reads the reports of the days before, a backup for example", async () => {
    const store = await open();
    await write(store, [accepted(1)], AT);
    await owner.query("BEGIN");
    await owner.query("SELECT count(*) FROM report");
    const stored = write(store, [accepted(2)], AT + DAY).then(() => "stored");
    const first = await Promise.race([stored, sleep(5_000, "it waits for the reader")]);
    await owner.query("ROLLBACK");
    await stored;
    expect(first).toBe("stored");
  });

  test("two recorders make the table of a new day", async () => {
    const stores = await Promise.all([open(), open(), open()]);
    await Promise.all(stores.map((store, car) => write(store, [accepted(1, { unit: `a/car-${car}` })], AT)));
    expect(await rows("SELECT count(*)::int AS n FROM report")).toEqual([{ n: 3 }]);
  });

  test("the views show positions, emergencies, events, gaps and silent units", async () => {
    const store = await open();
    const position = { lat: 45.5, lon: 20.25, fix: "3d", speedKmh: 61.5, reason: "interval" };
    const gap = { from: 2, to: 4, kept: [3], reason: "retention" } as const;
    await write(store, [
      accepted(1, { data: JSON.stringify(position), clock: "unset", at: 0, mono: 5_000 }),
      event(5, gapData(2, 4, [3]), { kind: "gap", gap }),
      event(6, { type: "clock" }, { kind: "clock", correction: { boot: 1, mono: 6_000, at: AT } }),
      accepted(7, { kind: "emergency", data: JSON.stringify(emergencyData()) }),
    ]);
    await store.saveSilent("main", [{ unit: UNIT, since: AT, last: AT - 1, expectedS: 10 }]);
    expect(await rows("SELECT seq::int, at, lat, lon, speed_kmh FROM position")).toEqual([
      { seq: 1, at: new Date(AT - 1_000), lat: 45.5, lon: 20.25, speed_kmh: 61.5 },
    ]);
    expect(await rows('SELECT seq::int, "from"::int, "to"::int, count::int, reason, kept FROM gap')).toEqual([
      { seq: 5, from: 2, to: 4, count: 2, reason: "retention", kept: [3] },
    ]);
    expect(await rows("SELECT type FROM event ORDER BY seq")).toEqual([{ type: "gap" }, { type: "clock" }]);
    expect(await rows("SELECT episode, state, test, presses::int FROM emergency")).toEqual([
      { episode: emergencyData().episode, state: "active", test: false, presses: 1 },
    ]);
    expect(await rows("SELECT unit, since, expected_s FROM silent")).toEqual([
      { unit: UNIT, since: new Date(AT), expected_s: 10 },
    ]);
    expect(await rows("SELECT jsonb_typeof(data) AS type FROM report LIMIT 1")).toEqual([{ type: "object" }]);
  });

  test("a role with the recorder's rights records, and can neither drop nor delete reports", async () => {
    const role = `recorder_${n}`;
    await owner.query(`CREATE ROLE ${role} LOGIN`);
    await migratePostgres(url, role);
    const its = url.replace("patrol@", `${role}@`);
    const store = await open(its);
    await store.lock("main", new AbortController().signal, () => undefined);
    const copy = accepted(
      1,
      { kind: "emergency" },
      { kind: "emergency", episode: "x", state: "y", shortened: 0 },
    );
    await write(store, [copy, accepted(2)], AT);
    await write(store, [copy, accepted(3)], AT + DAY);
    await write(store, [
      event(9, gapData(4, 8), { kind: "gap", gap: { from: 4, to: 8, kept: [], reason: "broker" } }),
    ]);
    await store.saveSilent("main", [{ unit: UNIT, since: AT, last: AT, expectedS: 10 }]);
    await store.saveSilent("main", []);
    const [stream] = await store.load([{ unit: UNIT, store: STORE }]);
    expect(stream!.ledger.received.runs).toEqual([
      [1, 3],
      [9, 9],
    ]);
    const client = new pg.Client({ connectionString: its });
    await client.connect();
    stack.defer(() => client.end());
    for (const sql of [
      "DROP TABLE report",
      "DELETE FROM report",
      "TRUNCATE stream",
      "UPDATE report SET seq = 1",
      "CREATE TABLE t (a int)",
    ])
      await expect(client.query(sql), sql).rejects.toMatchObject({ code: "42501" });
  });

  test("a connection that breaks is opened again, with the lock of the name", async () => {
    const store = await open();
    await store.lock("main", new AbortController().signal, () => undefined);
    await write(store, [accepted(1)]);
    await owner.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'patrol%'",
    );
    // The first call may find out that it is broken. The server may need a moment to release the lock.
    const again = () =>
      write(store, [accepted(2)]).then(
        () => true,
        () => false,
      );
    await expect.poll(again, { timeout: 10_000 }).toBe(true);
    const locks = "SELECT count(*)::int AS n FROM pg_locks WHERE locktype = 'advisory'";
    expect(await rows(locks)).toEqual([{ n: 1 }]);
    expect(await rows("SELECT count(*)::int AS n FROM report")).toEqual([{ n: 2 }]);
  });

  test("once the server is back an emergency is stored within a second, however long it was away", async () => {
    const store = await open();
    const pauses: object[] = [];
    const on = { committed: () => undefined, gone: () => undefined, pressure: () => undefined };
    const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined };
    const log = { ...quiet, error: (_: string, fields: object = {}) => void pauses.push(fields) };
    const committer = new Committer({ store, time: systemTime, random: () => 1, log, on });
    stack.defer(() => committer.stop(100));
    const add = (seq: number, isUrgent: boolean) =>
      new Promise<void>((done) =>
        committer.add({ accepted: [accepted(seq)], rejected: [], isUrgent, done: () => done() }),
      );
    await add(1, true);
    await server.stop();
    const plain = add(2, false);
    await expect.poll(() => pauses.at(-1), { timeout: 10_000 }).toMatchObject({ retryMs: 4_000 });
    const urgent = add(3, true);
    await expect.poll(() => pauses.length, { timeout: 2_000 }).toBe(6);
    await server.start();
    const from = performance.now();
    await Promise.all([plain, urgent]);
    expect(performance.now() - from).toBeLessThan(1_500);
    expect(pauses.slice(4)).not.toContainEqual(expect.objectContaining({ retryMs: 4_000 }));
  });

  test("another database behind the same address is not the one that was opened", async () => {
    const store = await open();
    await write(store, [accepted(1)]);
    await owner.query("UPDATE meta SET value = 'another' WHERE key = 'id'");
    await owner.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'patrol%'",
    );
    // The first call may find out that the connection is broken.
    await write(store, [accepted(2)]).catch(() => undefined);
    await expect(write(store, [accepted(2)])).rejects.toMatchObject({ code: "gone" });
    expect(await rows("SELECT count(*)::int AS n FROM report")).toEqual([{ n: 1 }]);
  });

  test("nothing is written once another recorder has taken over", async () => {
    const [first, second] = [await open(), await open()];
    const { signal } = new AbortController();
    await first.lock("main", signal, () => undefined);
    const lock = second.lock("main", signal, () => undefined);
    await owner.query("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'");
    await lock;
    for (let i = 0; i < 3; i++)
      await expect(write(first, [accepted(1)])).rejects.toMatchObject({ code: "unavailable" });
    expect(await write(second, [accepted(1)])).toEqual({ kind: "committed" });
  });

  test("tables of a newer version, or of something else, are not touched", async () => {
    await (await openPostgresStore(url, true, systemTime))[Symbol.asyncDispose]();
    await owner.query("UPDATE meta SET value = '999' WHERE key = 'version'");
    await expect(openPostgresStore(url, true, systemTime)).rejects.toMatchObject({ code: "unusable" });
    await owner.query("DROP TABLE meta CASCADE");
    await expect(openPostgresStore(url, true, systemTime)).rejects.toMatchObject({ code: "unusable" });
  });

  test("one that only reads makes no tables, and says that there are none", async () => {
    await expect(openPostgresStore(url, false, systemTime)).rejects.toMatchObject({ code: "unusable" });
    expect(await rows("SELECT count(*)::int AS n FROM pg_tables WHERE schemaname = 'public'")).toEqual([
      { n: 0 },
    ]);
    await open();
    await (await openPostgresStore(url, false, systemTime))[Symbol.asyncDispose]();
  });

  test("two recorders that start at once make the tables once", async () => {
    const [a, b] = await Promise.all([open(), open()]);
    expect(a.id).toBe(b.id);
    expect(a.id).not.toBe("");
  });
});
