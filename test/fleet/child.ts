import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { answers } from "../journeys/mosquitto.ts";

const LOOK_MS = 100;

/** Whether the process still runs. */
export const runs = (child: ChildProcess): boolean => child.exitCode === null && child.signalCode === null;

/** Its process id, if it runs. */
export const pidsOf = (child: ChildProcess | undefined): number[] =>
  child?.pid !== undefined && runs(child) ? [child.pid] : [];

/** Ends a process that was started detached, with its children. */
export const endGroup = async (child: ChildProcess, signal: NodeJS.Signals): Promise<void> => {
  if (!runs(child)) return;
  const gone = once(child, "exit");
  process.kill(-child.pid!, signal);
  await gone;
};

/** Waits until somebody listens on each port. Rejects after `limitMs`. */
export const listening = async (ports: readonly number[], limitMs: number): Promise<void> => {
  for (const end = performance.now() + limitMs; ;) {
    // oxlint-disable-next-line no-await-in-loop -- asked again until they do
    if ((await Promise.all(ports.map((port) => answers(port)))).every(Boolean)) return;
    if (performance.now() > end) throw new Error(`nobody listens on ${ports.join(", ")} after ${limitMs} ms`);
    // oxlint-disable-next-line no-await-in-loop
    await sleep(LOOK_MS);
  }
};

/** Starts a program in a process group of its own, without a terminal. */
export const startDetached = (
  program: string,
  args: readonly string[],
  options: { readonly cwd: string; readonly env?: NodeJS.ProcessEnv },
): ChildProcess => spawn(program, args, { stdio: "ignore", detached: true, ...options });
