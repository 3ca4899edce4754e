import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { connectAsync } from "mqtt";
import { createNmeaDecoder } from "../../src/decode/nmea/decoder.ts";
import { formatSentence } from "../../src/decode/nmea/sentence.ts";
import { openSerialLine, type SerialLine } from "../../src/runtime/pty.ts";
import type { Draft } from "../../src/domain/report.ts";
import { encodeReport } from "../../src/wire/encode.ts";
import { readMessage } from "../../src/wire/read.ts";
import { openTestOutbox } from "../outbox/open-outbox.ts";
import { can } from "./can.ts";
import { armed } from "./armed.ts";
import { backlog } from "./backlog.ts";
import { bus } from "./bus.ts";
import { panic } from "./panic.ts";
import { pressedBeside, viewers } from "./viewers.ts";
import { startMosquitto, type Mosquitto } from "../journeys/mosquitto.ts";

/** Figures of one run on this machine. Nothing here fails on a slow one: it reports. */
const print = (what: string, figure: string) => process.stdout.write(`${what.padEnd(64)}${figure}\n`);
const quantile = (values: readonly number[], q: number) =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * q))] ?? Number.NaN;

const START = Date.UTC(2026, 10, 24, 8);
const GSV = [1, 2, 3]
  .map((i) => formatSentence(`GPGSV,3,${i},12,05,06,110,19,10,24,284,34,13,37,124,29,15,63,083,11`))
  .join("");

/** Six sentences: RMC, GGA, GSA, three GSV. Its number is in its time and its place. */
const epoch = (n: number, stepMs: number): string => {
  const iso = new Date(START + n * stepMs).toISOString();
  const time = `${iso.slice(11, 13)}${iso.slice(14, 16)}${iso.slice(17, 23)}`;
  const minutes = (10 + n / 10_000).toFixed(4);
  return (
    formatSentence(`GPRMC,${time},A,45${minutes},N,02023.0000,E,10.00,90.0,241126,,,A`) +
    formatSentence(`GPGGA,${time},45${minutes},N,02023.0000,E,1,08,1.0,80.0,M,44.0,M,,`) +
    formatSentence("GPGSA,A,3,05,07,08,09,13,15,21,27,,,,,1.6,1.0,1.2") +
    GSV
  );
};
const epochOf = (lat: number) => Math.round(((lat - 45) * 60 - 10) * 10_000);

const TICKS = Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));
const cpuSeconds = (pid: number): number => {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
};
const residentMiB = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]) / 1024;
const bytesWritten = (pid: number): number =>
  Number(/^write_bytes: (\d+)/m.exec(readFileSync(`/proc/${pid}/io`, "utf8"))?.[1] ?? Number.NaN);

type Bench = AsyncDisposable & {
  readonly line: SerialLine;
  readonly broker: Mosquitto;
  readonly pids: () => number[];
  readonly unit: ChildProcess;
  /** When each epoch arrived, by its number. */
  readonly arrived: Map<number, number>;
  readonly firstMessageMs: number;
};

/** Node's flags as the service file has them: measured is what runs in a car. */
const flags = /ExecStart=\S+node ((?:--\S+ )*)/
  .exec(readFileSync("systemd/patrol-unit.service", "utf8"))![1]!
  .trim()
  .split(" ");

const openBench = async (program: string): Promise<Bench> => {
  await using stack = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), "bench-"));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const broker = stack.use(await startMosquitto());
  await broker.start();
  const arrived = new Map<number, number>();
  let first: number | undefined;
  const client = await connectAsync(broker.url, {
    protocolVersion: 5,
    properties: { receiveMaximum: 60_000 },
  });
  stack.defer(() => client.endAsync(true));
  client.on("message", (topic, payload) => {
    first ??= performance.now();
    const received = readMessage(topic, payload);
    const now = performance.now();
    for (const value of received.kind === "json" ? received.values : []) {
      const { kind, data } = value as { kind?: string; data?: { lat?: number } };
      if (kind === "position" && !arrived.has(epochOf(data!.lat!))) arrived.set(epochOf(data!.lat!), now);
    }
  });
  await client.subscribeAsync("#", { qos: 1 });
  const line = stack.use(openSerialLine(join(folder, "gps")));
  const config = join(folder, "bench.yaml");
  writeFileSync(
    config,
    `unit: { directorate: zrenjanin, id: zr-117 }
gps: { port: ${line.path}, baud: 115200 }
panic: none
report: { movingS: 0 }
dispatch: { brokers: ["mqtt://127.0.0.1:${broker.port}"], allowPlaintext: true }
outbox: { path: outbox }
status: { listen: "127.0.0.1:0" }
`,
  );
  const begun = performance.now();
  const unit = spawn(process.execPath, [...flags, program, "run", "--config", config], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let heard = false;
  unit.stdout.on("data", (text) => {
    heard ||= String(text).includes("the receiver sends valid sentences");
  });
  stack.defer(async () => {
    const gone = once(unit, "exit");
    unit.kill("SIGTERM");
    await gone;
  });
  while (first === undefined) await sleep(1);
  const firstMessageMs = first - begun;
  while (!heard) {
    await line.write(formatSentence("GPTXT,01,01,02,ANTSTATUS=OK"));
    await sleep(20);
  }
  const mosquitto = Number(
    execFileSync("pgrep", ["-f", `${broker.folder}/mosquitto.conf`], { encoding: "utf8" }).split("\n")[0],
  );
  const owned = stack.move();
  return {
    line,
    broker,
    arrived,
    unit,
    firstMessageMs,
    pids: () => [unit.pid!, mosquitto],
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
};

const paced = async (perSecond: number, epochs: number): Promise<void> => {
  await using bench = await openBench("dist/patrol-unit.mjs");
  await sleep(1500);
  const rest = bench.pids().map(residentMiB);
  const sent: number[] = [];
  const warm = Math.min(50, epochs / 4);
  const sum = () => bench.pids().reduce((total, pid) => total + cpuSeconds(pid), 0);
  let cpu = 0;
  let io = 0;
  const begun = performance.now();
  for (let n = 0; n < epochs; n++) {
    if (n === warm) {
      cpu = sum();
      io = bytesWritten(bench.unit.pid!);
    }
    await bench.line.write(epoch(n, 1000 / perSecond));
    sent[n] = performance.now();
    const due = begun + ((n + 1) * 1000) / perSecond;
    if (due > performance.now() + 1) await sleep(due - performance.now());
  }
  await sleep(500);
  const used = ((sum() - cpu) / (epochs - warm)) * 10_000;
  const late = sent
    .map((at, n) => (bench.arrived.get(n) ?? Number.NaN) - at)
    .slice(warm)
    .filter((ms) => ms === ms);
  print(`${perSecond} epochs/s: CPU s per 10,000 epochs (unit and broker)`, used.toFixed(2));
  print(
    `${perSecond} epochs/s: latency ms p50 / p99`,
    `${quantile(late, 0.5).toFixed(2)} / ${quantile(late, 0.99).toFixed(2)}`,
  );
  print(
    `${perSecond} epochs/s: resident MiB at rest, under load (unit + broker)`,
    `${rest.map((m) => m.toFixed(0)).join(" + ")}, ${bench
      .pids()
      .map((pid) => residentMiB(pid).toFixed(0))
      .join(" + ")}`,
  );
  print(
    `${perSecond} epochs/s: bytes written to disk per epoch, online`,
    ((bytesWritten(bench.unit.pid!) - io) / (epochs - warm)).toFixed(0),
  );
  print(`${perSecond} epochs/s: lost of ${epochs}`, String(epochs - bench.arrived.size));
};

const flatOut = async (): Promise<void> => {
  await using bench = await openBench("dist/patrol-unit.mjs");
  const epochs = 50_000;
  const blocks = Array.from({ length: epochs / 50 }, (_, b) =>
    Array.from({ length: 50 }, (__, i) => epoch(b * 50 + i, 100)).join(""),
  );
  const begun = performance.now();
  for (const block of blocks) await bench.line.write(block);
  const taken = performance.now() - begun;
  for (let i = 0; i < 600 && bench.arrived.size < epochs; i++) await sleep(50);
  const all = Math.max(...bench.arrived.values()) - begun;
  print(
    "flat out: sentences/s taken from the pty",
    Math.round((epochs * 6 * 1000) / taken).toLocaleString("en"),
  );
  print(
    "flat out: sentences/s until the last position arrived",
    Math.round((epochs * 6 * 1000) / all).toLocaleString("en"),
  );
  print(`flat out: lost of ${epochs}`, String(epochs - bench.arrived.size));
  print(
    "flat out: resident MiB after (unit + broker)",
    bench
      .pids()
      .map((pid) => residentMiB(pid).toFixed(0))
      .join(" + "),
  );
};

const decoding = (): void => {
  const bytes = Buffer.from(Array.from({ length: 20_000 }, (_, n) => epoch(n, 100)).join(""));
  const rates: number[] = [];
  for (let round = 0; round < 5; round++) {
    const decoder = createNmeaDecoder(() => undefined);
    const begun = performance.now();
    for (let i = 0; i < bytes.length; i += 4096) decoder.push(bytes.subarray(i, i + 4096));
    decoder.end();
    rates.push((decoder.tally.sentences * 1000) / (performance.now() - begun));
  }
  print("decoder alone: sentences/s, median of 5", Math.round(quantile(rates, 0.5)).toLocaleString("en"));
};

const starting = async (): Promise<void> => {
  for (const program of ["src/main.ts", "dist/patrol-unit.mjs"]) {
    const times: number[] = [];
    for (let i = 0; i < 6; i++) {
      await using bench = await openBench(program);
      if (i > 0) times.push(bench.firstMessageMs);
    }
    print(`start to first message ms, ${program}, p50 of 5`, quantile(times, 0.5).toFixed(0));
  }
};

const storing = async (): Promise<void> => {
  const path = mkdtempSync(join(tmpdir(), "outbox-"));
  const records = 100_000;
  const draft: Draft = {
    kind: "position",
    at: START,
    clock: "gnss",
    data: {
      lat: 45.123456789,
      lon: 20.123456789,
      fix: "3d",
      altM: 80,
      speedKmh: 50.12,
      courseDeg: 90,
      quality: 1,
      satellites: 8,
      hdop: 1,
      accuracyM: 3,
      reason: "interval",
    },
  };
  {
    await using outbox = await openTestOutbox(path);
    const io = bytesWritten(process.pid);
    const begun = performance.now();
    let payload = 0;
    for (let i = 0; i < records; i++) {
      const full = outbox.pressure();
      if (full) await full;
      payload += encodeReport(outbox.append(draft), true).length;
    }
    await outbox.flush();
    print(
      "outbox: records/s appended",
      Math.round((records * 1000) / (performance.now() - begun)).toLocaleString("en"),
    );
    print(
      "outbox: bytes written to disk per record byte, appending",
      ((bytesWritten(process.pid) - io) / payload).toFixed(2),
    );
    const drain = performance.now();
    for (let cursor = 0, count = 0; count < records;) {
      const page = await outbox.read("telemetry", cursor, 250);
      ({ cursor } = page);
      count += page.reports.length;
      outbox.acknowledge(page.reports, true);
    }
    await outbox.flush();
    print(
      "outbox: records/s read and settled",
      Math.round((records * 1000) / (performance.now() - drain)).toLocaleString("en"),
    );
  }
  print(
    "outbox: KiB left on disk when empty",
    String(
      Math.round(readdirSync(path).reduce((sum, name) => sum + statSync(join(path, name)).size, 0) / 1024),
    ),
  );
  rmSync(path, { recursive: true, force: true });
};

/** `npm run bench` runs them all; with names, only those. */
const sections: Readonly<Record<string, () => Promise<void> | void>> = {
  decoding,
  starting,
  armed: () => armed(print, quantile, flags),
  async paced() {
    await paced(10, 600);
    await paced(200, 6000);
  },
  flat: flatOut,
  storing,
  backlog: () => backlog(print, quantile),
  can: () => can(print, quantile),
  bus: () => bus(print, quantile),
  panic: () => panic(print, quantile, cpuSeconds),
  async viewers() {
    await viewers(print, { cpuSeconds, residentMiB, flags, epoch: (n) => epoch(n, 1_000) });
    await pressedBeside(print, quantile);
  },
};
const given = process.argv.slice(2);
const names = Object.keys(sections);
if (given.includes("--help") || given.includes("-h")) {
  process.stdout.write(
    `npm run -s bench [-- SECTION…]\n\nMeasures all sections, or the given ones: ${names.join(", ")}.\n`,
  );
  process.exit(0);
}
const unknown = given.filter((name) => !Object.hasOwn(sections, name));
if (unknown.length > 0) {
  process.stderr.write(`there is no section ${unknown.join(", ")}: ${names.join(", ")}\n`);
  process.exit(64);
}
for (const name of given.length > 0 ? given : names) await sections[name]!();
process.exit(0);
