import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { copyTree } from "./tree.ts";

/**
 * Tight limits: the simulator in a tree whose tables, pages and quotas are so small that an hour fills each of them many
 * times. What happens at a limit happens in the field after days.
 */
export type Limit = { readonly file: string; readonly name: string; readonly value: number };

const limits = (file: string, values: Readonly<Record<string, number>>): Limit[] =>
  Object.entries(values).map(([name, value]) => ({ file, name, value }));

/** Not the runs that a ledger or a declaration may have: with fewer of them numbers are declared that are there. */
export const LIMITS: readonly Limit[] = [
  ...limits("src/domain/report.ts", { KEPT_MAX: 20 }),
  ...limits("src/outbox/ledger.ts", { SPARSE_MAX: 8 }),
  ...limits("src/outbox/loop.ts", { HELD_MAX: 100, HELD_EVENTS_MAX: 40 }),
  ...limits("src/outbox/queue.ts", { RECENT_MAX: 2_048 }),
  ...limits("src/outbox/receipts.ts", { SENT_RUNS: 32, SETTLEABLE_RUNS: 32, PAGE: 64 }),
  ...limits("src/outbox/recovery.ts", { JOIN_MAX: 20 }),
  ...limits("src/outbox/retention.ts", {
    LEAST_BYTES: 60_000,
    PAGE: 20,
    YOUNG_MS: 120_000,
    EVENTS_MAX: 80,
    EMERGENCIES_MAX: 40,
    AMONG_MAX: 60,
  }),
  ...limits("src/outbox/store-access.ts", { GHOSTS: 20 }),
  // Of the quota of a simulated car, 8 MiB are 88 KiB.
  ...limits("src/unit/core.ts", { MIB: 11 * 1024 }),
];

/** The text with another value of a constant. Throws if the constant is not in it once. */
export const withLimit = (text: string, { file, name, value }: Limit): string => {
  const [found, ...more] = text.matchAll(new RegExp(`^((?:export )?const ${name} = )[^;]+;`, "gm"));
  if (!found || more.length > 0) throw new Error(`${file}: the constant ${name} is not there once`);
  return text.replace(found[0], `${found[1]}${value};`);
};

/** Runs `npm run simulate` with these arguments in such a tree. Returns whether no invariant was violated. */
export const runTight = async (say: (line: string) => void, args: readonly string[]): Promise<boolean> => {
  using tree = copyTree();
  for (const limit of LIMITS) {
    const file = join(tree.path, limit.file);
    writeFileSync(file, withLimit(readFileSync(file, "utf8"), limit));
  }
  const child = spawn(process.execPath, ["test/simulation/main.ts", ...args], {
    cwd: tree.path,
    stdio: "inherit",
  });
  const [code] = await once(child, "exit");
  if (code !== 0) say("  with tight limits: add --tight to the command");
  return code === 0;
};
