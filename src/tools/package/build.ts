import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";
import { commands as carCommands } from "../../cli/products/car.ts";
import { commands as recorderCommands } from "../../cli/products/recorder.ts";
import type { Commands } from "../../cli/lib/command.ts";
import { VERSION } from "../../domain/version.ts";
import { bundle } from "../bundle.ts";
import { compiledComponents, librariesOf, npmComponent, type Component } from "./component.ts";
import { contentsOf } from "./contents.ts";
import type { Described } from "./manual.ts";
import { closure, isLoaded, Lock } from "./modules.ts";
import { NAMES, type Architecture, type Product } from "./product.ts";
import { pack, stage, type Compression, type Package } from "./stage.ts";
import { strip, treeFor, type Tree } from "./tree.ts";

/** Builds packages in the current folder, which is a checkout with `npm ci` and the pages built. */

/** The licence file that Vite writes beside a page. */
const LICENCES = "LICENCES.md";
/** johnny-five loads it for its Piezo, which we do not use. It names no licence, so it cannot be distributed. */
const UNLICENSED = "nanotimer";
const STAND_IN = "systemd/package/nanotimer.cjs";

/** Files below a folder, by their paths in it, sorted. */
const filesIn = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => relative(folder, join(parentPath, name)))
    .toSorted();

const commandsOf = (product: Product): Commands =>
  product.commands === "car" ? carCommands : recorderCommands;

const described = (commands: Commands): Promise<Described[]> =>
  Promise.all(
    Object.entries(commands).map(async ([name, load]) => {
      const { summary, usage } = await load();
      return { name, summary, usage };
    }),
  );

/** The packages of npm, by their folders, of which files are in a bundle. */
const bundledFolders = (inputs: readonly string[]): string[] => {
  const folders = inputs.flatMap((path) => {
    const match = /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path);
    return match ? [match[0]] : [];
  });
  return [...new Set(folders)].toSorted();
};

/** Temporary files of one build. They are removed when it is disposed. */
const openWorkspace = () => {
  const folder = mkdtempSync(join(tmpdir(), "patrol-unit-package-"));
  return { folder, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) };
};

/** Where each file of node_modules is, with addons stripped into `work`. */
const moduleFiles = (
  tree: Tree,
  folders: readonly string[],
  architecture: Architecture,
  work: string,
): Map<string, string> => {
  const files = new Map<string, string>();
  for (const folder of folders) {
    const name = relative("node_modules", folder);
    if (name === UNLICENSED) {
      files.set(`${name}/index.js`, STAND_IN);
      continue;
    }
    for (const file of filesIn(join(tree.modules, name)))
      if (isLoaded(file, architecture)) files.set(`${name}/${file}`, join(tree.modules, name, file));
  }
  for (const [path, from] of files) {
    if (!path.endsWith(".node")) continue;
    const stripped = join(work, path.replaceAll("/", "+"));
    strip(from, architecture, stripped);
    files.set(path, stripped);
  }
  if (folders.includes("node_modules/socketcan"))
    for (const [name, from] of Object.entries(tree.addons)) {
      strip(from, architecture, join(work, name));
      files.set(`socketcan/build/Release/${name}`, join(work, name));
    }
  return files;
};

type Sources = {
  readonly product: Product;
  readonly architecture: Architecture;
  readonly lock: Lock;
  readonly tree: Tree;
  /** Folders of what is in the bundle, and of what stays outside. */
  readonly bundled: readonly string[];
  readonly outside: readonly string[];
};

const componentsOf = ({ product, architecture, lock, tree, bundled, outside }: Sources): Component[] => {
  const inTree = (folder: string, where: string): Component =>
    npmComponent(
      join(tree.modules, relative("node_modules", folder)),
      where,
      lock.packages[folder]?.integrity,
    );
  const libraries = new Set(
    product.pages.flatMap((page) => librariesOf(readFileSync(`dist/web/${page}/${LICENCES}`, "utf8"))),
  );
  const licensed = outside.filter((folder) => folder !== `node_modules/${UNLICENSED}`);
  return [
    inTree(`node_modules/node-linux-${NAMES[architecture].npm}`, "runtime"),
    ...bundled.map((folder) => npmComponent(folder, "bundle", lock.packages[folder]?.integrity)),
    ...licensed.map((folder) => inTree(folder, "node_modules")),
    ...[...libraries]
      .toSorted()
      .map((name) =>
        npmComponent(`node_modules/${name}`, "pages", lock.packages[`node_modules/${name}`]?.integrity),
      ),
    ...compiledComponents([...outside, ...(product.commands === "car" ? ["board image"] : [])]),
  ];
};

/** The commit's time, seconds since 1970: of SOURCE_DATE_EPOCH, else of git. Throws if neither knows it. */
export const commitTime = (env: NodeJS.ProcessEnv): number => {
  const given = env["SOURCE_DATE_EPOCH"];
  const time = Number(
    given ?? execFileSync("git", ["log", "-1", "--format=%ct"], { encoding: "utf8" }).trim(),
  );
  if (Number.isSafeInteger(time) && time > 0) return time;
  throw new Error(`SOURCE_DATE_EPOCH ${given}: expected seconds since 1970`);
};

/** A package with all its files named. `work`: a folder for what is made on the way. */
const preparePackage = async (
  product: Product,
  architecture: Architecture,
  at: number,
  work: string,
): Promise<Package> => {
  const lock = Lock.parse(JSON.parse(readFileSync("package-lock.json", "utf8")));
  const tree = treeFor(architecture);
  const built = join(work, "bundle");
  const { inputs } = await bundle(join(built, "unit.mjs"), product.commands);
  const outside = closure(lock, product.external, architecture);
  const bundled = bundledFolders(Object.keys(inputs)).map((folder) => relative("", resolve(folder)));
  const entries = contentsOf(product, {
    version: VERSION,
    architecture,
    at,
    bundle: filesIn(built).map((name) => join(built, name)),
    door: readFileSync("src/tools/door.mjs", "utf8").replace(/^#!.*\n/, ""),
    node: tree.node,
    modules: moduleFiles(tree, outside, architecture, work),
    pages: filesIn("dist/web").filter((path) => !path.endsWith(`/${LICENCES}`)),
    commands: await described(commandsOf(product)),
    components: componentsOf({ product, architecture, lock, tree, bundled, outside }),
  });
  return { product, version: VERSION, architecture, at, entries };
};

export type PackageOptions = {
  readonly product: Product;
  readonly architecture: Architecture;
  readonly compression: Compression;
  /** The folder for the package. */
  readonly out: string;
  /** Seconds since 1970. */
  readonly at: number;
};

/** Builds one package. Returns its file, `NAME_VERSION_ARCHITECTURE.deb`. */
export const buildPackage = async (options: PackageOptions): Promise<string> => {
  const { product, architecture, compression, out, at } = options;
  using work = openWorkspace();
  const prepared = await preparePackage(product, architecture, at, work.folder);
  const root = join(work.folder, "root");
  stage(root, prepared);
  mkdirSync(out, { recursive: true });
  const file = join(out, `${product.name}_${VERSION}_${architecture}.deb`);
  pack(root, file, at, compression);
  return file;
};
