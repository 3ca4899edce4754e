import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openPostgresStore } from "../../src/recorder/postgres/store.ts";
import { openSqliteStore } from "../../src/recorder/sqlite/store.ts";
import { systemTime } from "../../src/runtime/time.ts";
import { storeContract } from "../contracts/recorder-store.ts";
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
