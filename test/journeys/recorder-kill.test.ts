import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { connectAsync, type MqttClient } from "mqtt";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openPostgresStore } from "../../src/recorder/postgres/store.ts";
import { openSqliteStore } from "../../src/recorder/sqlite/store.ts";
import type { Store } from "../../src/recorder/store.ts";
import { systemTime } from "../../src/runtime/time.ts";
import { hasPostgres, startPostgres } from "../recorder/postgres.ts";
import { wire } from "../recorder/reports.ts";
import { waitFor } from "./car.ts";
import { startMosquitto } from "./mosquitto.ts";
import { openEars, openRecorder, runRecord, type Receipt } from "./recorder.ts";

/** How often the recorder is killed: PATROL_UNIT_KILLS makes a longer run. */
const KILLS = Number(process.env["PATROL_UNIT_KILLS"] ?? 20);
const UNITS = ["zrenjanin/zr-1", "zrenjanin/zr-2", "novi-sad/ns-7"];

let stack: AsyncDisposableStack;
beforeEach(() => {
  stack = new AsyncDisposableStack();
});
afterEach(() => stack.disposeAsync());

/** Publishes numbered reports of some units, live and as history, until it is stopped. */
const openLoad = async (url: string) => {
  const client: MqttClient = await connectAsync(url, { protocolVersion: 5 });
  client.on("error", () => undefined);
  const next = new Map(UNITS.map((unit) => [unit, 1]));
  /** Of each unit, what the broker has acknowledged. */
  const acknowledged = new Map(UNITS.map((unit) => [unit, new Set<number>()]));
  let goesOn = true;
  const numbers = (unit: string, count: number) => {
    const first = next.get(unit)!;
    next.set(unit, first + count);
    return Array.from({ length: count }, (_, n) => first + n);
  };
  const send = async (unit: string, count: number) => {
    const seqs = numbers(unit, count);
    const reports = seqs.map((seq) => JSON.stringify(wire(seq, { unit, live: count === 1 })));
    const topic = `patrol/v1/${unit}/${count === 1 ? "position" : "history"}`;
    const payload = count === 1 ? reports[0]! : gzipSync(reports.join("\n"));
    await client.publishAsync(topic, payload, { qos: 1 });
    for (const seq of seqs) acknowledged.get(unit)!.add(seq);
  };
  const run = async () => {
    for (let i = 0; goesOn; i++) {
      await Promise.all(
        UNITS.flatMap((unit) => [send(unit, 1), send(unit, 1), send(unit, i % 10 === 0 ? 40 : 1)]),
      );
      await sleep(2);
    }
  };
  const done = run();
  return {
    acknowledged,
    async [Symbol.asyncDispose]() {
      goesOn = false;
      await done;
      await client.endAsync();
    },
  };
};

/** The numbers that a receipt claims and the store does not have. */
const falselyClaimed = async (store: Store, unit: string, receipt: Receipt): Promise<number[]> => {
  const has = new Set<number>();
  for await (const { seq } of store.read({ unit, kinds: ["position"] })) has.add(seq);
  const isMissing = (n: number) => receipt.missing.some(([from, to]) => n >= from && n <= to);
  return Array.from({ length: receipt.upTo }, (_, n) => n + 1).filter((n) => !has.has(n) && !isMissing(n));
};

const killed = async (
  into: string,
  kills: number,
  open: () => Promise<Store>,
  disturb: (round: number) => Promise<void>,
) => {
  const broker = stack.use(await startMosquitto());
  await broker.start();
  const recorder = stack.use(openRecorder("--broker", broker.url, "--into", into));
  await recorder.start();
  const ears = stack.use(await openEars(broker.url, "patrol/v1/+/+/receipt"));
  const store = stack.use(await open());
  const load = await openLoad(broker.url);
  stack.use(load);
  for (let round = 0; round < kills; round++) {
    await sleep(50 + Math.random() * 400);
    await disturb(round);
    // Null: it did not end by itself.
    expect(await recorder.stop("SIGKILL")).toBe(null);
    for (const unit of UNITS) {
      const receipt = ears.receipts(unit).at(-1);
      if (receipt) expect(await falselyClaimed(store, unit, receipt), JSON.stringify(receipt)).toEqual([]);
    }
    await recorder.start();
  }
  await load[Symbol.asyncDispose]();
  const published = [...load.acknowledged].map(([unit, seqs]) => ({ unit, upTo: Math.max(...seqs) }));
  // The last receipt of each unit claims everything: then it is checked against what is stored.
  await waitFor(
    "the last receipts",
    () => published.every(({ unit, upTo }) => ears.receipts(unit).at(-1)?.upTo === upTo),
    60_000,
  );
  for (const { unit, upTo } of published) {
    const receipt = ears.receipts(unit).at(-1)!;
    expect(receipt).toMatchObject({ upTo, missing: [], by: store.id });
    expect(await falselyClaimed(store, unit, receipt)).toEqual([]);
  }
  const times = ears.receipts(UNITS[0]!).map(({ at }) => at);
  expect(times).toEqual(times.toSorted());
  const audit = await runRecord("audit", "--into", into);
  expect(audit).toMatchObject({ code: 0, err: "" });
  expect(await recorder.stop()).toBe(0);
  return published.reduce((sum, { upTo }) => sum + upTo, 0);
};

test("killed again and again under load, into SQLite: nothing acknowledged is missing, no receipt is false", async () => {
  const folder = mkdtempSync(join(tmpdir(), "recorder-"));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, "reports.db");
  const reports = await killed(
    `sqlite:${file}`,
    KILLS,
    () => openSqliteStore(file, true, systemTime),
    async () => undefined,
  );
  expect(reports).toBeGreaterThan(1_000);
}, 300_000);

test.skipIf(!hasPostgres)(
  "the same into PostgreSQL, which crashes now and then too",
  async () => {
    const server = stack.use(await startPostgres());
    const url = await server.database("kills");
    const open = () => openPostgresStore(url, true, systemTime);
    const reports = await killed(url, KILLS / 2, open, (round) =>
      round % 5 === 2 ? server.crash() : Promise.resolve(),
    );
    expect(reports).toBeGreaterThan(1_000);
  },
  300_000,
);
