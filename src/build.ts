import { build } from "esbuild";

/**
 * One file for the car: everything but the native addons, which stay in node_modules because
 * they are chosen by platform when they are installed.
 */
await build({
  entryPoints: ["src/main.ts"],
  outfile: "dist/patrol-unit.mjs",
  bundle: true,
  platform: "node",
  target: "node24",
  format: "esm",
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: "linked",
  external: ["classic-level", "@serialport/bindings-cpp", "@lydell/node-pty"],
  // Bundled CommonJS asks for `require`, which a module does not have.
  banner: {
    js: 'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);',
  },
});
