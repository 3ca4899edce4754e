import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { NAMES, type Architecture } from "./product.ts";

/** What the lock file installs on a car of an architecture, and what is compiled for it. */

/** Paths in a folder: its `node_modules`, the stripped Node, and addons by their file names. */
export type Tree = {
  readonly modules: string;
  readonly node: string;
  readonly addons: Readonly<Record<"can.node" | "can_signals.node", string>>;
};

const KEPT = "node_modules/.package";

/** npm of the machine, on the pinned Node: an older one leaves out optional packages. */
const npmCi = (folder: string, architecture: Architecture): void => {
  for (const file of ["package.json", "package-lock.json"]) copyFileSync(file, join(folder, file));
  copyFileSync(".npmrc", join(folder, ".npmrc"));
  execFileSync(
    "npm",
    [
      "ci",
      "--omit=dev",
      "--ignore-scripts",
      "--os=linux",
      `--cpu=${NAMES[architecture].npm}`,
      "--libc=glibc",
    ],
    {
      cwd: folder,
      stdio: ["ignore", "ignore", "inherit"],
      env: { ...process.env, PATH: `${resolve("node_modules/.bin")}:${process.env["PATH"]}` },
    },
  );
};

/** socketcan is compiled where npm installs it: here with the cross compiler, without node-gyp. */
const compile = (folder: string, source: string, into: string, architecture: Architecture): void => {
  const { npm, gnu } = NAMES[architecture];
  const library = join(folder, "node_modules/socketcan");
  execFileSync(`${gnu}-g++`, [
    "-std=c++20",
    "-O2",
    "-fPIC",
    "-shared",
    "-fstack-protector-strong",
    "-D_FORTIFY_SOURCE=2",
    "-Wl,-z,relro,-z,now",
    "-DNAPI_DISABLE_CPP_EXCEPTIONS",
    // No path of this machine is in the addon.
    `-ffile-prefix-map=${folder}=.`,
    `-I${join(folder, `node_modules/node-linux-${npm}/include/node`)}`,
    `-I${join(library, "node_modules/node-addon-api")}`,
    "-o",
    into,
    join(library, "native", source),
  ]);
};

/** Leaves only what is needed to run. Debian packages have stripped files (policy 10.1). */
export const strip = (file: string, architecture: Architecture, into = file): void =>
  void execFileSync(`${NAMES[architecture].gnu}-strip`, ["--strip-unneeded", "-o", into, file]);

const build = (folder: string, architecture: Architecture): void => {
  npmCi(folder, architecture);
  compile(folder, "can.cc", join(folder, "can.node"), architecture);
  compile(folder, "signals.cc", join(folder, "can_signals.node"), architecture);
  const runtime = `node_modules/node-linux-${NAMES[architecture].npm}/bin/node`;
  strip(join(folder, runtime), architecture, join(folder, "node"));
};

/**
 * The tree for an architecture. It is kept in node_modules until the lock file changes; the first time it
 * takes the packages of npm from the network, checked by the lock file.
 */
export const treeFor = (architecture: Architecture): Tree => {
  const lock = createHash("sha256")
    .update(readFileSync("package-lock.json"))
    .update(readFileSync(import.meta.filename))
    .digest("hex");
  const kept = resolve(KEPT, `${architecture}-${lock.slice(0, 16)}`);
  if (!existsSync(kept)) {
    mkdirSync(KEPT, { recursive: true });
    const fresh = mkdtempSync(resolve(KEPT, "new-"));
    try {
      build(fresh, architecture);
      renameSync(fresh, kept);
    } catch (cause) {
      rmSync(fresh, { recursive: true, force: true });
      throw cause;
    }
  }
  return {
    modules: join(kept, "node_modules"),
    node: join(kept, "node"),
    addons: { "can.node": join(kept, "can.node"), "can_signals.node": join(kept, "can_signals.node") },
  };
};
