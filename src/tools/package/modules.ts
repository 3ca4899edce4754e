import { z } from "zod";
import { NAMES, type Architecture } from "./product.ts";

/** Which packages of npm go into a package for Debian, and which of their files. Pure. */

/** The lock file writes a list of one as a word. */
const Words = z.union([z.array(z.string()), z.string().transform((word) => [word])]);

const Locked = z.object({
  version: z.string().optional(),
  integrity: z.string().optional(),
  dependencies: z.record(z.string(), z.string()).optional(),
  optionalDependencies: z.record(z.string(), z.string()).optional(),
  cpu: Words.optional(),
  os: Words.optional(),
});

/** The part of package-lock.json that is used: packages by their folders. */
export const Lock = z.object({ packages: z.record(z.string(), Locked) });
export type Lock = z.infer<typeof Lock>;

/** Needed only to compile an addon, or for other platforms. Nothing loads them. */
const BUILD_ONLY: ReadonlySet<string> = new Set([
  "browser-serialport",
  "napi-macros",
  "node-addon-api",
  "node-gyp",
]);

/** The folder from which a package in `folder` loads `name`, as Node looks it up. */
const resolved = (lock: Lock, folder: string, name: string): string | undefined => {
  for (let from = folder; ;) {
    const found = from === "" ? `node_modules/${name}` : `${from}/node_modules/${name}`;
    if (lock.packages[found]) return found;
    if (from === "") return undefined;
    from = from.slice(0, Math.max(0, from.lastIndexOf("/node_modules/")));
  }
};

const runsOn = ({ cpu, os }: z.infer<typeof Locked>, architecture: Architecture): boolean =>
  (cpu?.includes(NAMES[architecture].npm) ?? true) && (os?.includes("linux") ?? true);

/**
 * The folders of `names` and of all that they load, sorted. Throws if one of `names` is not locked; a
 * dependency that is not is optional, and npm has left it out.
 */
export const closure = (lock: Lock, names: readonly string[], architecture: Architecture): string[] => {
  const found = new Set<string>();
  const add = (folder: string, name: string): void => {
    const at = resolved(lock, folder, name);
    const locked = at === undefined ? undefined : lock.packages[at];
    if (at === undefined || !locked) {
      if (folder === "") throw new Error(`${name} is not in package-lock.json`);
      return;
    }
    if (found.has(at) || BUILD_ONLY.has(name) || !runsOn(locked, architecture)) return;
    found.add(at);
    for (const next of Object.keys({ ...locked.dependencies, ...locked.optionalDependencies })) add(at, next);
  };
  for (const name of names) add("", name);
  return [...found].toSorted();
};

/** Folders at the top of a package that nothing loads. */
const NOT_LOADED = /^(?:benchmarks?|deps|docs?|eg|examples?|native|samples|tests?|vendor|node_modules)\//;
/** Programs for the developers of a package, and settings of their tools. */
const TOOL =
  /(?:^|\/)(?:\.[^/]*|cnoke\.cjs|trampolines\.cjs|tsconfig\.json|test[^/]*\.js)$|^(?:bin|build-test|optional|repl)\.js$/;
const SCRIPT = /\.(?:js|cjs|mjs|json)$/;

/** Of an addon: prebuilt for Linux with glibc. */
const isAddonFor = (path: string, architecture: Architecture): boolean =>
  !path.includes("musl") && new RegExp(`(?:^|/)linux[-_]${NAMES[architecture].npm}/`).test(path);

/** Whether a file is loaded at run time. `path`: in the folder of its package. */
export const isLoaded = (path: string, architecture: Architecture): boolean =>
  path.endsWith(".node")
    ? isAddonFor(path, architecture)
    : SCRIPT.test(path) && !NOT_LOADED.test(path) && !TOOL.test(path);
