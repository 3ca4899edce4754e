import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { plan } from "../../src/recorder/plan.ts";
import { openPostgresStore } from "../../src/recorder/postgres/store.ts";
import { openSqliteStore } from "../../src/recorder/sqlite/store.ts";
import { systemTime } from "../../src/runtime/time.ts";
import { storeContract } from "../contracts/recorder-store.ts";
import { accepted, AT } from "./reports.ts";
import { hasPostgres, startPostgres, type Postgres } from "./postgres.ts";

describe("a store in SQLite", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "store-"));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  let n = 0;
  storeContract(async () => {
    const file = join(folder, `${n++}.db`);
    return () => openSqliteStore(file, true, systemTime);
  });

  test("a file that is not there is not made by one that only reads", async () => {
    await expect(openSqliteStore(join(folder, "none.db"), false, systemTime)).rejects.toMatchObject({
      code: "unusable",
    });
  });

  test("a folder that is not there is named", async () => {
    await expect(openSqliteStore(join(folder, "none/a.db"), true, systemTime)).rejects.toMatchObject({
      code: "unusable",
      message: `${folder}/none/a.db: there is no folder ${folder}/none: make it first`,
    });
  });

  const other = (path: string) => {
    writeFileSync(`${path}.new`, "another file");
    renameSync(`${path}.new`, path);
  };
  test.each([
    ["was removed", (file: string) => rmSync(file), "reports.db was removed or moved away"],
    ["was moved away", (file: string) => renameSync(file, `${file}.old`), "reports.db was removed or moved"],
    ["was replaced", (file: string) => other(file), "reports.db was replaced by another file"],
    ["lost its log", (file: string) => rmSync(`${file}-wal`), "reports.db-wal was removed"],
  ])("a database that %s is gone: nothing is committed to it", async (_, harm, says) => {
    const file = join(mkdtempSync(join(folder, "gone-")), "reports.db");
    await using store = await openSqliteStore(file, true, systemTime);
    const commit = plan({ accepted: [accepted(1)], rejected: [] }, new Map(), [], AT);
    await store.verify();
    expect(await store.commit(commit)).toEqual({ kind: "committed" });
    await store.verify();
    harm(file);
    const gone = { code: "gone", message: expect.stringContaining(says) };
    await expect(store.verify()).rejects.toMatchObject(gone);
    const next = plan({ accepted: [accepted(1, { store: "zzzzzzzz" })], rejected: [] }, new Map(), [], AT);
    await expect(store.commit(next)).rejects.toMatchObject(gone);
  });

  test("a database stays while others open, read and close it", async () => {
    const file = join(folder, "shared.db");
    await using store = await openSqliteStore(file, true, systemTime);
    await (await openSqliteStore(file, true, systemTime))[Symbol.asyncDispose]();
    await expect(store.verify()).resolves.toBeUndefined();
  });

  test("a database in memory is never gone", async () => {
    await using store = await openSqliteStore(":memory:", true, systemTime);
    await expect(store.verify()).resolves.toBeUndefined();
  });

  test("a file that is no database is not touched", async () => {
    const file = join(folder, "text.db");
    writeFileSync(file, "This is not a database, whatever its name says.".repeat(20));
    await expect(openSqliteStore(file, true, systemTime)).rejects.toMatchObject({ code: "unusable" });
  });
});

describe.skipIf(!hasPostgres)("a store in PostgreSQL", () => {
  let server: Postgres;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server[Symbol.asyncDispose]());

  let n = 0;
  storeContract(async () => {
    const url = await server.database(`contract_${n++}`);
    return () => openPostgresStore(url, true, systemTime);
  });
});
