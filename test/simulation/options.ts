import { CommandError, EXIT, options } from "../../src/cli/lib/command.ts";

export const USAGE = `npm run simulate -- [--seed N] [--hours H] [--minutes M] [--trace] [--tight]
npm run simulate -- --mutants [--only TEXT]

Runs the unit in a simulated world and checks the invariants. A seed decides everything that happens.

  --seed N      runs this seed only; without it: new seeds until the minutes are over
  --hours H     simulated hours of faults for each seed, then 15 minutes without (default 1)
  --minutes M   minutes of wall time for new seeds (default 1)
  --trace       prints every fact and every line of the unit's log on stderr, as JSON lines
  --tight       in a copy of this tree whose tables, pages and quotas are small
  --mutants     searches for each patch of test/simulation/mutants, two minutes at most
  --only TEXT   only the mutants with this text in their names
  --help        prints this text

Exit: 0 no invariant was violated (--mutants: every mutant was caught), 1 one was (one was not), 64 wrong usage.
After a violation the last lines say how to replay it.

Examples:
  npm run -s simulate -- --minutes 30 --hours 2
  npm run -s simulate -- --seed 422429246 --trace
  npm run -s simulate -- --mutants --only 19
`;

export type Options =
  | { readonly what: "help" }
  | { readonly what: "mutants"; readonly only: string }
  | {
      readonly what: "seeds";
      /** Undefined: new ones. */
      readonly seed: number | undefined;
      readonly hours: number;
      readonly minutes: number;
      readonly trace: boolean;
    }
  /** The same, with these arguments, in a tree with tight limits. */
  | { readonly what: "tight"; readonly args: readonly string[] };

const numberOf = (text: string | undefined, name: string, fallback: number): number => {
  if (text === undefined) return fallback;
  const value = text === "" ? Number.NaN : Number(text);
  if (Number.isFinite(value) && value >= 0) return value;
  throw new CommandError(EXIT.usage, `--${name} ${text}: expected a number of 0 or more`);
};

const seedOf = (text: string | undefined): number | undefined => {
  if (text === undefined) return undefined;
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new CommandError(EXIT.usage, `--seed ${text}: expected a whole number of 0 or more`);
};

/** What the command line asks for. Throws a CommandError (64) if it is wrong. */
export const readOptions = (args: readonly string[]): Options => {
  const longNames = args.map((arg) => (arg === "-h" ? "--help" : arg));
  const given = options(longNames, {
    seed: { type: "string" },
    hours: { type: "string" },
    minutes: { type: "string" },
    trace: { type: "boolean" },
    tight: { type: "boolean" },
    mutants: { type: "boolean" },
    only: { type: "string" },
    help: { type: "boolean" },
  });
  if (given.help) return { what: "help" };
  if (given.only !== undefined && !given.mutants)
    throw new CommandError(EXIT.usage, "--only needs --mutants; --help lists the options");
  if (given.mutants && given.tight)
    throw new CommandError(EXIT.usage, "--tight and --mutants: choose one of the two");
  if (given.mutants) return { what: "mutants", only: given.only ?? "" };
  const seeds = {
    what: "seeds",
    seed: seedOf(given.seed),
    hours: numberOf(given.hours, "hours", 1),
    minutes: numberOf(given.minutes, "minutes", 1),
    trace: given.trace ?? false,
  } as const;
  return given.tight ? { what: "tight", args: longNames.filter((arg) => arg !== "--tight") } : seeds;
};
