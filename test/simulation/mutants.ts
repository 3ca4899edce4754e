import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hrtime } from "node:process";
import { copyTree } from "./tree.ts";

/**
 * Mutants: patches that each bring one defect back. Each is applied to a copy of the tree, never to the
 * tree itself, and the simulator there must find it within its budget, by one of the invariants that the
 * patch names (`Caught by: NAME, NAME` before its first hunk): what another one finds may be chance.
 */
const PATCHES = "test/simulation/mutants";
const BUDGET_MINUTES = 2;
const MINUTE_MS = 60_000;

export type MutantResult = {
  readonly name: string;
  readonly verdict: "caught" | "survived" | "does not apply";
  /** The invariant that it violated, or why the patch does not apply. */
  readonly by: string;
  /** The command that replays the violation in a tree with the patch; undefined: there is none. */
  readonly again?: string;
  readonly seconds: number;
};

export const mutantNames = (folder = PATCHES): string[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith(".patch"))
    .toSorted();

const pathOf = (name: string): string => join(process.cwd(), PATCHES, name);

/** Context is optional: `mutants.test.ts` checks that the lines of each hunk occur once in their file. */
const APPLY = ["apply", "--unidiff-zero", "--whitespace=nowarn"];

/** Applies a patch in a tree that is no repository. Throws with what `git` said. */
const apply = (tree: string, name: string): void => {
  const env = { ...process.env, GIT_CEILING_DIRECTORIES: tmpdir() };
  execFileSync("git", [...APPLY, pathOf(name)], { cwd: tree, env, stdio: "pipe" });
};

/** The invariants that a patch names. Throws if it names none. */
export const expectedOf = (name: string): readonly string[] => {
  const named = /^Caught by: (.+)$/m.exec(readFileSync(pathOf(name), "utf8"))?.[1];
  if (named === undefined) throw new Error(`${name} does not say which invariants catch it`);
  return named.split(",").map((one) => one.trim());
};

/** Why a patch does not apply to the tree as it is; undefined: it does. */
export const whyNot = (name: string): string | undefined => {
  try {
    execFileSync("git", [...APPLY, "--check", pathOf(name)], { stdio: "pipe" });
    return undefined;
  } catch (cause) {
    return cause instanceof Error ? cause.message : String(cause);
  }
};

/** What each hunk of a patch replaces: its file, and the old lines with their context. */
export const hunksOf = (name: string): readonly { readonly file: string; readonly old: string }[] => {
  const [, ...files] = readFileSync(pathOf(name), "utf8").split(/^--- a\//m);
  return files.flatMap((part) => {
    const [file = "", ...hunks] = part.split(/^(?:@@ .*)\n/m);
    return hunks.map((hunk) => {
      const old = hunk.split("\n").filter((line) => /^[ -]/.test(line));
      return { file: lineOf(file), old: old.map((line) => `${line.slice(1)}\n`).join("") };
    });
  });
};

const lineOf = (text: string): string => text.trim().split("\n")[0] ?? "";

type Found = {
  /** The invariant and what is wrong. */
  readonly violation: string;
  /** The command that replays it. */
  readonly again: string;
};

/** The violation that the simulator's output reports; undefined if it reports none. */
export const foundIn = (output: string): Found | undefined => {
  const violation = output.split("\n").find((line) => /^(?!seed )[a-z-]+: /.test(line));
  const again = /^ *again: (.+)$/m.exec(output)?.[1];
  return violation === undefined || again === undefined ? undefined : { violation, again };
};

/** Runs the simulator of a tree, for so long at most. Returns the first violation, undefined if there is none. */
const search = async (tree: string, ms: number): Promise<Found | undefined> => {
  const args = ["test/simulation/main.ts", "--minutes", String(ms / MINUTE_MS)];
  const child = spawn(process.execPath, args, {
    cwd: tree,
    stdio: ["ignore", "pipe", "pipe"],
    timeout: ms + MINUTE_MS,
  });
  let text = "";
  child.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (text += chunk.toString()));
  const [code] = await once(child, "exit");
  if (code === 0) return undefined;
  const found = foundIn(text);
  if (found === undefined) throw new Error(`the simulator failed: ${text.slice(-500)}`);
  return found;
};

const nowMs = (): number => Number(hrtime.bigint() / 1_000_000n);

/** Searches until an expected invariant is violated. What others find is remembered, and the search goes on. */
const searchFor = async (
  tree: string,
  expected: readonly string[],
  untilMs: number,
): Promise<{ by: Found | undefined; others: readonly string[] }> => {
  const others: string[] = [];
  for (let left = untilMs - nowMs(); left > 0; left = untilMs - nowMs()) {
    // oxlint-disable-next-line no-await-in-loop -- one run after another
    const found = await search(tree, left);
    if (found === undefined) break;
    if (expected.some((name) => found.violation.startsWith(`${name}:`))) return { by: found, others };
    others.push(`${found.violation} (${found.again})`);
  }
  return { by: undefined, others };
};

export const runMutant = async (name: string, minutes = BUDGET_MINUTES): Promise<MutantResult> => {
  const startedMs = nowMs();
  const seconds = () => (nowMs() - startedMs) / 1000;
  using tree = copyTree();
  try {
    apply(tree.path, name);
  } catch (cause) {
    const by = lineOf(cause instanceof Error ? cause.message : String(cause));
    return { name, verdict: "does not apply", by, seconds: seconds() };
  }
  const { by, others } = await searchFor(tree.path, expectedOf(name), startedMs + minutes * MINUTE_MS);
  if (by) return { name, verdict: "caught", by: by.violation, again: by.again, seconds: seconds() };
  const rest = others.length === 0 ? "" : `only ${others.map(lineOf).join("; ")}`;
  return { name, verdict: "survived", by: rest, seconds: seconds() };
};

/** Runs the mutants with `only` in their names and says one line for each. Returns whether every one was caught. */
export const runMutants = async (say: (line: string) => void, only = ""): Promise<boolean> => {
  const results: MutantResult[] = [];
  for (const name of mutantNames().filter((one) => one.includes(only))) {
    // oxlint-disable-next-line no-await-in-loop -- each has the machine for itself
    const result = await runMutant(name);
    results.push(result);
    const { verdict, by, again, seconds } = result;
    say(`${verdict.padEnd(14)} ${seconds.toFixed(1).padStart(6)} s  ${name.padEnd(40)} ${by}`);
    if (again !== undefined) say(`  again: git apply --unidiff-zero ${PATCHES}/${name} && ${again}`);
  }
  const caught = results.filter(({ verdict }) => verdict === "caught").length;
  say(`${caught} of ${results.length} mutants caught`);
  return caught === results.length;
};
