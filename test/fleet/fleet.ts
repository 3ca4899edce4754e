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

const merged = (reports: readonly Report[]): Report => {
  const warnings: Record<string, number> = {};
  for (const report of reports)
    for (const [key, count] of Object.entries(report.warnings)) warnings[key] = (warnings[key] ?? 0) + count;
  return {
    journeys: reports.flatMap(({ journeys }) => journeys),
    presses: reports.flatMap(({ presses }) => presses),
    late: {
      p50: Math.max(...reports.map(({ late }) => late.p50)),
      p99: Math.max(...reports.map(({ late }) => late.p99)),
    },
    warnings,
  };
};

export class Fleet implements AsyncDisposable {
  readonly #workers: readonly Worker[];
  readonly units: number;

  constructor(units: number, processes: number, brokers: Pick<Share, "urls" | "login">) {
    this.units = units;
    this.#workers = Array.from({ length: processes }, (_, n) => {
      const share: Share = {
        from: Math.floor((units * n) / processes),
        below: Math.floor((units * (n + 1)) / processes),
        ...brokers,
      };
      return new Worker(share);
    });
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

  /** Emergencies in a second, over the whole fleet. */
  async press(perSecond: number): Promise<void> {
    await this.#all({ do: "press", perSecond: perSecond / this.#workers.length });
  }

  async measure(): Promise<void> {
    await this.#all({ do: "measure" });
  }

  async report(): Promise<Report> {
    return merged((await this.#all({ do: "report" })).map((answer) => Report.parse(answer)));
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
