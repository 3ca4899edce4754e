import { randomInt } from "node:crypto";
import { hrtime } from "node:process";
import { parseArgs } from "node:util";
import { forbidRealTime } from "./guard.ts";
import { describeViolation } from "./invariants.ts";
import { runMutants } from "./mutants.ts";
import { HOUR_MS, type Outcome } from "./simulate.ts";
import { simulateSubject } from "./subject.ts";

/**
 * `npm run simulate -- [--seed N] [--hours H] [--minutes M] [--trace] [--mutants [--only NAME]]`
 *
 * Runs new seeds for M minutes of wall time (default 1), H simulated hours each (default 1), or one
 * seed. Exit 0: no invariant was violated. 1: one was; the last line is the command that replays it.
 */
const SEEDS = 1_000_000_000;
const DEFAULT = { hours: "1", minutes: "1" };

const wallMs = (): number => Number(hrtime.bigint() / 1_000_000n);

const number = (text: string, what: string): number => {
  const value = Number(text);
  if (!Number.isFinite(value) || value < 0) throw new RangeError(`--${what} ${text}: expected a number`);
  return value;
};

const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** What an exception that nobody caught does: it ends the run, with the command that replays it. */
const replayOf = (seed: number, hours: number): string =>
  `npm run simulate -- --seed ${seed} --hours ${hours}`;

const runSeed = async (seed: number, hours: number, trace: boolean): Promise<Outcome> => {
  const escaped = (cause: unknown): void => {
    const detail = cause instanceof Error ? cause.stack : String(cause);
    process.stderr.write(`no-exception: ${detail}\n  again: ${replayOf(seed, hours)}\n`);
    process.exit(1);
  };
  process.on("uncaughtException", escaped);
  process.on("unhandledRejection", escaped);
  using _guard = forbidRealTime();
  try {
    return await simulateSubject({ seed, hours, trace });
  } finally {
    process.off("uncaughtException", escaped);
    process.off("unhandledRejection", escaped);
  }
};

type Runs = { readonly hours: number; readonly untilMs: number; readonly trace: boolean };

const runSeeds = async (seeds: Iterable<number>, { hours, untilMs, trace }: Runs): Promise<boolean> => {
  const totals = new Map<string, number>();
  let simulatedMs = 0;
  let runs = 0;
  for (const seed of seeds) {
    const startedMs = wallMs();
    const outcome = await runSeed(seed, hours, trace);
    for (const line of outcome.trace) process.stderr.write(`${line}\n`);
    runs++;
    simulatedMs += outcome.simulatedMs;
    for (const [kind, count] of outcome.counts) totals.set(kind, (totals.get(kind) ?? 0) + count);
    const faults = [...outcome.counts.values()].reduce((sum, count) => sum + count, 0);
    const took = ((wallMs() - startedMs) / 1000).toFixed(1);
    const hoursRun = (outcome.simulatedMs / HOUR_MS).toFixed(2);
    say(`seed ${seed}: ${hoursRun} h, ${faults} faults, ${took} s, ${outcome.digest.slice(0, 12)}`);
    if (outcome.violation) {
      say(describeViolation(outcome.violation, replayOf(seed, hours)));
      const again = await runSeed(seed, hours, false);
      if (again.digest !== outcome.digest) say("not deterministic: a second run of this seed differs");
      return false;
    }
    if (wallMs() >= untilMs) break;
  }
  say(`${runs} seeds, ${(simulatedMs / HOUR_MS).toFixed(1)} simulated hours, no invariant violated`);
  const kinds = [...totals].sort(([, a], [, b]) => b - a).map(([kind, count]) => `${count} ${kind}`);
  say(`injected: ${kinds.join(", ")}`);
  return true;
};

function* newSeeds(): Generator<number> {
  for (;;) yield randomInt(SEEDS);
}

const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    hours: { type: "string", default: DEFAULT.hours },
    minutes: { type: "string", default: DEFAULT.minutes },
    trace: { type: "boolean", default: false },
    mutants: { type: "boolean", default: false },
    only: { type: "string", default: "" },
  },
});
const hours = number(values.hours, "hours");
const untilMs = wallMs() + number(values.minutes, "minutes") * 60_000;
const seeds = values.seed === undefined ? newSeeds() : [number(values.seed, "seed")];
const sound = values.mutants
  ? await runMutants(say, values.only)
  : await runSeeds(seeds, { hours, untilMs, trace: values.trace });
process.exitCode = sound ? 0 : 1;
