import { join } from "node:path";
import { FRESH, removeFolder, replaceFile, type Files } from "../bundle/port.ts";
import { isVersion } from "./release.ts";

/**
 * The versions of the software, side by side in a folder (installed: /opt/patrol-unit), and which one is
 * in force. Each step is on disk before the next one begins, so a power cut at any moment leaves the old or the
 * new version, complete. Who ends a trial is `release-trial.sh`, which is a part of no version.
 */

/** A version that is tried. `starts`: of the service with it. */
export type Trial = { readonly version: string; readonly previous: string; readonly starts: number };
/** A version that was taken back, and the one in force again. */
export type TakenBack = { readonly version: string; readonly previous: string; readonly why: string };

const [TRIAL, UNREPORTED, ALL_TAKEN_BACK] = ["trial", "failed", "taken-back"];
/** A version that is being written, and one that is being removed. */
const [STAGE, GONE] = [".stage", ".gone"];

/** The words of a one-line file. None: it is not there. */
const wordsOf = (bytes: Buffer | undefined): string[] => {
  const line = bytes?.toString("utf8").split("\n", 1)[0] ?? "";
  return line === "" ? [] : line.split(" ");
};

export class Versions {
  readonly #dir: string;
  readonly #files: Files;

  constructor(dir: string, files: Files) {
    this.#dir = dir;
    this.#files = files;
  }

  /** The version that `current` names. Undefined: there is none. */
  current(): Promise<string | undefined> {
    return this.#files.linkAt(join(this.#dir, "current"));
  }

  /** The trial of the version in force. Undefined: it is not on trial. */
  async trial(): Promise<Trial | undefined> {
    const [version = "", previous = "", starts = ""] = wordsOf(
      await this.#files.read(join(this.#dir, TRIAL)),
    );
    const isWhole = isVersion(version) && isVersion(previous) && /^\d{1,3}$/.test(starts);
    return isWhole && version === (await this.current())
      ? { version, previous, starts: Number(starts) }
      : undefined;
  }

  /** The version that was taken back last, until that has been reported. */
  async takenBack(): Promise<TakenBack | undefined> {
    const [version, previous, ...why] = wordsOf(await this.#files.read(join(this.#dir, UNREPORTED)));
    return version === undefined || previous === undefined
      ? undefined
      : { version, previous, why: why.join(" ") };
  }

  /** The newest versions that were ever taken back here. */
  async allTakenBack(): Promise<readonly string[]> {
    const bytes = await this.#files.read(join(this.#dir, ALL_TAKEN_BACK));
    return bytes?.toString("utf8").split("\n").filter(isVersion) ?? [];
  }

  /** An empty folder for a version that is to be written. */
  async stage(): Promise<string> {
    const folder = join(this.#dir, STAGE);
    await this.discard();
    await this.#files.makeFolder(folder);
    return folder;
  }

  /** Removes what an earlier process left half-way. */
  async discard(): Promise<void> {
    for (const name of [STAGE, GONE])
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await removeFolder(this.#files, join(this.#dir, name));
  }

  /** Puts the staged version, whose files are on disk, in force, on trial. `previous`: the version in force until then. */
  async switchToStaged(version: string, previous: string): Promise<void> {
    const target = join(this.#dir, version);
    const known = await this.#files.list(this.#dir);
    if (known.some(({ name }) => name === version)) await this.#files.rename(target, join(this.#dir, GONE));
    await this.#files.rename(join(this.#dir, STAGE), target);
    await this.#files.sync(this.#dir);
    // After a power cut here `trial` names a version that is not in force. Readers ignore it.
    await replaceFile(this.#files, join(this.#dir, TRIAL), Buffer.from(`${version} ${previous} 0\n`));
    await this.#link(previous, "previous");
    await this.#link(version, "current");
    await this.discard();
  }

  async #link(target: string, name: string): Promise<void> {
    const path = join(this.#dir, name);
    await this.#files.remove(path + FRESH);
    await this.#files.makeLink(target, path + FRESH);
    await this.#files.rename(path + FRESH, path);
    await this.#files.sync(this.#dir);
  }
}
