import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { releasedImage, releasedLoader } from "../../firmware-bridge/image.ts";
import { startLiveBoard, type LiveBoard } from "../../firmware-bridge/simulator/live.ts";
import { OUR_BOOT } from "../../firmware-bridge/simulator/self-programming.ts";
import { openSerialLine, type SerialLine } from "../../src/runtime/pty.ts";
import { formatSentence } from "../../src/decode/nmea/sentence.ts";

/** A car on the bench: the real service as a process, a pty for its receiver, a folder for its disk. */
export type Car = AsyncDisposable & {
  readonly folder: string;
  readonly config: string;
  /** Of the running service. */
  readonly pid: number;
  /** The panic board; where the car has none, asking for it throws. */
  readonly panic: LiveBoard;
  /** What the panic board's lamp has shown, in order. */
  readonly lamps: string[];
  /** When each lamp was first shown, on the clock of `performance.now()`, since this was cleared. */
  readonly lampTimes: Map<string, number>;
  press(loop?: number): void;
  readonly log: readonly LogLine[];
  line: SerialLine;
  start(): Promise<void>;
  /** Waits for the process to end by itself or by this signal; returns its exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
  kill(signal: NodeJS.Signals): void;
  plug(): void;
  /** Opening a tty flushes it: says something harmless until the unit is heard to listen. */
  listens(): Promise<void>;
};
type LogLine = { time: string; level: string; msg: string; part?: string; fault?: string };

export const waitFor = async (what: string, done: () => boolean, timeoutMs = 20_000): Promise<void> => {
  const deadline = performance.now() + timeoutMs;
  while (!done()) {
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms for ${what}`);
    await sleep(20);
  }
};

type CarOptions = {
  /** YAML of further blocks. */
  readonly extra?: string;
  readonly program?: string;
  /** With a panic board: the released image in the simulator, buttons `dash` and `boot`. */
  readonly board?: boolean;
  /** The board has our boot loader too. */
  readonly loader?: boolean;
  readonly statusPort?: number;
  /** Where its outbox is, if not in its folder. */
  readonly outbox?: string;
  /** YAML of the report block; left out: every fix. */
  readonly report?: string;
  /** Environment of the service, beside ours. */
  readonly env?: Readonly<Record<string, string>>;
  /** A candump log in place of the bus: the service is a replay of it. */
  readonly busLog?: string;
};

/** `dispatch`: YAML of that block. */
export const openCar = (dispatch: string, options: CarOptions = {}): Car => {
  const { extra = "", program = "src/main.ts" } = options;
  const folder = mkdtempSync(join(tmpdir(), "car-"));
  const config = join(folder, "patrol-unit.yaml");
  const tty = join(folder, "gps");
  writeFileSync(
    config,
    `unit: { directorate: zrenjanin, id: zr-117 }
gps: { port: ${tty} }
panic: ${options.board ? `{ port: ${join(folder, "panic")}, buttons: { dash: { loop: 0 }, boot: { loop: 1 } } }` : "none"}
report: ${options.report ?? "{ movingS: 0 }"}
dispatch: ${dispatch}
outbox: { path: ${options.outbox ?? "outbox"} }
status: { listen: "127.0.0.1:${options.statusPort ?? 0}" }
${extra}`,
  );
  const log: LogLine[] = [];
  const lamps: string[] = [];
  const lampTimes = new Map<string, number>();
  const board = options.board
    ? startLiveBoard({
        link: join(folder, "panic"),
        image: releasedImage(),
        ...(options.loader && { loader: { image: releasedLoader(), boot: OUR_BOOT } }),
        onLight({ lamp }) {
          if (lamp !== lamps.at(-1)) lamps.push(lamp);
          if (!lampTimes.has(lamp)) lampTimes.set(lamp, performance.now());
        },
      })
    : undefined;
  let child: ChildProcess | undefined;
  const car: Car = {
    folder,
    config,
    get pid() {
      if (child?.pid === undefined) throw new Error("the service has not been started");
      return child.pid;
    },
    get panic() {
      if (!board) throw new Error("this car has no panic board");
      return board;
    },
    lamps,
    lampTimes,
    press(loop = 0) {
      car.panic.catchUp();
      car.panic.board.press(loop, 200);
    },
    log,
    line: openSerialLine(tty),
    plug() {
      car.line = openSerialLine(tty);
    },
    async start() {
      const command = options.busLog === undefined ? ["run"] : ["replay", "--can", options.busLog];
      child = spawn(process.execPath, [program, ...command, "--config", config], {
        stdio: ["ignore", "pipe", "inherit"],
        env: { ...process.env, ...options.env },
      });
      const before = log.length;
      let text = "";
      child.stdout!.setEncoding("utf8").on("data", (chunk: string) => {
        const lines = (text + chunk).split("\n");
        text = lines.pop() ?? "";
        for (const line of lines) log.push(JSON.parse(line) as LogLine);
      });
      await waitFor("the service to start", () => log.slice(before).some((line) => line.msg === "started"));
    },
    async listens() {
      const before = log.length;
      const heard = () => log.slice(before).some((line) => line.msg === "the receiver sends valid sentences");
      for (let i = 0; i < 1000 && !heard(); i++) {
        await car.line.write(formatSentence("GPTXT,01,01,02,ANTSTATUS=OK"));
        await sleep(20);
      }
    },
    kill: (signal) => void child?.kill(signal),
    async stop(signal = "SIGTERM") {
      if (!child || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null;
      const gone = once(child, "exit");
      child.kill(signal);
      await gone;
      return child.exitCode;
    },
    async [Symbol.asyncDispose]() {
      await car.stop("SIGKILL");
      car.line[Symbol.dispose]();
      board?.[Symbol.dispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return car;
};

/** One epoch of a made-up drive: its number is in its time and its place. */
export const epoch = (n: number, startAt = Date.UTC(2026, 10, 24, 8)): string => {
  const at = new Date(startAt + n * 100);
  const iso = at.toISOString();
  const time = `${iso.slice(11, 13)}${iso.slice(14, 16)}${iso.slice(17, 23)}`;
  const date = `${iso.slice(8, 10)}${iso.slice(5, 7)}${iso.slice(2, 4)}`;
  const minutes = (20 + n / 1000).toFixed(4).padStart(7, "0");
  return (
    formatSentence(`GPGGA,${time},45${minutes},N,02023.0000,E,1,08,1.0,80.0,M,44.0,M,,`) +
    formatSentence(`GPRMC,${time},A,45${minutes},N,02023.0000,E,30.00,0.0,${date},,,A`)
  );
};

/** The number of the epoch that a position came from. */
export const epochOf = (data: { lat: number }): number => Math.round(((data.lat - 45) * 60 - 20) * 1000);
