import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { loadavg } from "node:os";

/** What processes cost, from /proc. A part is a process with all its descendants. */

const TICKS = Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));
const KIB = 1_024;

const read = (path: string): string => {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // it has ended
  }
};

/** Behind the name, which may hold blanks: state, parent, …; see proc(5). */
const statOf = (pid: number): string[] => read(`/proc/${pid}/stat`).split(") ")[1]?.split(" ") ?? [];

const treesOf = (roots: readonly number[]): number[] => {
  const children = new Map<number, number[]>();
  for (const name of readdirSync("/proc")) {
    const pid = Number(name);
    const parent = Number.isInteger(pid) ? Number(statOf(pid)[1]) : Number.NaN;
    if (Number.isNaN(parent)) continue;
    children.set(parent, [...(children.get(parent) ?? []), pid]);
  }
  const all = [...roots];
  for (const pid of all) all.push(...(children.get(pid) ?? []));
  return all;
};

/** Shared memory is counted once: PSS. Without the right to read that, RSS. */
const memoryKiB = (pid: number): number => {
  const shared = /^Pss:\s+(\d+)/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1];
  return Number(shared ?? /^VmRSS:\s+(\d+)/m.exec(read(`/proc/${pid}/status`))?.[1] ?? 0);
};

/** The most memory that the processes have had so far: RSS, MiB. */
export const peakMiB = (pids: readonly number[]): number => {
  const kib = pids.map((pid) => Number(/^VmHWM:\s+(\d+)/m.exec(read(`/proc/${pid}/status`))?.[1] ?? 0));
  return kib.reduce((sum, one) => sum + one, 0) / KIB;
};

/** Seconds of processor time of a tree, with those of children that have ended. */
const cpuOf = (roots: readonly number[]): number => {
  const ticks = treesOf(roots).flatMap((pid) => statOf(pid).slice(11, 15).map(Number));
  return ticks.reduce((sum, n) => sum + n, 0) / TICKS;
};

/** Seconds of processor time that the whole machine has spent working, on all cores. */
const machineCpu = (): number => {
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = read("/proc/stat")
    .split("\n")[0]!
    .trim()
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return (user + nice + system + irq + softirq) / TICKS;
};

/** `pids`: those that run now. */
export type Part = { readonly name: string; readonly pids: () => readonly number[] };
type Cost = { readonly name: string; readonly cpuPercent: number; readonly memoryMiB: number };
/** `others`: what the rest of the machine has used meanwhile, in % of a core. `load`: the load average of a minute. */
export type Costs = { readonly parts: readonly Cost[]; readonly others: number; readonly load: number };

/**
 * Begins to measure. The result: what each part has used since, in % of one core, and its memory now. Of a process that
 * has ended nothing is known.
 */
export const measureCosts = (parts: readonly Part[]): (() => Costs) => {
  const before = parts.map(({ pids }) => cpuOf(pids()));
  const [machineBefore, from] = [machineCpu(), performance.now()];
  return () => {
    const seconds = (performance.now() - from) / 1_000;
    const used = parts.map(({ pids }, n) => Math.max(0, cpuOf(pids()) - before[n]!));
    const machine = machineCpu() - machineBefore;
    const ours = used.reduce((sum, one) => sum + one, 0);
    return {
      parts: parts.map(({ name, pids }, n) => ({
        name,
        cpuPercent: (100 * used[n]!) / seconds,
        memoryMiB: treesOf(pids()).reduce((sum, pid) => sum + memoryKiB(pid), 0) / KIB,
      })),
      others: (100 * Math.max(0, machine - ours)) / seconds,
      load: loadavg()[0]!,
    };
  };
};

export const costText = ({ parts, others, load }: Costs): string =>
  [
    ...parts.map(
      ({ name, cpuPercent, memoryMiB }) => `${name} ${Math.round(cpuPercent)} % ${Math.round(memoryMiB)} MiB`,
    ),
    `others ${Math.round(others)} %`,
    `load ${load.toFixed(1)}`,
  ].join(", ");
