import { spawnSync } from "node:child_process";
import { readdirSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";

/**
 * `npm run demo`: builds the pages if one is missing or older than what it is made of, then shows the demo. If they
 * cannot be built, the demo says so itself; `--terminal` needs none.
 */

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const PAGES = ["demo", "status", "console"];
/** What the pages are made of. */
const SOURCES = [
  "src/web",
  "src/domain",
  "src/tools/pages.ts",
  "src/tools/pages-texts.ts",
  "package-lock.json",
];
const WITHOUT_PAGES = new Set(["--terminal", "--json", "--help", "-h"]);

/** When a file, or a file of a folder, was changed last; 0: it is not there. */
const changedAt = (path: string): number => {
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found?.isDirectory()) return found?.mtimeMs ?? 0;
  return Math.max(0, ...readdirSync(path).map((name) => changedAt(`${path}/${name}`)));
};

const areStale = (): boolean => {
  const built = Math.min(...PAGES.map((page) => changedAt(`${ROOT}/dist/web/${page}/index.html`)));
  return SOURCES.some((source) => changedAt(`${ROOT}/${source}`) > built);
};

const build = (): void => {
  process.stderr.write("building the pages, once: some seconds\n");
  const tool = fileURLToPath(new URL("pages.ts", import.meta.url));
  const { status, stderr } = spawnSync(process.execPath, [tool], {
    cwd: ROOT,
    stdio: ["ignore", "ignore", "pipe"],
    encoding: "utf8",
  });
  if (status !== 0) process.stderr.write(`${stderr.trim().split("\n").at(-1) ?? ""}\n`);
};

const args = process.argv.slice(2);
if (!args.some((arg) => WITHOUT_PAGES.has(arg)) && areStale()) build();
const main = new URL("../main.ts", import.meta.url);
// As if it had been started by its own name: it starts the car by that name too.
process.argv.splice(1, process.argv.length, fileURLToPath(main), "demo", ...args);
await import(main.href);
