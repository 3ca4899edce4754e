import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { copyFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import { openAs } from "../bundle/envelope.ts";
import type { TrustedKey } from "../bundle/keys.ts";
import { reasonOf } from "../runtime/log.ts";
import { judge, refuse, type Circumstances, type Verdict } from "./judge.ts";
import { packageName, RELEASE, type Architecture, type Package } from "./release.ts";
import type { Versions } from "./versions.ts";

/** Installs a release beside the version in force. It runs as root: what it unpacks is signed. */

const run = promisify(execFile);
/** The copy of a package while it is unpacked. */
const PACKAGE = ".package.deb";
/** A slow card writes 100 MiB in it. */
const UNPACK_MS = 600_000;
/** A new version must answer in this time. */
const ANSWER_MS = 30_000;

export type Outcome =
  | {
      readonly kind: "installed";
      readonly version: string;
      readonly previous: string;
      readonly signer: string;
    }
  | (Exclude<Verdict, { kind: "take" }> & {
      /** Of a release whose signature is right. */
      readonly about?: { readonly version: string; readonly signer: string };
    });

export type Installing = {
  /** The folder of the versions, which only this user can change. */
  readonly dir: string;
  readonly versions: Versions;
  readonly trusted: readonly TrustedKey[];
  readonly circumstances: Omit<Circumstances, "inForce" | "trial">;
  /** The package's file. Undefined: it is not there. */
  readonly packageFile: (version: string, architecture: Architecture) => string | undefined;
};

/** Of a file, hex. */
export const sha256Of = async (file: string): Promise<string> => {
  const hash = createHash("sha256");
  await pipeline(createReadStream(file), hash);
  return hash.digest("hex");
};

/** Writes the folder of the version in a package to `folder`, and waits until it is on disk. Rejects if it cannot. */
const unpack = async (file: string, version: string, folder: string): Promise<void> => {
  const script = `set -e
dpkg-deb --fsys-tarfile "$1" | tar --extract --directory "$3" --strip-components 4 --no-same-owner "./opt/patrol-unit/$2"
test -x "$3/bin/node" && test -f "$3/dist/patrol-unit.mjs"
sync -f "$3"`;
  await run("bash", ["-o", "pipefail", "-c", script, "unpack", file, version, folder], {
    timeout: UNPACK_MS,
    env: { PATH: "/usr/bin:/bin", LC_ALL: "C" },
  });
};

/** Rejects if the version in a folder cannot run on this computer. */
const tryOut = (folder: string): Promise<unknown> =>
  run(join(folder, "bin/node"), [join(folder, "dist/patrol-unit.mjs"), "--version"], {
    timeout: ANSWER_MS,
    env: { PATH: "/usr/bin:/bin" },
  });

/** What is wrong with a package. Undefined: its version is staged. */
const stage = async (versions: Versions, file: string, version: string): Promise<string | undefined> => {
  const folder = await versions.stage();
  try {
    await unpack(file, version, folder);
    await tryOut(folder);
    return undefined;
  } catch (cause) {
    await versions.discard();
    return `version ${version} cannot be unpacked or does not run here: ${reasonOf(cause).trim().split("\n").at(-1)}`;
  }
};

/** The same for a file on a stick, for example: only a copy cannot change between its check and its use. */
const stageCopy = async (
  { dir, versions }: Installing,
  file: string,
  version: string,
  wanted: Package,
): Promise<string | undefined> => {
  const copy = join(dir, PACKAGE);
  const { size } = await stat(file);
  if (size !== wanted.bytes)
    return `${file} has ${size} bytes, and a package of ${wanted.bytes} was signed: copy it again`;
  try {
    await copyFile(file, copy);
    if ((await sha256Of(copy)) !== wanted.sha256)
      return `${file} is another package than was signed, or damaged`;
    return await stage(versions, copy, version);
  } finally {
    await rm(copy, { force: true });
  }
};

/** Installs a release, or says why not; then nothing has changed. Rejects if the disk cannot be written. */
export const installRelease = async (bytes: Buffer, on: Installing): Promise<Outcome> => {
  const { versions, trusted, packageFile } = on;
  const inForce = await versions.current();
  if (inForce === undefined) throw new Error("no version is in force: install the package with apt");
  const opened = await openAs(RELEASE, bytes, trusted);
  if (opened.kind === "invalid") return refuse(opened.code, opened.says);
  const { content, signer } = opened;
  const { version } = content;
  const about = { version, signer };
  const trial = await versions.trial();
  const verdict = judge(content, { ...on.circumstances, inForce, trial: trial?.version });
  if (verdict.kind !== "take") return { ...verdict, about };
  const { wanted } = verdict;
  const file = packageFile(version, wanted.architecture);
  if (file === undefined) {
    const name = packageName(version, wanted.architecture);
    return {
      ...refuse("package", `${name} is not beside it: copy it there, or name it with --package`),
      about,
    };
  }
  const wrong = await stageCopy(on, file, version, wanted);
  if (wrong !== undefined) return { ...refuse("package", wrong), about };
  await versions.switchToStaged(version, inForce);
  return { kind: "installed", version, previous: inForce, signer };
};
