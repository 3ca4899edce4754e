import { randomInt } from "node:crypto";
import { hrtime } from "node:process";
import { CommandError } from "../../src/cli/lib/command.ts";
import { forbidRealTime } from "./guard.ts";
import { describeViolation } from "./invariants.ts";
import { runMutants } from "./mutants.ts";
import { readOptions, USAGE, type Options } from "./options.ts";
import { HOUR_MS, type Outcome } from "./simulate.ts";
import { simulateSubject } from "./subject.ts";
import { runTight } from "./tight.ts";

/** `npm run simulate`: see USAGE. */
const SEEDS = 1_000_000_000;
const MINUTE_MS = 60_000;

const wallMs = (): number => Number(hrtime.bigint() / 1_000_000n);

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

const run = async (options: Options): Promise<boolean> => {
  if (options.what === "help") {
    process.stdout.write(USAGE);
    return true;
  }
  if (options.what === "mutants") return runMutants(say, options.only);
  if (options.what === "tight") return runTight(say, options.args);
  const { seed, hours, minutes, trace } = options;
  const untilMs = wallMs() + minutes * MINUTE_MS;
  return runSeeds(seed === undefined ? newSeeds() : [seed], { hours, untilMs, trace });
};

// The reader of the output has gone, for example `head`.
process.stdout.on("error", () => process.exit(1));
try {
  process.exitCode = (await run(readOptions(process.argv.slice(2)))) ? 0 : 1;
} catch (cause) {
  if (!(cause instanceof CommandError)) throw cause;
  process.stderr.write(`${cause.message}\n${USAGE.split("\n").slice(0, 2).join("\n")}\n`);
  process.exitCode = cause.exit;
}
