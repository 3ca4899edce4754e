import { join } from "node:path";
import type { Root } from "../settings/root.ts";
import { open } from "./envelope.ts";
import { MAX_BUNDLE_BYTES } from "./format.ts";
import { trustedKeys, type Outcome } from "./install.ts";
import type { TrustedKey } from "./keys.ts";
import { removeFolder, replaceFile, type Files } from "./port.ts";
import { isStickResult } from "./results.ts";
import { choose, stickFileName, stickText, type StickFile } from "./stick.ts";
import type { Store } from "./store.ts";
import { trialOf } from "./trial.ts";

/**
 * The bundles of a USB stick. A oneshot of the system copies them to `inbox/stick`, all at once, and takes the result to
 * the stick (systemd/stick.sh).
 */

/** Files of a stick. Further ones are not looked at. */
const MAX_FILES = 64;
const BUNDLE = ".patrol";
/** A bundle that cannot be taken now is tried again after so long. */
const AGAIN_MS = 10_000;

export type StickOptions = {
  readonly root: Root;
  readonly files: Files;
  readonly store: Store;
  /** The unit's name, `directorate/id`. */
  readonly unit: string;
  /** The seconds of a trial of the version in force. */
  readonly trialS: number;
  readonly mono: () => number;
  /** Installs a bundle. Undefined: another process works on the root at the moment. */
  readonly install: (bytes: Buffer) => Promise<Outcome | undefined>;
  /** Reports an outcome for which no bundle was installed. Undefined: as `install`. */
  readonly conclude: (
    outcome: Extract<Outcome, { kind: "refuse" | "ignore" }>,
  ) => Promise<Outcome | undefined>;
};

export class StickInbox {
  readonly #on: StickOptions;
  #again = 0;
  #waits = false;

  constructor(on: StickOptions) {
    this.#on = on;
  }

  /** Takes what a stick has brought. Call it each second. Rejects if the disk cannot be written. */
  async look(): Promise<void> {
    const { root, files, mono, store } = this.#on;
    const there = await this.#claim();
    if (!there) this.#waits = false;
    if (!there || (this.#waits && mono() < this.#again)) return;
    const before = (await store.disk()).current;
    const found = await this.#choose();
    const outcome = await this.#take(found, before);
    if (!outcome) return;
    const { current: now } = await store.disk();
    const { unit } = this.#on;
    const told = outcome.kind === "ignore" ? ((await this.#onTrial()) ?? outcome) : outcome;
    await this.#write(
      stickText({ unit, name: found.name, outcome: told, before, now, unused: found.unused }),
    );
    this.#waits = outcome.kind === "wait";
    this.#again = mono() + AGAIN_MS;
    if (!this.#waits) await removeFolder(files, root.taken);
  }

  /**
   * Whether there are bundles to look at. They get another name first: a second stick may come while they are installed,
   * and must not be removed with them. It replaces bundles that wait.
   */
  async #claim(): Promise<boolean> {
    const { root, files } = this.#on;
    const entries = await files.list(root.inbox);
    const folders = new Set(
      entries.filter(({ kind }) => kind === "folder").map(({ name }) => join(root.inbox, name)),
    );
    if (!folders.has(root.stick)) return folders.has(root.taken);
    await removeFolder(files, root.taken);
    await files.rename(root.stick, root.taken);
    this.#waits = false;
    return true;
  }

  async #take({ bytes, sha256, says }: Found, current: number | undefined): Promise<Outcome | undefined> {
    if (!bytes) return this.#on.conclude({ kind: "refuse", code: "recipient", says });
    const about = current === undefined ? undefined : await this.#on.store.about(current);
    // A technician who is not sure plugs the stick in again.
    if (sha256 !== undefined && about?.sha256 === sha256) return this.#on.conclude({ kind: "ignore" });
    return this.#on.install(bytes);
  }

  /**
   * The outcome of the version in force, if that is on trial. A stick that is plugged in again must not be told that all
   * is done: the version may still be taken back, and the result on the stick follows that only from this outcome.
   */
  async #onTrial(): Promise<Outcome | undefined> {
    const { store, trialS } = this.#on;
    const trial = trialOf(await store.disk(), await store.state());
    const about = trial && (await store.about(trial.version));
    if (!about) return undefined;
    const { version, for: recipient, signer } = about;
    return { kind: "installed", version, recipient, signer, previous: trial.previous, changes: [], trialS };
  }

  /** The bundle to take. Only its bytes stay in memory. */
  async #choose(): Promise<Found> {
    const { root, files, unit } = this.#on;
    const keys = await trustedKeys(root, files);
    const names = (await files.list(root.taken))
      .filter(({ name, kind }) => kind === "file" && name.endsWith(BUNDLE))
      .map(({ name }) => name)
      .toSorted()
      .slice(0, MAX_FILES);
    const stick: StickFile[] = [];
    for (const name of names) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other, not all in memory
      const { opened } = await this.#read(name, keys);
      stick.push({ name, opened });
    }
    const choice = choose(stick, unit);
    const { unused } = choice;
    if (choice.kind === "none") return { name: undefined, bytes: undefined, sha256: undefined, ...choice };
    const { bytes, opened } = await this.#read(choice.name, keys);
    const sha256 = opened.kind === "valid" ? opened.sha256 : undefined;
    return { name: choice.name, bytes, sha256, says: "it is gone", unused };
  }

  async #read(name: string, keys: readonly TrustedKey[]) {
    const { root, files } = this.#on;
    const path = join(root.taken, name);
    const size = await files.size(path);
    // One byte more shows that it is too large. The rest need not be read.
    const isLarge = (size ?? 0) > MAX_BUNDLE_BYTES;
    const bytes = isLarge
      ? Buffer.alloc(MAX_BUNDLE_BYTES + 1)
      : size === undefined
        ? undefined
        : await files.read(path);
    return { bytes, opened: await open(bytes ?? Buffer.alloc(0), keys) };
  }

  async #write(text: string): Promise<void> {
    const { root, files, unit } = this.#on;
    const name = stickFileName(unit);
    for (const { name: other } of await files.list(root.inbox))
      // oxlint-disable-next-line no-await-in-loop -- at most that of the name before
      if (isStickResult(other) && other !== name) await files.remove(join(root.inbox, other));
    await replaceFile(files, join(root.inbox, name), Buffer.from(text));
  }
}

type Found = {
  readonly name: string | undefined;
  /** Undefined: there is none to take, as `says` says. */
  readonly bytes: Buffer | undefined;
  readonly sha256: string | undefined;
  readonly says: string;
  readonly unused: Parameters<typeof stickText>[0]["unused"];
};
