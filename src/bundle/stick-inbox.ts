import { join } from "node:path";
import type { Root } from "../settings/root.ts";
import { open, type Opened } from "./envelope.ts";
import { MAX_BUNDLE_BYTES } from "./format.ts";
import { trustedKeys, type Outcome } from "./install.ts";
import type { TrustedKey } from "./keys.ts";
import { removeFolder, replaceFile, type Files } from "./port.ts";
import { readBundle, type ReadBundle } from "./read-bundle.ts";
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
/** A bundle that cannot be taken now, or whose handling failed, is tried again after this time. */
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
  #state: State = { kind: "new" };
  /** After a failure nothing is tried before this time. */
  #failedUntil = 0;

  constructor(on: StickOptions) {
    this.#on = on;
  }

  /**
   * Takes what a stick has brought. Call it each second. Rejects if the disk cannot be written, and tries it again after
   * 10 s: what was reported is not reported again.
   */
  async look(): Promise<void> {
    if (this.#on.mono() < this.#failedUntil) return;
    try {
      await this.#look();
    } catch (cause) {
      this.#failedUntil = this.#on.mono() + AGAIN_MS;
      throw cause;
    }
  }

  async #look(): Promise<void> {
    const { mono, store } = this.#on;
    if (!(await this.#claim())) {
      this.#state = { kind: "new" };
      return;
    }
    if (this.#state.kind === "waits" && mono() < this.#state.until) return;
    if (this.#state.kind !== "ended") {
      const before = (await store.disk()).current;
      const { name, unused, ...found } = await this.#choose();
      const outcome = await this.#take(found, before);
      if (!outcome) return;
      // Known before the result is written: if that fails, the outcome must not be reported again.
      this.#state = { kind: "ended", name, unused, before, outcome };
    }
    await this.#finish(this.#state);
  }

  async #finish({ name, unused, before, outcome }: Extract<State, { kind: "ended" }>): Promise<void> {
    const { root, files, mono, store, unit } = this.#on;
    const { current: now } = await store.disk();
    const told = outcome.kind === "ignore" ? ((await this.#onTrial()) ?? outcome) : outcome;
    await this.#write(stickText({ unit, name, outcome: told, before, now, unused }));
    if (outcome.kind === "wait") this.#state = { kind: "waits", until: mono() + AGAIN_MS };
    else {
      await removeFolder(files, root.taken);
      this.#state = { kind: "new" };
    }
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
    this.#state = { kind: "new" };
    return true;
  }

  async #take(
    { bytes, sha256, code, says }: Pick<Found, "bytes" | "sha256" | "code" | "says">,
    current: number | undefined,
  ): Promise<Outcome | undefined> {
    if (!bytes) return this.#on.conclude({ kind: "refuse", code, says });
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
    const none = { name: undefined, bytes: undefined, sha256: undefined, code: "recipient", unused } as const;
    if (choice.kind === "none") return { ...none, says: choice.says };
    const { bytes, opened } = await this.#read(choice.name, keys);
    if (opened.kind === "valid")
      return { ...none, name: choice.name, bytes, sha256: opened.sha256, says: "" };
    return { ...none, name: choice.name, bytes, code: opened.code, says: opened.says };
  }

  /** `bytes`: undefined if it has none that can be read. */
  async #read(
    name: string,
    keys: readonly TrustedKey[],
  ): Promise<{ readonly bytes: Buffer | undefined; readonly opened: Opened }> {
    const { root, files } = this.#on;
    const path = join(root.taken, name);
    const size = await files.size(path);
    // One byte more shows that it is too large. The rest need not be read.
    const isLarge = (size ?? 0) > MAX_BUNDLE_BYTES;
    const read: ReadBundle = isLarge
      ? { kind: "read", bytes: Buffer.alloc(MAX_BUNDLE_BYTES + 1) }
      : size === undefined
        ? { kind: "gone" }
        : await readBundle(files, path);
    if (read.kind === "read") return { bytes: read.bytes, opened: await open(read.bytes, keys) };
    const says = read.kind === "gone" ? "it is gone" : read.why;
    return { bytes: undefined, opened: { kind: "invalid", code: "unreadable", says } };
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

type State =
  /** Nothing is known of what lies there. */
  | { readonly kind: "new" }
  | { readonly kind: "waits"; readonly until: number }
  /** The outcome was reported. Its text is to be written, and the bundles are to be removed. */
  | ({ readonly kind: "ended"; readonly before: number | undefined; readonly outcome: Outcome } & Pick<
      Found,
      "name" | "unused"
    >);

type Found = {
  readonly name: string | undefined;
  /** Undefined: there is none to take, as `code` and `says` say. */
  readonly bytes: Buffer | undefined;
  readonly sha256: string | undefined;
  readonly code: Extract<Outcome, { kind: "refuse" }>["code"];
  readonly says: string;
  readonly unused: Parameters<typeof stickText>[0]["unused"];
};
