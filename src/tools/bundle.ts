import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { build, type Metafile, type Plugin } from "esbuild";
import { z } from "zod";

const Manifest = z.object({ name: z.string(), version: z.string() });

/**
 * Leaves out what the MQTT client imports but a car never uses: WebSockets, SOCKS, and timers in a
 * browser's worker. `readable-stream` is a copy of Node's own stream module, which is loaded already.
 * Measured: this saves 60 ms of start and 20 MiB resident.
 */
const leftOut: Plugin = {
  name: "left-out",
  setup(bundle) {
    bundle.onResolve({ filter: /^(ws|socks|worker-timers)$/ }, ({ path }) => ({
      path,
      namespace: "left-out",
    }));
    bundle.onLoad({ filter: /.*/, namespace: "left-out" }, () => ({ contents: "module.exports = {};" }));
    bundle.onResolve({ filter: /^readable-stream$/ }, () => ({ path: "node:stream", external: true }));
  },
};

/** Only the name and the version of a package are used. The rest of ours would name everything of the development. */
const manifests: Plugin = {
  name: "manifests",
  setup(bundling) {
    bundling.onLoad({ filter: /\/package\.json$/ }, ({ path }) => {
      const { name, version } = Manifest.parse(JSON.parse(readFileSync(path, "utf8")));
      return { contents: JSON.stringify({ name, version }), loader: "json" };
    });
  },
};

/** The commands of `src/main.ts`: all of them, or those of one package (`src/cli/products`). */
export type Commands = "all" | "car" | "recorder";

/** Native addons, and what only a board with foreign firmware needs. They stay in node_modules. */
const EXTERNAL = [
  "classic-level",
  "@serialport/bindings-cpp",
  "@lydell/node-pty",
  "johnny-five",
  "firmata-io",
  "koffi",
  "socketcan",
] as const;

/** Takes the commands of one package instead of all: what they do not reach is not in the bundle. */
const only = (commands: Commands): Plugin => ({
  name: "commands",
  setup(bundle) {
    bundle.onResolve({ filter: /\/products\/all\.ts$/ }, () => ({
      path: resolve(`src/cli/products/${commands}.ts`),
    }));
  },
});

/**
 * Builds `src/main.ts` as one file, loaded by `door.mjs`, which older Nodes can read. It has everything but
 * the native addons, because the platform decides which of them are installed. Returns what went into it.
 */
export const bundle = async (outfile: string, commands: Commands): Promise<Metafile> => {
  const { metafile } = await build({
    entryPoints: ["src/main.ts"],
    outfile,
    bundle: true,
    metafile: true,
    platform: "node",
    target: "node24",
    // Node 24 has it. Esbuild's own form of it keeps, in a loop, the error of an earlier turn.
    supported: { using: true },
    format: "esm",
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: "linked",
    plugins: [leftOut, manifests, only(commands)],
    external: [...EXTERNAL],
    // Bundled CommonJS uses `require`, which a module does not have. The flags keep V8's young generation and
    // its compiler small (DECISIONS 9); the service file sets what only a start can.
    banner: {
      js: [
        'import { createRequire as __createRequire } from "node:module";',
        "const require = __createRequire(import.meta.url);",
        'import { setFlagsFromString as __setFlags } from "node:v8";',
        '__setFlags("--semi-space-growth-factor=1");',
        '__setFlags("--no-concurrent-recompilation");',
      ].join(" "),
    },
  });
  return metafile;
};
