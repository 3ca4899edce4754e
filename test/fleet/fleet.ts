import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import { pidsOf, runs } from "./child.ts";
import { Look, Report, Started, type Order, type Share } from "./messages.ts";
import type { Part } from "./processes.ts";

/** The processes of the fleet, as the runner orders them. */

const Answer = z.object({ answer: z.unknown().optional() });
const LOOK_MS = 1_000;

/** One process of the fleet: it is given one order after the other. */
class Worker {
  readonly child: ChildProcess;
  #answer: ((message: unknown) => void) | undefined;
  #fail: ((cause: Error) => void) | undefined;

  constructor(share: Share) {
    this.child = fork("test/fleet/worker.ts", [JSON.stringify(share)]);
    this.child.on("message", (message) => this.#answer?.(message));
    this.child.on("exit", (code, signal) =>
      this.#fail?.(new Error(`a process of the fleet has ended: ${signal ?? code}`)),
    );
  }

  async do(order: Order): Promise<unknown> {
    if (!this.child.connected) throw new Error("a process of the fleet has ended");
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#answer = resolve;
    this.#fail = reject;
    this.child.send(order);
    return Answer.parse(await promise).answer;
  }

  async end(): Promise<void> {
    if (!runs(this.child)) return;
    const gone = once(this.child, "exit");
    this.child.kill("SIGKILL");
    await gone;
  }
}

/**
 * The units that are pressed and measured have a process of their own. In a storm the others are a thousand cars in one
 * process: what such a process is late by is not the broker's.
 */
const PROBES = 100;
const probesOf = (units: number): number => Math.min(PROBES, Math.ceil(units / 10));

/** Warnings of all, figures of the probes. */
const merged = (probes: Report, others: readonly Report[]): Report => {
  const warnings = { ...probes.warnings };
  for (const report of others)
    for (const [key, count] of Object.entries(report.warnings)) warnings[key] = (warnings[key] ?? 0) + count;
  return { ...probes, warnings };
};

export class Fleet implements AsyncDisposable {
  readonly #probes: Worker;
  readonly #others: readonly Worker[];

  constructor(units: number, processes: number, brokers: Pick<Share, "urls" | "login">) {
    const probes = probesOf(units);
    const rest = units - probes;
    const below = (n: number) => probes + Math.floor((rest * n) / processes);
    this.#probes = new Worker({ from: 0, below: probes, ...brokers });
    this.#others = Array.from(
      { length: processes },
      (_, n) => new Worker({ from: below(n), below: below(n + 1), ...brokers }),
    );
  }

  get #workers(): readonly Worker[] {
    return [this.#probes, ...this.#others];
  }

  get part(): Part {
    return { name: "fleet", pids: () => this.#workers.flatMap(({ child }) => pidsOf(child)) };
  }

  #all(order: Order): Promise<unknown[]> {
    return Promise.all(this.#workers.map((worker) => worker.do(order)));
  }

  /** Starts all units within so many milliseconds. Returns after how many each was accepted. */
  async start(overMs: number, limitMs: number): Promise<number[]> {
    const answers = await this.#all({ do: "start", overMs, limitMs });
    return answers.flatMap((answer) => Started.parse(answer));
  }

  async stop(): Promise<void> {
    await this.#all({ do: "stop" });
  }

  async fill(records: number): Promise<void> {
    await this.#all({ do: "fill", records });
  }

  async drive(drives: boolean): Promise<void> {
    await this.#all({ do: "drive", drives });
  }

  /** Emergencies in a second, all of the probes. */
  async press(perSecond: number): Promise<void> {
    await this.#probes.do({ do: "press", perSecond });
  }

  async measure(): Promise<void> {
    await this.#all({ do: "measure" });
  }

  /** From now on `unreceipted` and `unanswered` of a look are about what was published so far. */
  async mark(): Promise<void> {
    await this.#all({ do: "mark" });
  }

  async report(): Promise<Report> {
    const ask = async (worker: Worker) => Report.parse(await worker.do({ do: "report" }));
    return merged(await ask(this.#probes), await Promise.all(this.#others.map(ask)));
  }

  async look(): Promise<Look> {
    const looks = (await this.#all({ do: "look" })).map((answer) => Look.parse(answer));
    const sum = (of: (look: Look) => number) => looks.reduce((total, look) => total + of(look), 0);
    return {
      connected: sum(({ connected }) => connected),
      records: sum(({ records }) => records),
      restless: sum(({ restless }) => restless),
      inDispatch: sum(({ inDispatch }) => inDispatch),
      open: sum(({ open }) => open),
      unreceipted: sum(({ unreceipted }) => unreceipted),
      unanswered: sum(({ unanswered }) => unanswered),
    };
  }

  /** Looks until it is so. Returns the seconds that it took; undefined: it was not so within `limitMs`. */
  async until(isSo: (look: Look) => boolean, limitMs: number): Promise<number | undefined> {
    for (const from = performance.now(); performance.now() - from < limitMs;) {
      // oxlint-disable-next-line no-await-in-loop -- asked again until it is
      if (isSo(await this.look())) return (performance.now() - from) / 1_000;
      // oxlint-disable-next-line no-await-in-loop
      await sleep(LOOK_MS);
    }
    return undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.end()));
  }
}
