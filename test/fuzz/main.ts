import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { EXIT } from "../../src/cli/lib/command.ts";
import { createDice } from "../simulation/random.ts";
import { V8Coverage } from "./coverage.ts";
import { Fuzz } from "./fuzz.ts";
import { SURFACES, type Surface } from "./surfaces.ts";

const names = Object.keys(SURFACES);
const USAGE = `npm run fuzz -- SURFACE|all MINUTES [--seed N] [--keep]

Changes inputs of one surface, guided by what of our code they reach, and stops at the first one that something is wrong
with. all: the minutes are shared.

Surfaces: ${names.join(", ")}

  --seed N   the same changes again (default: another one each time)
  --keep     writes the inputs that reach something new to test/fuzz/corpus/

Exit: 0 nothing was found, 1 something was: its input is printed as base64, 64 wrong usage.
`;

const MINUTE_MS = 60_000;
/** Inputs of a surface that are kept, the smallest of those that reach something new. */
const KEPT = 500;

const corpusFile = (name: string): string => fileURLToPath(new URL(`corpus/${name}.txt`, import.meta.url));

/** The kept inputs of a surface: a line of base64 each. */
const kept = (name: string): Buffer[] =>
  existsSync(corpusFile(name))
    ? readFileSync(corpusFile(name), "utf8")
        .split("\n")
        .filter(Boolean)
        .map((line) => Buffer.from(line, "base64"))
    : [];

const keep = (name: string, corpus: readonly Buffer[]): void => {
  const lines = corpus
    .toSorted((one, other) => one.length - other.length || Buffer.compare(one, other))
    .slice(0, KEPT)
    .map((input) => input.toString("base64"));
  writeFileSync(corpusFile(name), `${lines.join("\n")}\n`);
};

/** Returns whether nothing was found. */
const fuzz = async (
  name: string,
  surface: Surface,
  ms: number,
  seed: number,
  keeps: boolean,
): Promise<boolean> => {
  const v8 = await V8Coverage.open();
  const opened = await surface.open();
  const { run, coverage } = typeof opened === "function" ? { run: opened, coverage: v8 } : opened;
  const one = new Fuzz(run, coverage, createDice(seed).stream(name), surface.words);
  await one.seed([...surface.seeds, ...kept(name)]);
  const before = coverage.size;
  if (!one.found) await one.search(ms);
  const says = `${one.runs} inputs, ${one.corpus.length} kept, ${before} ${surface.counts ?? "characters of code"} from the corpus, ${coverage.size} in all`;
  process.stdout.write(`${name.padEnd(10)}${says}, seed ${seed}\n`);
  if (keeps && !one.found) keep(name, one.corpus);
  if (!one.found) return true;
  const { input, cause } = one.found;
  process.stdout.write(
    `${name}: ${cause instanceof Error ? cause.stack : String(cause)}\n${input.toString("base64")}\n`,
  );
  return false;
};

const main = async (): Promise<number> => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { seed: { type: "string" }, keep: { type: "boolean" }, help: { type: "boolean" } },
  });
  const [name = "", minutes = ""] = positionals;
  const chosen = Object.entries(SURFACES).filter(([one]) => name === "all" || name === one);
  const ms = (Number(minutes) * MINUTE_MS) / chosen.length;
  const seed = values.seed === undefined ? Date.now() % 1_000_000_000 : Number(values.seed);
  if (values.help || chosen.length === 0 || !(ms > 0) || !Number.isInteger(seed)) {
    process.stderr.write(USAGE);
    return values.help ? EXIT.ok : EXIT.usage;
  }
  let isClean = true;
  for (const [one, surface] of chosen) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    isClean = (await fuzz(one, surface, ms, seed, values.keep ?? false)) && isClean;
  }
  return isClean ? EXIT.ok : EXIT.failed;
};

// A server keeps the process alive.
process.exit(await main());
