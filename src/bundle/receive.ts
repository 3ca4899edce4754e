import type { Root } from "../settings/root.ts";
import { doEach } from "./attempts.ts";
import { Inbox } from "./inbox.ts";
import type { Outcome } from "./install.ts";
import type { Circumstances } from "./judge.ts";
import type { Files } from "./port.ts";
import { outcomeLine } from "./results.ts";
import { StickInbox } from "./stick-inbox.ts";
import type { Store } from "./store.ts";
import { refuseBundle } from "./trial.ts";
import { sha256 } from "./sha256.ts";

/** Bundles that come to a running service: over the link, and through the inbox, from a stick or by hand. */

/** A bundle that cannot be taken now, or could not be installed, is tried again after this time. */
const AGAIN_MS = 10_000;

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

export class Receiver {
  readonly #on: Receiving;
  /** The newest from dispatch that waits. An older one is dropped: dispatch keeps only one. */
  #offered: Buffer | undefined;
  #again = 0;
  readonly #inbox: Inbox;
  readonly #stick: StickInbox;

  constructor(on: Receiving) {
    this.#on = on;
    const install = (bytes: Buffer) => this.#install(bytes, "hand");
    const conclude = (outcome: Outcome) => this.#locked(() => this.#ended(outcome, "hand", undefined));
    this.#inbox = new Inbox({ ...on, install, refuse: conclude });
    this.#stick = new StickInbox({ ...on, install, conclude });
  }

  /** Takes what came on the topic `bundle`. It is installed at the next look. An empty message withdraws it. */
  offer(bytes: Buffer): void {
    this.#offered = bytes.length === 0 ? undefined : bytes;
    this.#again = 0;
  }

  /**
   * Installs what has come. Call it each second. What fails does not keep the rest, and is tried again after 10 s.
   * Rejects after all was tried, if the disk cannot be written or a file cannot be handled.
   */
  look(): Promise<void> {
    return doEach([() => this.#lookAtOffer(), () => this.#inbox.look(), () => this.#stick.look()]);
  }

  async #lookAtOffer(): Promise<void> {
    const bytes = this.#offered;
    if (!bytes || this.#on.mono() < this.#again) return;
    const outcome = await this.#install(bytes, "dispatch").catch((cause: unknown) => {
      if (this.#offered === bytes) this.#again = this.#on.mono() + AGAIN_MS;
      throw cause;
    });
    if (!outcome) return;
    if (this.#offered === bytes) this.#again = this.#on.mono() + AGAIN_MS;
    if (outcome.kind !== "wait" && this.#offered === bytes) this.#offered = undefined;
  }

  /** Undefined: another process works on the root at the moment. */
  async #locked<T>(work: () => Promise<T>): Promise<T | undefined> {
    using locked = await this.#on.lock();
    return locked ? await work() : undefined;
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
