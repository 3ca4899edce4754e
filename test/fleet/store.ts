import { spawn } from "node:child_process";
import { once } from "node:events";
import pg from "pg";
import * as z from "zod";
import { startPostgres } from "../recorder/postgres.ts";
import { reportKey } from "./figures.ts";
import type { Part } from "./processes.ts";

/** PostgreSQL as the recorder's store, and what is in it at the end. */
export type FleetStore = AsyncDisposable & {
  readonly url: string;
  readonly part: Part;
  /** When the reports of a kind were committed, UTC milliseconds by `reportKey`. `since`: only those stored later. */
  commits(kind: "position" | "emergency", since: number): Promise<ReadonlyMap<string, number>>;
  audit(): Promise<Audit>;
};

const Audit = z.object({
  undeclared: z.int(),
  rejected: z.int(),
  conflicts: z.int(),
  streams: z.array(
    z.object({
      unit: z.string(),
      received: z.int(),
      undeclared: z.int(),
      missing: z.array(z.tuple([z.int(), z.int()])),
      declared: z.record(z.string(), z.int()),
      duplicates: z.int(),
    }),
  ),
});
export type Audit = z.infer<typeof Audit>;

const Row = z.object({ unit: z.string(), store: z.string(), seq: z.coerce.number(), at: z.number() });

const query = async (url: string, sql: string, values: readonly unknown[] = []): Promise<unknown[]> => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql, [...values])).rows;
  } finally {
    await client.end();
  }
};

/** Runs `record audit` on it. */
const auditOf = async (url: string): Promise<Audit> => {
  const child = spawn(process.execPath, ["src/main.ts", "record", "audit", "--into", url, "--json"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let out = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => (out += chunk));
  await once(child, "close");
  return Audit.parse(JSON.parse(out));
};

export const startStore = async (): Promise<FleetStore> => {
  await using stack = new AsyncDisposableStack();
  const server = stack.use(await startPostgres());
  const admin = await server.database("admin");
  // A row's transaction then has the time of its commit.
  await query(admin, "ALTER SYSTEM SET track_commit_timestamp = on");
  await server.crash();
  const [backend] = await query(admin, "SELECT pg_read_file('postmaster.pid') AS file");
  const { file } = z.object({ file: z.string() }).parse(backend);
  const url = await server.database("fleet");
  const owned = stack.move();
  return {
    url,
    part: { name: "PostgreSQL", pids: () => [Number.parseInt(file, 10)] },
    async commits(kind, since) {
      const rows = await query(
        url,
        `SELECT unit, store, seq, (extract(epoch FROM pg_xact_commit_timestamp(xmin)) * 1000)::float8 AS at
           FROM report WHERE kind = $1 AND stored >= $2`,
        [kind, new Date(since)],
      );
      return new Map(rows.map((row) => Row.parse(row)).map((row) => [reportKey(row), row.at]));
    },
    audit: () => auditOf(url),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
};
