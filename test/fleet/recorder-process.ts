import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import { pidsOf, runs } from "./child.ts";
import type { Part } from "./processes.ts";

const Line = z.object({ level: z.string(), msg: z.string() });
/** How long it may take to connect. */
const CONNECTS_MS = 60_000;
const LOOK_MS = 50;
/** Lines of the log that are kept for a reader: the newest. */
const KEPT = 200;

/** The project's recorder as a process of its own. */
export class RecorderProcess implements AsyncDisposable {
  readonly #brokers: number;
  readonly #args: readonly string[];
  #child: ChildProcess | undefined;
  #connections = 0;
  /** Warnings and errors of its log. */
  readonly complaints: string[] = [];

  /** `brokers`: how many it is given; `args`: those of `record`. */
  constructor(brokers: number, args: readonly string[]) {
    this.#brokers = brokers;
    this.#args = args;
  }

  get part(): Part {
    return { name: "recorder", pids: () => pidsOf(this.#child) };
  }

  /** Starts it, and waits until it is connected to all brokers. */
  async start(): Promise<void> {
    this.#connections = 0;
    const child = spawn(process.execPath, ["src/main.ts", "record", ...this.#args], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    this.#child = child;
    let text = "";
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      const lines = (text + chunk).split("\n");
      text = lines.pop() ?? "";
      for (const line of lines) this.#line(line);
    });
    for (const end = performance.now() + CONNECTS_MS; this.#connections < this.#brokers;) {
      if (!runs(child) || performance.now() > end)
        throw new Error(`the recorder does not connect: ${this.complaints.join("\n")}`);
      // oxlint-disable-next-line no-await-in-loop -- asked again until it has
      await sleep(LOOK_MS);
    }
  }

  #line(line: string): void {
    const { level, msg } = Line.parse(JSON.parse(line));
    if (msg === "connected") this.#connections++;
    if (level === "info" || level === "debug") return;
    this.complaints.push(line);
    if (this.complaints.length > KEPT) this.complaints.shift();
  }

  async kill(): Promise<void> {
    if (!this.#child || !runs(this.#child)) return;
    const gone = once(this.#child, "close");
    this.#child.kill("SIGKILL");
    await gone;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill();
  }
}
