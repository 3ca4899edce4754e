import { dirname, join } from "node:path";
import * as z from "zod";
import { wasMadeLater } from "../settings/identity.ts";
import { certificateFileOf, CONFIG_FILE, RENEWED_FILE, type Root } from "../settings/root.ts";
import type { BundleFile, Content } from "./format.ts";
import { FRESH, removeFolder, replaceFile, type Files } from "./port.ts";
import type { Ending } from "./ending.ts";
import { endResults } from "./results.ts";
import { forCurrent, NO_STATE, State, superfluous, type Disk } from "./trial.ts";

/**
 * The configurations of a root on disk, and the only file that switches them. Each step is on disk before the
 * next one begins, so a power cut at any moment leaves the old or the new configuration, complete. One process
 * at a time may write: see `lock`.
 */

/** What is kept about the bundle that brought a configuration. */
const About = z.object({
  version: z.int().nonnegative(),
  for: z.string(),
  signer: z.string(),
  sha256: z.string(),
});
export type About = z.infer<typeof About>;

const ABOUT_FILE = ".bundle.json";
const STATE_FILE = "state.json";
/** A configuration that is being written, and one that is being removed. */
const [STAGE, GONE] = [".stage", ".gone"];
const jsonOf = (bytes: Buffer | undefined): unknown => {
  try {
    return bytes === undefined ? undefined : JSON.parse(bytes.toString("utf8"));
  } catch {
    return undefined;
  }
};

const pathTo = (version: number): string => join("configs", String(version));

/** The version that a link names: `configs/N`. */
const versionIn = (target: string | undefined): number | undefined => {
  const digits = /(?:^|\/)configs\/(\d{1,9})\/?$/.exec(target ?? "")?.[1];
  return digits === undefined ? undefined : Number(digits);
};

/** `switched`: differs after each switch, also to a version of the same number. */
export type InForce = Pick<Disk, "current"> & { readonly switched: string | undefined };

export class Store {
  readonly #root: Root;
  readonly #files: Files;

  constructor(root: Root, files: Files) {
    this.#root = root;
    this.#files = files;
  }

  async disk(): Promise<Disk> {
    const { current, previous, configs } = this.#root;
    const folders = (await this.#files.list(configs)).filter(
      ({ name, kind }) => kind === "folder" && /^\d{1,9}$/.test(name),
    );
    const versions: number[] = [];
    for (const { name } of folders)
      // oxlint-disable-next-line no-await-in-loop -- at most a few
      if (await this.#isWhole(join(configs, name))) versions.push(Number(name));
    const named = async (link: string): Promise<number | undefined> => {
      const version = versionIn(await this.#files.linkAt(link));
      return version !== undefined && versions.includes(version) ? version : undefined;
    };
    const inForce = await named(current);
    const before = await named(previous);
    return { current: inForce, previous: before === inForce ? undefined : before, versions };
  }

  /** A version whose configuration cannot be read is none. */
  #isWhole(folder: string): Promise<boolean> {
    return this.#files.read(join(folder, CONFIG_FILE)).then(
      (bytes) => bytes !== undefined,
      () => false,
    );
  }

  /**
   * The version that `current` names, whether it is there or not, and which switch made it so. It costs two calls of
   * the system.
   */
  async links(): Promise<InForce> {
    const { current } = this.#root;
    return {
      current: versionIn(await this.#files.linkAt(current)),
      switched: await this.#files.makingOf(current),
    };
  }

  /** What survives a restart. A file that is damaged counts as none; rejects if it cannot be read. */
  async state(): Promise<State> {
    const bytes = await this.#files.read(join(this.#root.dir, STATE_FILE));
    const written = State.safeParse(jsonOf(bytes)).data ?? NO_STATE;
    return forCurrent(written, (await this.links()).current);
  }

  /** What is known of the bundle of a version. Undefined: it was written by hand. */
  async about(version: number): Promise<About | undefined> {
    const bytes = await this.#files.read(join(this.#root.dir, pathTo(version), ABOUT_FILE));
    return About.safeParse(jsonOf(bytes)).data;
  }

  async writeState(state: State): Promise<void> {
    await replaceFile(
      this.#files,
      join(this.#root.dir, STATE_FILE),
      Buffer.from(`${JSON.stringify(state)}\n`),
    );
  }

  /** Writes the files of a configuration beside the others. Returns their folder. */
  async stage(files: readonly BundleFile[], about: About | undefined): Promise<string> {
    const { configs, dir } = this.#root;
    const folder = join(configs, STAGE);
    await this.discard();
    await this.#files.makeFolder(configs);
    await this.#files.sync(dir);
    await this.#files.makeFolder(folder);
    const own = about ? [{ name: ABOUT_FILE, bytes: Buffer.from(`${JSON.stringify(about)}\n`) }] : [];
    const folders = new Set([folder]);
    for (const { name, bytes } of [...files, ...own]) {
      for (const parent of parentsOf(name)) {
        // oxlint-disable-next-line no-await-in-loop -- a folder before what is in it
        if (!folders.has(join(folder, parent))) await this.#files.makeFolder(join(folder, parent));
        folders.add(join(folder, parent));
      }
      // oxlint-disable-next-line no-await-in-loop
      await this.#files.write(join(folder, name), bytes);
      // oxlint-disable-next-line no-await-in-loop
      await this.#files.sync(join(folder, name));
    }
    // oxlint-disable-next-line no-await-in-loop
    for (const path of folders) await this.#files.sync(path);
    return folder;
  }

  /** Removes what an earlier process left half-way. */
  async discard(): Promise<void> {
    for (const name of [STAGE, GONE])
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await removeFolder(this.#files, join(this.#root.configs, name));
  }

  /**
   * Puts the staged configuration in force as `version`. `state`: with which its trial begins; `previous`: the
   * version to which `previous` points from then on.
   */
  async switchToStaged(version: number, state: State, trust: Content["trust"]): Promise<void> {
    const { configs, current, dir } = this.#root;
    const target = join(dir, pathTo(version));
    const { versions } = await this.disk();
    if (versions.includes(version)) await this.#files.rename(target, join(configs, GONE));
    await this.#files.rename(join(configs, STAGE), target);
    await this.#files.sync(configs);
    if (trust) await this.#changeTrust(trust);
    await this.writeState(state);
    await this.#setPrevious(state.trial?.previous);
    await this.#link(pathTo(version), current);
    await this.prune();
  }

  /**
   * Makes the certificate that came with a version the unit's own, if there is one: the version has passed its
   * trial. Not if the unit's own was made later: the trial was passed with that one. Done twice, it has the same result.
   */
  async adoptCertificate(version: number): Promise<void> {
    const bytes = await this.#files.read(join(this.#root.dir, pathTo(version), RENEWED_FILE));
    if (!bytes) return;
    const file = certificateFileOf(this.#root);
    const own = await this.#files.read(file);
    if (own && wasMadeLater(own, bytes)) return;
    await this.#files.makeFolder(this.#root.identity);
    await replaceFile(this.#files, file, bytes);
  }

  /** Writes how the trial of a version ended beside its bundle. An inbox that cannot be written stays as it is. */
  async endResults(version: number, ending: Ending): Promise<void> {
    await endResults(this.#files, this.#root.inbox, version, ending).catch(() => undefined);
  }

  /** Goes back to a version. `state`: as it stands before the links are switched. */
  async goBack(to: number, state: State): Promise<void> {
    await this.writeState(state);
    await this.#link(pathTo(to), this.#root.current);
    await this.#setPrevious(state.trial?.previous);
    await this.#files.sync(this.#root.dir);
    const { going, ...rest } = state;
    if (going) await this.endResults(going.from, { kind: "back", why: going.why, to });
    await this.writeState(rest);
    await this.prune();
  }

  /** Removes the configurations that are not needed any more. */
  async prune(): Promise<void> {
    await this.discard();
    for (const version of superfluous(await this.disk(), await this.state())) {
      const gone = join(this.#root.configs, GONE);
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await this.#files.rename(join(this.#root.dir, pathTo(version)), gone);
      // oxlint-disable-next-line no-await-in-loop
      await removeFolder(this.#files, gone);
    }
  }

  /** Adds and removes trusted keys. Done twice, it has the same result. */
  async #changeTrust({ add, retire }: NonNullable<Content["trust"]>): Promise<void> {
    const { trust, dir } = this.#root;
    await this.#files.makeFolder(trust);
    await this.#files.sync(dir);
    for (const { name, pem } of add)
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await replaceFile(this.#files, join(trust, `${name}.pem`), Buffer.from(pem));
    // oxlint-disable-next-line no-await-in-loop
    for (const name of retire) await this.#files.remove(join(trust, `${name}.pem`));
    await this.#files.sync(trust);
  }

  async #setPrevious(version: number | undefined): Promise<void> {
    if (version === undefined) await this.#files.remove(this.#root.previous);
    else await this.#link(pathTo(version), this.#root.previous);
  }

  async #link(target: string, path: string): Promise<void> {
    await this.#files.remove(path + FRESH);
    await this.#files.makeLink(target, path + FRESH);
    await this.#files.rename(path + FRESH, path);
    await this.#files.sync(dirname(path));
  }
}

const parentsOf = (name: string): string[] => {
  const steps = name.split("/").slice(0, -1);
  return steps.map((_, index) => steps.slice(0, index + 1).join("/"));
};
