import { chmodSync, lutimesSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { execFileSync } from "node:child_process";
import { controlText, installedSize, md5sums, type Staged } from "./control.ts";
import { foldersOf, inOrder, type Entry } from "./entry.ts";
import type { Architecture, Product } from "./product.ts";

/** Writes a package: every name, mode, time and byte is set here, none by the machine. */

/** Writes a file with exactly this mode, whatever the umask. */
const write = (path: string, bytes: string | Uint8Array, mode: number): void => {
  writeFileSync(path, bytes);
  chmodSync(path, mode);
};

const writeEntry = (root: string, entry: Entry): Staged => {
  const path = join(root, entry.path);
  if (entry.kind === "link") {
    symlinkSync(entry.to, path);
    return { path: entry.path, bytes: undefined };
  }
  const bytes = entry.kind === "copy" ? readFileSync(entry.from) : Buffer.from(entry.bytes);
  write(path, bytes, entry.mode);
  return { path: entry.path, bytes };
};

/** A folder with exactly the mode of a folder that everybody may read. */
const makeFolder = (path: string): void => {
  mkdirSync(path);
  chmodSync(path, 0o755);
};

const SCRIPTS = ["postinst", "prerm", "postrm"];

export type Package = {
  readonly product: Product;
  readonly version: string;
  readonly architecture: Architecture;
  /** Seconds since 1970. */
  readonly at: number;
  readonly entries: readonly Entry[];
};

/** Writes the files of a package to the folder `root`, which must not be there, as `dpkg-deb` wants them. */
export const stage = (root: string, { product, version, architecture, at, entries }: Package): void => {
  const sorted = inOrder(entries);
  const folders = foldersOf(sorted);
  makeFolder(root);
  for (const folder of folders) makeFolder(join(root, folder));
  const staged = sorted.map((entry) => writeEntry(root, entry));
  const size = installedSize(staged, folders.length);
  const control = join(root, "DEBIAN");
  makeFolder(control);
  write(join(control, "control"), controlText(product, version, architecture, size), 0o644);
  write(join(control, "md5sums"), md5sums(staged), 0o644);
  for (const script of SCRIPTS) {
    const source = readFileSync(`systemd/package/${product.name}/${script}`, "utf8");
    write(join(control, script), source.replaceAll("@VERSION@", version), 0o755);
  }
  const files = [
    ...sorted.map(({ path }) => path),
    ...["control", "md5sums", ...SCRIPTS].map((name) => `DEBIAN/${name}`),
  ];
  // A folder changes its time when something is written into it: the folders come last.
  for (const path of [...files, ...folders.toReversed(), "DEBIAN", ""]) lutimesSync(join(root, path), at, at);
};

/** How strongly a package is compressed. `none`: for tests, in a second. */
export type Compression = "xz" | "none";

/** Packs a staged folder. The same files give the same bytes: dpkg-deb sorts them, and clamps all times to `at`. */
export const pack = (root: string, file: string, at: number, compression: Compression): void => {
  const how = compression === "xz" ? ["-Zxz", "-z6"] : ["-Znone"];
  execFileSync("dpkg-deb", ["--root-owner-group", ...how, "--build", root, file], {
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...process.env, LC_ALL: "C", TZ: "UTC", SOURCE_DATE_EPOCH: String(at) },
  });
};
