import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { freePort } from "../journeys/mosquitto.ts";

/** A real PostgreSQL 15 on a port of its own, in a folder of its own. */
export type Postgres = AsyncDisposable & {
  /** Makes an empty database and returns its URL. */
  database(name: string): Promise<string>;
  /** Stops it at once, as a crash does, and starts it again. */
  crash(): Promise<void>;
  stop(): Promise<void>;
  start(): Promise<void>;
};

const PROGRAMS = "/usr/lib/postgresql/15/bin";
export const hasPostgres = existsSync(join(PROGRAMS, "postgres"));

/** PostgreSQL refuses to run as root: then it runs as the user that Debian's package made. */
const runAs = (): { readonly uid?: number; readonly gid?: number } => {
  if (process.getuid?.() !== 0) return {};
  const id = (flag: string) => Number(execFileSync("id", [flag, "postgres"], { encoding: "utf8" }));
  return { uid: id("-u"), gid: id("-g") };
};

const connects = async (url: string): Promise<boolean> => {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => undefined);
  try {
    await client.connect();
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
};

export const startPostgres = async (): Promise<Postgres> => {
  const folder = mkdtempSync(join(tmpdir(), "postgres-"));
  const user = runAs();
  if (user.uid !== undefined && user.gid !== undefined) chownSync(folder, user.uid, user.gid);
  const data = join(folder, "data");
  const port = await freePort();
  const url = (name: string) => `postgres://patrol@127.0.0.1:${port}/${name}`;
  execFileSync(
    join(PROGRAMS, "initdb"),
    ["-D", data, "-U", "patrol", "--auth=trust", "--no-locale", "-E", "UTF8"],
    { ...user, stdio: "ignore", cwd: folder },
  );
  const start = async () => {
    const settings = ["-D", data, "-p", String(port), "-k", folder, "-h", "127.0.0.1"];
    const child = spawn(join(PROGRAMS, "postgres"), settings, { ...user, stdio: "ignore", cwd: folder });
    for (let i = 0; i < 200; i++) {
      if (await connects(url("postgres"))) return child;
      await sleep(50);
    }
    child.kill("SIGQUIT");
    throw new Error("PostgreSQL does not answer");
  };
  let child = await start();
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill("SIGQUIT");
    await gone;
  };
  return {
    async database(name) {
      const client = new pg.Client({ connectionString: url("postgres") });
      await client.connect();
      await client.query(`CREATE DATABASE ${name}`);
      await client.end();
      return url(name);
    },
    async crash() {
      await stop();
      child = await start();
    },
    stop,
    async start() {
      child = await start();
    },
    async [Symbol.asyncDispose]() {
      await stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
};
