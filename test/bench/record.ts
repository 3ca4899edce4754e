import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { openPostgresStore } from "../../src/recorder/postgres/store.ts";
import { Recorder } from "../../src/recorder/recorder.ts";
import { openSqliteStore } from "../../src/recorder/sqlite/store.ts";
import type { Commit, Store } from "../../src/recorder/store.ts";
import { systemTime } from "../../src/runtime/time.ts";
import { unsigned } from "../../src/wire/signed.ts";
import { startPostgres } from "../recorder/postgres.ts";

/**
 * How many reports a second dispatch's recorder stores: `node test/bench/record.ts sqlite|postgres [UNITS]
 * [BATCH] [SECONDS] [RATE]`. A feeder process plays a broker: see record-feeder.ts.
 */
const [kind = "sqlite", ...numbers] = process.argv.slice(2);
const [units = 3_000, batch = 1, seconds = 10, rate = 0] = numbers.map(Number);

const QUIET = { debug: () => undefined, info: () => undefined, warn: console.error, error: console.error };

/** The store, with its commits counted. */
const counted = (store: Store, commits: { count: number; reports: number; ms: number[] }): Store =>
  new Proxy(store, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key, target);
      if (typeof value !== "function") return value;
      if (key !== "commit") return value.bind(target) as unknown;
      return async (commit: Commit) => {
        const before = performance.now();
        const outcome = await target.commit(commit);
        commits.count++;
        commits.reports += commit.reports.length;
        commits.ms.push(performance.now() - before);
        return outcome;
      };
    },
  });

await using stack = new AsyncDisposableStack();
const folder = mkdtempSync(join(tmpdir(), "bench-record-"));
stack.defer(() => rmSync(folder, { recursive: true, force: true }));
const open = async (): Promise<Store> => {
  if (kind === "sqlite") return openSqliteStore(join(folder, "reports.db"), true, systemTime);
  const server = stack.use(await startPostgres());
  return openPostgresStore(await server.database("bench"), true, systemTime);
};
const commits = { count: 0, reports: 0, ms: [] as number[] };
const store = counted(stack.use(await open()), commits);
const feeder = spawn(
  process.execPath,
  ["test/bench/record-feeder.ts", String(units), String(batch), String(rate)],
  {
    stdio: ["ignore", "pipe", "inherit"],
  },
);
stack.defer(() => void feeder.kill("SIGKILL"));
const [port] = (await once(feeder.stdout, "data")) as [Buffer];
const recorder = new Recorder({
  store,
  brokers: ["feeder"],
  async dial() {
    const socket = connect(Number(port.toString()), "127.0.0.1");
    await once(socket, "connect");
    return socket;
  },
  name: "bench",
  prefix: "patrol/v1",
  units: [["+", "+"]],
  compose: unsigned,
  acknowledges: true,
  time: systemTime,
  random: Math.random,
  log: QUIET,
});
await recorder.start();
await sleep(3_000);
const [from, cpu, at] = [commits.reports, process.cpuUsage(), performance.now()];
commits.ms = [];
await sleep(seconds * 1_000);
const elapsed = (performance.now() - at) / 1_000;
const { user, system } = process.cpuUsage(cpu);
const reports = commits.reports - from;
const ordered = commits.ms.toSorted((a, b) => a - b);
const quantile = (q: number) => (ordered[Math.floor(ordered.length * q)] ?? Number.NaN).toFixed(1);
process.stdout.write(
  `${kind}, ${units} units, ${batch} a message: ${Math.round(reports / elapsed)} reports/s, ` +
    `recorder ${Math.round((user + system) / elapsed / 10_000)} % of a core, ` +
    `${((user + system) / reports).toFixed(1)} us each, ${ordered.length} commits of p50 ${quantile(0.5)} ` +
    `p99 ${quantile(0.99)} ms, RSS ${Math.round(process.memoryUsage().rss / 1048576)} MiB\n`,
);
const said = once(feeder.stdout, "data");
feeder.kill();
process.stdout.write(`  ${String(await said)}`);
await recorder.stop("done");
