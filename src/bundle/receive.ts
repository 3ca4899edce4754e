import { createHash } from "node:crypto";
import { join } from "node:path";
import type { Root } from "../settings/root.ts";
import { MAX_BUNDLE_BYTES } from "./format.ts";
import type { Outcome } from "./install.ts";
import type { Circumstances } from "./judge.ts";
import { replaceFile, type Files } from "./port.ts";
import { onTrialLine, RESULT } from "./results.ts";
import type { Store } from "./store.ts";
import { refuseBundle } from "./trial.ts";

/** Bundles that come to a running service: over the link, and from a stick through the inbox. */

/** A bundle that cannot be taken now is tried again after so long. */
const AGAIN_MS = 10_000;
/** Bundles of a stick. Further ones are not looked at. */
const MAX_INBOX = 32;
const BUNDLE = ".patrol";

export type Receiving = {
  readonly root: Root;
  readonly files: Files;
  readonly store: Store;
  /** Milliseconds that never jump. */
  readonly mono: () => number;
  readonly lock: () => Promise<Disposable | undefined>;
  readonly install: (bytes: Buffer, from: Circumstances["from"]) => Promise<Outcome>;
  /** Told of each result: for the log, and for the board's lamp. */
  readonly result: (ok: boolean, line: string) => void;
};

/** An outcome in one line, for a technician. */
const outcomeLine = (outcome: Outcome): string => {
  switch (outcome.kind) {
    case "installed":
      return onTrialLine(
        `version ${outcome.version} for ${outcome.recipient}, signed by ${outcome.signer}`,
        outcome.trialS,
      );
    case "ignore":
      return "done: it is in force already";
    case "wait":
      return `waiting: ${outcome.says}`;
    case "refuse":
      return `refused: ${outcome.says}`;
  }
};

/** It is not read: it may be larger than the memory. */
const tooLarge = (bytes: number): Outcome => ({
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
  /** When a file of the inbox is tried again. */
  readonly #waiting = new Map<string, number>();

  constructor(on: Receiving) {
    this.#on = on;
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
    const size = (await files.size(path)) ?? 0;
    const bytes = size > MAX_BUNDLE_BYTES ? undefined : await files.read(path);
    const outcome = bytes ? await this.#install(bytes, "hand") : tooLarge(size);
    if (!outcome) return;
    const line = outcomeLine(outcome);
    await replaceFile(files, path + RESULT, Buffer.from(`${line}\n`));
    if (outcome.kind === "wait") this.#waiting.set(name, this.#on.mono() + AGAIN_MS);
    else await files.remove(path);
  }

  /** Undefined: another process works on the root at the moment. */
  async #install(bytes: Buffer, from: Circumstances["from"]): Promise<Outcome | undefined> {
    const { store, lock, install, result } = this.#on;
    using locked = await lock();
    if (!locked) return undefined;
    const isKnown = from === "dispatch" && (await store.state()).refused?.includes(sha256(bytes)) === true;
    if (isKnown) return { kind: "ignore" };
    const outcome = await install(bytes, from);
    if (outcome.kind === "refuse") {
      const known = from === "dispatch" ? sha256(bytes) : undefined;
      const refused = { ...outcome.about, ok: false, error: outcome.says };
      await store.writeState(refuseBundle(await store.state(), refused, known));
    }
    if (outcome.kind === "installed" || outcome.kind === "refuse")
      result(outcome.kind === "installed", outcomeLine(outcome));
    return outcome;
  }
}
