import { spawn, type ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import * as z from "zod";
import type { Time } from "../runtime/ports.ts";
import { within } from "../runtime/wait.ts";

/** The unit as a process of its own, so that its power can be cut. */
export type CarProcessOptions = {
  /** What runs the unit until it is stopped: a program and its arguments. */
  readonly command: readonly [program: string, ...args: string[]];
  readonly time: Time;
  /** The unit runs. `port`: of its page. */
  readonly started: (port: number) => void;
  /** It has ended by itself. */
  readonly died: () => void;
  /** One line of its log. */
  readonly log: (line: string) => void;
};

type Child = ChildProcessByStdio<Writable, Readable, null>;

/** The line of the unit's log that says where its page is. */
const Started = z.object({ msg: z.literal("started"), statusPort: z.int() });
/** Frames that wait to be read, bytes. Beyond that the bus goes on without a listener, as a real one does. */
const MOST_WAITING_BYTES = 64 * 1024;
/** How long a stop may take before the power is cut. */
const STOP_MS = 3_000;

const parsed = (line: string): unknown => {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
};

export class CarProcess {
  readonly #options: CarProcessOptions;
  #child: Child | undefined;

  constructor(options: CarProcessOptions) {
    this.#options = options;
  }

  get running(): boolean {
    return this.#child !== undefined;
  }

  /** Does nothing while it runs. */
  start(): void {
    if (this.#child) return;
    const [program, ...args] = this.#options.command;
    // A group of its own: Ctrl-C at the terminal stops the demo, and the demo stops the unit.
    const child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"], detached: true });
    this.#child = child;
    child.on("error", () => this.#ended(child));
    child.on("exit", () => this.#ended(child));
    // It may end while frames are written to it.
    child.stdin.on("error", () => undefined);
    createInterface({ input: child.stdout, crlfDelay: Infinity }).on("line", (line) =>
      this.#line(child, line),
    );
  }

  /** Frames on the bus, as lines. */
  feed(lines: readonly string[]): void {
    const input = this.#child?.stdin;
    if (!input || lines.length === 0 || input.writableLength > MOST_WAITING_BYTES) return;
    input.write(`${lines.join("\n")}\n`);
  }

  /** Cuts its power: it has no time to write anything. */
  async cut(): Promise<void> {
    const child = this.#release();
    if (!child) return;
    child.kill("SIGKILL");
    await exited(child);
  }

  /** Stops it as a service manager does, or cuts its power if that takes too long. */
  async stop(): Promise<void> {
    const child = this.#release();
    if (!child) return;
    child.kill("SIGTERM");
    if (await within(STOP_MS, exited(child), this.#options.time)) return;
    child.kill("SIGKILL");
    await exited(child);
  }

  /** Ends it now, without waiting. For a process that ends itself. */
  kill(): void {
    this.#release()?.kill("SIGKILL");
  }

  #release(): Child | undefined {
    const child = this.#child;
    this.#child = undefined;
    return child;
  }

  #line(child: Child, line: string): void {
    if (this.#child !== child) return;
    this.#options.log(line);
    const { data } = Started.safeParse(parsed(line));
    if (data) this.#options.started(data.statusPort);
  }

  #ended(child: Child): void {
    if (this.#child !== child) return;
    this.#child = undefined;
    this.#options.died();
  }
}

const exited = async (child: Child): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  await once(child, "exit");
};
