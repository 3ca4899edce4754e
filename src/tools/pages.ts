import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { build, type Plugin } from "vite";
import { pack } from "../web/viewer/packed.ts";
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

/** Functions of uPlot for what no chart here has; each is replaced by an empty one. */
const UNUSED_IN_PLOT = Object.values({
  "times as text: the charts write their own":
    "fmtDate tzDate timeAxisStamps timeAxisVals timeAxisVal timeSeriesStamp timeSeriesVal",
  "logarithmic scales":
    "rangeLog rangeAsinh logAxisSplits asinhAxisSplits log10AxisValsFilt log2AxisValsFilt snapLogY snapAsinhY",
  legends: "legendFill legendStroke initLegendRow setLegend syncLegend setLegendValues numSeriesVal",
  "bands, points, other forms of lines":
    "clipBandLine setBand addBand delBand points seriesPointsShow stepped bars splineInterp _monotoneCubic findColWidth join",
  "selecting a range, changing the series":
    "mouseDown mouseUp dblClick setSelect toggleDOM setFocus setSeries addSeries delSeries",
}).flatMap((names) => names.split(" "));

/**
 * Leaves out of uPlot what is not used here. This saves some 6 kB gzipped. If another release is written
 * differently, the page is only larger.
 */
const leanPlot: Plugin = {
  name: "lean-plot",
  transform(code, id) {
    if (!id.endsWith("/uPlot.esm.js")) return undefined;
    const detached = code.replaceAll(
      /^\s*(?:\(paths\.(?:stepped|bars|spline)|uPlot\.(?:join|fmtDate|tzDate|addGap|clipGaps|orient|rangeLog|rangeAsinh|assign|sync)\b)[^\n]*;$/gm,
      "",
    );
    return UNUSED_IN_PLOT.reduce(
      // Its end is the first line that closes a block at the function's own indentation.
      (left, name) =>
        left.replace(
          new RegExp(String.raw`^(\t*)function ${name}\([^\n]*\{\n[^]*?\n\1\}$`, "m"),
          `$1function ${name}() {}`,
        ),
      detached,
    );
  },
};

/** Packs the texts in Cyrillic. The alphabet itself is written in `src/web/viewer/packed.ts` and `domain/faults/latin.ts`. */
const packedTexts: Plugin = {
  name: "packed-texts",
  transform: (code, id) => (id.endsWith("/serbian.ts") ? pack(code) : undefined),
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
    plugins: [built, leanPlot, packedTexts],
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
