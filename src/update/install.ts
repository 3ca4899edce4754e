import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { constants, createReadStream, createWriteStream } from "node:fs";
import { open, rm } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import { openAs } from "../bundle/envelope.ts";
import type { TrustedKey } from "../bundle/keys.ts";
import { reasonOf } from "../runtime/log.ts";
import { judge, refuse, wait, type Circumstances, type Verdict } from "./judge.ts";
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
      /** Set if the signature is valid. */
      readonly about?: { readonly version: string; readonly signer: string };
    });

export type Installing = {
  /** The folder of the versions, which only this user can change. */
  readonly dir: string;
  readonly versions: Versions;
  readonly trusted: readonly TrustedKey[];
  /** Asked once the signature is right, and again before the switch: unpacking takes minutes. */
  readonly circumstances: () => Promise<Omit<Circumstances, "inForce" | "trial">>;
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

/** Faults of this computer, not of a package. */
const OF_DISK = /No space left|ENOSPC|Read-only file system|EROFS|Input\/output error|EIO/;
const isOfDisk = (cause: unknown): boolean =>
  OF_DISK.test(reasonOf(cause)) ||
  (typeof cause === "object" && cause !== null && "killed" in cause && cause.killed === true);

/** Why a package is not staged. Undefined: it is. */
const stage = async (
  versions: Versions,
  file: string,
  version: string,
): Promise<Exclude<Verdict, { kind: "take" }> | undefined> => {
  const folder = await versions.stage();
  try {
    await unpack(file, version, folder);
    await tryOut(folder);
    return undefined;
  } catch (cause) {
    await versions.discard();
    const why = reasonOf(cause).trim().split("\n").at(-1);
    return isOfDisk(cause)
      ? wait("disk", `version ${version} cannot be written, or this computer is too slow: ${why}`)
      : refuse("package", `version ${version} cannot be unpacked or does not run here: ${why}`);
  }
};

/** Copies so many bytes of a file. Returns why not; undefined: it has them. */
const copyPackage = async (file: string, copy: string, bytes: number): Promise<string | undefined> => {
  // A pipe must not be waited for.
  await using source = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
  const found = await source.stat();
  if (!found.isFile()) return `${file} is no file`;
  if (found.size !== bytes)
    return `${file} has ${found.size} bytes, and a package of ${bytes} was signed: copy it again`;
  await pipeline(source.createReadStream({ end: bytes - 1, autoClose: false }), createWriteStream(copy));
  return undefined;
};

/** Stages a copy in a folder of root's: the original could change between its check and its use. */
const stageCopy = async (
  { dir, versions }: Installing,
  file: string,
  version: string,
  wanted: Package,
): Promise<Exclude<Verdict, { kind: "take" }> | undefined> => {
  const copy = join(dir, PACKAGE);
  try {
    const wrong = await copyPackage(file, copy, wanted.bytes);
    if (wrong !== undefined) return refuse("package", wrong);
    if ((await sha256Of(copy)) !== wanted.sha256)
      return refuse("package", `${file} is another package than was signed, or damaged`);
    return await stage(versions, copy, version);
  } finally {
    await rm(copy, { force: true });
  }
};

/** Installs a release, or says why not; then nothing has changed. Rejects if the copy or the switch cannot be written. */
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
  const verdict = judge(content, { ...(await on.circumstances()), inForce, trial: trial?.version });
  if (verdict.kind !== "take") return { ...verdict, about };
  const { wanted } = verdict;
  const file = packageFile(version, wanted.architecture);
  if (file === undefined) {
    const name = packageName(version, wanted.architecture);
    return {
      ...refuse(
        "package",
        `the package ${name} is missing: copy it into the folder of the release, or name it with --package`,
      ),
      about,
    };
  }
  const wrong = await stageCopy(on, file, version, wanted);
  if (wrong) return { ...wrong, about };
  // A press may have come meanwhile.
  const last = judge(content, { ...(await on.circumstances()), inForce, trial: trial?.version });
  if (last.kind !== "take") {
    await versions.discard();
    return { ...last, about };
  }
  await versions.switchToStaged(version, inForce);
  return { kind: "installed", version, previous: inForce, signer };
};
