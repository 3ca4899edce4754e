import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { build, type Plugin } from "vite";
import { built } from "./pages-texts.ts";

/**
 * Builds the pages of `src/web/` into `dist/web/`. A page and what it loads lie in one folder and refer to each
 * other by relative addresses, so that a server may mount the folder anywhere. Scripts and styles are files:
 * the servers' Content-Security-Policy allows nothing inline.
 */

/** The largest size of a page in bytes, all its files gzipped. Undefined: only printed. */
const PAGES: Readonly<Record<string, number | undefined>> = {
  // It must open over a poor mobile link, on a technician's phone.
  status: 70_000,
  console: undefined,
  demo: undefined,
};

/**
 * Leaves out of uPlot what is attached to it and not used here: bars, splines, steps, joins, its own formats of
 * dates. This saves 2.8 kB gzipped. If another release is written differently, the page is only larger.
 */
const leanPlot: Plugin = {
  name: "lean-plot",
  transform: (code, id) =>
    id.endsWith("/uPlot.esm.js")
      ? code.replaceAll(
          /^\s*(?:\(paths\.(?:stepped|bars|spline)|uPlot\.(?:join|fmtDate|tzDate|addGap|clipGaps|orient|rangeLog|rangeAsinh|assign|sync)\b)[^\n]*;$/gm,
          "",
        )
      : undefined,
};

const LICENCES = "LICENCES.md";

// Vite and the libraries follow this variable, which a test or a shell may have set: the same source must give the same page.
process.env["NODE_ENV"] = "production";

const buildPage = (name: string): Promise<unknown> =>
  build({
    root: resolve("src/web", name),
    configFile: false,
    base: "./",
    publicDir: false,
    logLevel: "warn",
    plugins: [built, leanPlot],
    oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
    build: {
      outDir: resolve("dist/web", name),
      emptyOutDir: true,
      target: "es2022",
      // No `data:` addresses and no inline script: the policy refuses both.
      assetsInlineLimit: 0,
      // Beside the page, as `unit.mjs.LEGAL.txt` is beside the bundle. The page does not load it.
      license: { fileName: LICENCES },
      modulePreload: { polyfill: false },
    },
  });

/** The size of each file that a page loads, gzipped, by its path. */
const sizes = (folder: string): readonly (readonly [path: string, bytes: number])[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== LICENCES)
    .map(({ parentPath, name }) => join(parentPath, name))
    .map((path) => [path, gzipSync(readFileSync(path), { level: 9 }).length]);

for (const [name, limit] of Object.entries(PAGES)) {
  // oxlint-disable-next-line no-await-in-loop -- each build uses all cores
  await buildPage(name);
  const total = sizes(join("dist/web", name)).reduce((sum, [, bytes]) => sum + bytes, 0);
  const allowed = limit === undefined ? "" : ` of ${limit} bytes allowed`;
  process.stdout.write(`dist/web/${name}: ${total} bytes gzipped${allowed}\n`);
  if (limit !== undefined && total > limit) {
    process.stderr.write(
      `dist/web/${name} is too large: remove something, or change the limit with a reason\n`,
    );
    process.exitCode = 1;
  }
}
