import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hrtime } from "node:process";

/**
 * Mutants: patches that each bring one defect back. Each is applied to a copy of the tree, never to the
 * tree itself, and the simulator there must find it within its budget.
 */
const PATCHES = "test/simulation/mutants";
/** What the simulator needs of the tree. */
const NEEDED = ["src", "test", "firmware-bridge", "config", "package.json"];
const BUDGET_MINUTES = 2;
/** The budget, and the last seed that was begun within it. */
const PATIENCE_MS = BUDGET_MINUTES * 60_000 + 60_000;

export type MutantResult = {
  readonly name: string;
  readonly verdict: "caught" | "survived" | "does not apply";
  /** The invariant that it violated, or why the patch does not apply. */
  readonly by: string;
  readonly seconds: number;
};

export const mutantNames = (folder = PATCHES): string[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith(".patch"))
    .toSorted();

const copyTree = (): string => {
  const tree = mkdtempSync(join(tmpdir(), "patrol-mutant-"));
  for (const part of NEEDED) cpSync(part, join(tree, part), { recursive: true });
  symlinkSync(join(process.cwd(), "node_modules"), join(tree, "node_modules"));
  return tree;
};

/** Applies a patch in a tree that is no repository. Throws with what `git` said. */
const apply = (tree: string, patch: string): void => {
  const env = { ...process.env, GIT_CEILING_DIRECTORIES: tmpdir() };
  execFileSync("git", ["apply", "--whitespace=nowarn", patch], { cwd: tree, env, stdio: "pipe" });
};

const lineOf = (text: string): string => text.trim().split("\n")[0] ?? "";

/** Runs the simulator of a tree. Returns the violated invariant, undefined if there is none. */
const search = async (tree: string, minutes: number): Promise<string | undefined> => {
  const args = ["test/simulation/main.ts", "--minutes", String(minutes)];
  const child = spawn(process.execPath, args, {
    cwd: tree,
    stdio: ["ignore", "pipe", "pipe"],
    timeout: PATIENCE_MS,
  });
  let text = "";
  child.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (text += chunk.toString()));
  const [code] = await once(child, "exit");
  if (code === 0) return undefined;
  const found = text.split("\n").find((line) => /^[a-z-]+: /.test(line));
  if (found === undefined) throw new Error(`the simulator failed: ${text.slice(-500)}`);
  return found;
};

export const runMutant = async (name: string, minutes = BUDGET_MINUTES): Promise<MutantResult> => {
  const startedAt = hrtime.bigint();
  const seconds = () => Number((hrtime.bigint() - startedAt) / 1_000_000n) / 1000;
  const tree = copyTree();
  try {
    try {
      apply(tree, join(process.cwd(), PATCHES, name));
    } catch (cause) {
      const by = lineOf(cause instanceof Error ? cause.message : String(cause));
      return { name, verdict: "does not apply", by, seconds: seconds() };
    }
    const by = await search(tree, minutes);
    return { name, verdict: by === undefined ? "survived" : "caught", by: by ?? "", seconds: seconds() };
  } finally {
    rmSync(tree, { recursive: true, force: true });
  }
};

/** Runs all mutants and says one line for each. Returns whether every one was caught. */
export const runMutants = async (say: (line: string) => void): Promise<boolean> => {
  const results: MutantResult[] = [];
  for (const name of mutantNames()) {
    const result = await runMutant(name);
    results.push(result);
    const { verdict, by, seconds } = result;
    say(`${verdict.padEnd(14)} ${seconds.toFixed(1).padStart(6)} s  ${name.padEnd(40)} ${by}`);
  }
  const caught = results.filter(({ verdict }) => verdict === "caught").length;
  say(`${caught} of ${results.length} mutants caught`);
  return caught === results.length;
};
