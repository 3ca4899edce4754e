import { createHash } from "node:crypto";
import { join } from "node:path";
import type { Root } from "../settings/root.ts";
import { onTrialPhrase } from "./ending.ts";
import { MAX_BUNDLE_BYTES } from "./format.ts";
import type { Outcome } from "./install.ts";
import type { Circumstances } from "./judge.ts";
import { replaceFile, type Files } from "./port.ts";
import { RESULT } from "./results.ts";
import { StickInbox } from "./stick-inbox.ts";
import type { Store } from "./store.ts";
import { refuseBundle } from "./trial.ts";

/** Bundles that come to a running service: over the link, and through the inbox, from a stick or by hand. */

/** A bundle that cannot be taken now is tried again after so long. */
const AGAIN_MS = 10_000;
/** Files of the inbox. Further ones are looked at when these are done. */
const MAX_INBOX = 32;
const BUNDLE = ".patrol";

export type Receiving = {
  readonly root: Root;
  readonly files: Files;
  readonly store: Store;
  /** Milliseconds that never jump. */
  readonly mono: () => number;
  readonly lock: () => Promise<Disposable | undefined>;
  /** The unit's name, `directorate/id`. */
  readonly unit: string;
  /** The seconds of a trial of the version in force. */
  readonly trialS: number;
  readonly install: (bytes: Buffer, from: Circumstances["from"]) => Promise<Outcome>;
  /** Called with each result, for the log and for the board's lamp. `outcome`: it is not `wait`. */
  readonly result: (outcome: Outcome, line: string, from: Circumstances["from"]) => void;
};

/** An outcome in one line, for a technician. */
const outcomeLine = (outcome: Outcome): string => {
  switch (outcome.kind) {
    case "installed":
      return `done: ${onTrialPhrase(outcome)}`;
    case "ignore":
      return "done: it is in force already";
    case "wait":
      return `waiting: ${outcome.says}`;
    case "refuse":
      return `refused: ${outcome.says}`;
  }
};

/** What becomes of a file that is not read: it may be larger than the memory. `bytes`: its size. */
export const tooLarge = (bytes: number): Outcome => ({
  kind: "refuse",
  code: "too-large",
  says: `it has ${bytes} bytes, more than ${MAX_BUNDLE_BYTES}`,
});

const sha256 = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");

export class Receiver {
  readonly #on: Receiving;
  /** The newest from dispatch that waits. An older one is dropped: dispatch keeps only one. */
  #offered: Buffer | undefined;
  #again = 0;
  readonly #stick: StickInbox;
  /** When a file of the inbox is tried again. */
  readonly #waiting = new Map<string, number>();

  constructor(on: Receiving) {
    this.#on = on;
    this.#stick = new StickInbox({
      ...on,
      install: (bytes) => this.#install(bytes, "hand"),
      conclude: (outcome) => this.#locked(() => this.#ended(outcome, "hand", undefined)),
    });
  }

  /** Takes what came on the topic `bundle`. It is installed at the next look. An empty message withdraws it. */
  offer(bytes: Buffer): void {
    this.#offered = bytes.length === 0 ? undefined : bytes;
    this.#again = 0;
  }

  /** Installs what has come. Call it each second. Rejects if the disk cannot be written. */
  async look(): Promise<void> {
    await this.#lookAtOffer();
    await this.#lookAtInbox();
    await this.#stick.look();
  }

  async #lookAtOffer(): Promise<void> {
    const bytes = this.#offered;
    if (!bytes || this.#on.mono() < this.#again) return;
    const outcome = await this.#install(bytes, "dispatch");
    if (!outcome) return;
    this.#again = this.#on.mono() + AGAIN_MS;
    if (outcome.kind !== "wait" && this.#offered === bytes) this.#offered = undefined;
  }

  async #lookAtInbox(): Promise<void> {
    const { root, files } = this.#on;
    const names = (await files.list(root.inbox))
      .filter(({ name, kind }) => kind === "file" && name.endsWith(BUNDLE))
      .map(({ name }) => name)
      .toSorted()
      .slice(0, MAX_INBOX);
    for (const name of this.#waiting.keys()) if (!names.includes(name)) this.#waiting.delete(name);
    for (const name of names)
      // oxlint-disable-next-line no-await-in-loop -- one bundle after the other
      if (this.#on.mono() >= (this.#waiting.get(name) ?? 0)) await this.#takeFrom(name);
  }

  /** Takes a bundle of the inbox, and leaves its result beside it. One that waits stays. */
  async #takeFrom(name: string): Promise<void> {
    const { root, files } = this.#on;
    const path = join(root.inbox, name);
    const size = await files.size(path);
    // A pipe, for example: reading it could last for ever.
    if (size === undefined) return;
    const bytes = size > MAX_BUNDLE_BYTES ? undefined : await files.read(path);
    const outcome = bytes ? await this.#install(bytes, "hand") : tooLarge(size);
    if (!outcome) return;
    const line = outcomeLine(outcome);
    await replaceFile(files, path + RESULT, Buffer.from(`${line}\n`));
    if (outcome.kind === "wait") this.#waiting.set(name, this.#on.mono() + AGAIN_MS);
    else await files.remove(path);
  }

  /** Undefined: another process works on the root at the moment. */
  async #locked<T>(work: () => Promise<T>): Promise<T | undefined> {
    using locked = await this.#on.lock();
    return locked ? work() : undefined;
  }

  #install(bytes: Buffer, from: Circumstances["from"]): Promise<Outcome | undefined> {
    return this.#locked(async () => {
      const { store, install } = this.#on;
      const known = from === "dispatch" ? sha256(bytes) : undefined;
      const { refused } = await store.state();
      if (known !== undefined && refused?.includes(known) === true) return { kind: "ignore" };
      return this.#ended(await install(bytes, from), from, known);
    });
  }

  /** Notes what became of a bundle. `known`: its sha256, if it may come again by itself. */
  async #ended(outcome: Outcome, from: Circumstances["from"], known: string | undefined): Promise<Outcome> {
    const { store, result } = this.#on;
    if (outcome.kind === "refuse") {
      const refused = { ...outcome.about, ok: false, error: outcome.says };
      await store.writeState(refuseBundle(await store.state(), refused, known));
    }
    // What comes again from dispatch is nothing; a technician wants to know.
    const isNews = outcome.kind === "installed" || outcome.kind === "refuse" || from === "hand";
    if (isNews && outcome.kind !== "wait") result(outcome, outcomeLine(outcome), from);
    return outcome;
  }
}
