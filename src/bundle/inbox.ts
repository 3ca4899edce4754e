import { join } from "node:path";
import type { Root } from "../settings/root.ts";
import { doEach } from "./attempts.ts";
import { MAX_BUNDLE_BYTES } from "./format.ts";
import type { Outcome } from "./install.ts";
import { replaceFile, type Files } from "./port.ts";
import { readBundle } from "./read-bundle.ts";
import { outcomeLine, RESULT, tooLarge } from "./results.ts";
import { shown } from "./stick.ts";
import { sha256 } from "./sha256.ts";

/** The bundles that a technician copies into the inbox, each with a result beside it. */

/** A bundle that cannot be taken now, or whose handling failed, is tried again after this time. */
const AGAIN_MS = 10_000;
/** Files of the inbox that are known. Further ones, by name, are looked at when these are gone. */
const MAX_KNOWN = 256;
/** Files that are taken in one look. Further ones are taken in the next. */
const MAX_TAKEN = 32;
const BUNDLE = ".patrol";

export type InboxOptions = {
  readonly root: Root;
  readonly files: Files;
  /** Milliseconds that never jump. */
  readonly mono: () => number;
  /** Installs a bundle and reports its outcome. Undefined: another process works on the root at the moment. */
  readonly install: (bytes: Buffer) => Promise<Outcome | undefined>;
  /** Reports a refusal for which no bundle was installed. Undefined: as `install`. */
  readonly refuse: (outcome: Extract<Outcome, { kind: "refuse" }>) => Promise<Outcome | undefined>;
};

/** A file that is left alone until `until`. */
type Held =
  /** It cannot be taken yet, or its handling failed. */
  | { readonly kind: "waits"; readonly until: number }
  /** It was refused because it cannot be read. `making`: of the file that was refused. */
  | { readonly kind: "unreadable"; readonly until: number; readonly making: string | undefined }
  /** Its outcome was reported; the result or the removal failed. `key`: of what it held. */
  | { readonly kind: "ended"; readonly until: number; readonly key: string; readonly line: string };

export class Inbox {
  readonly #on: InboxOptions;
  /** By name. At most MAX_KNOWN. */
  readonly #held = new Map<string, Held>();

  constructor(on: InboxOptions) {
    this.#on = on;
  }

  /** Takes what lies in the inbox. Call it each second. Rejects after all files were tried, if some failed. */
  async look(): Promise<void> {
    const { root, files, mono } = this.#on;
    const names = (await files.list(root.inbox))
      .filter(({ name, kind }) => kind === "file" && name.endsWith(BUNDLE))
      .map(({ name }) => name)
      .toSorted()
      .slice(0, MAX_KNOWN);
    const present = new Set(names);
    for (const name of this.#held.keys()) if (!present.has(name)) this.#held.delete(name);
    const due = names.filter((name) => mono() >= (this.#held.get(name)?.until ?? 0)).slice(0, MAX_TAKEN);
    await doEach(due.map((name) => () => this.#try(name)));
  }

  get #later(): number {
    return this.#on.mono() + AGAIN_MS;
  }

  async #try(name: string): Promise<void> {
    try {
      await this.#take(name);
    } catch (cause) {
      const held = this.#held.get(name);
      this.#held.set(name, held ? { ...held, until: this.#later } : { kind: "waits", until: this.#later });
      throw cause;
    }
  }

  async #take(name: string): Promise<void> {
    const { root, files, install, refuse } = this.#on;
    const path = join(root.inbox, name);
    const making = await files.makingOf(path);
    const held = this.#held.get(name);
    if (held?.kind === "unreadable" && held.making === making) {
      this.#held.set(name, { ...held, until: this.#later });
      return;
    }
    const size = await files.size(path);
    // A pipe, for example: reading it could last for ever.
    if (size === undefined) return;
    if (size > MAX_BUNDLE_BYTES) {
      const key = `${size} ${making}`;
      if (held?.kind === "ended" && held.key === key) return this.#finish(name, held.line);
      const refused = await refuse(tooLarge(size));
      if (refused) await this.#end(name, key, refused);
      return;
    }
    const read = await readBundle(files, path);
    if (read.kind === "gone") return;
    if (read.kind === "unreadable") return this.#refuseUnreadable(name, read.why, making);
    const key = sha256(read.bytes);
    if (held?.kind === "ended" && held.key === key) return this.#finish(name, held.line);
    const outcome = await install(read.bytes);
    if (outcome) await this.#end(name, key, outcome);
  }

  /** Leaves the result beside a bundle, and removes the bundle. One that waits stays. */
  async #end(name: string, key: string, outcome: Outcome): Promise<void> {
    const line = outcomeLine(outcome);
    if (outcome.kind !== "wait") {
      // Known before it is tried: if it fails, the outcome must not be reported again.
      this.#held.set(name, { kind: "ended", until: this.#later, key, line });
      return this.#finish(name, line);
    }
    this.#held.set(name, { kind: "waits", until: this.#later });
    return this.#writeResult(name, line);
  }

  async #finish(name: string, line: string): Promise<void> {
    await this.#writeResult(name, line);
    await this.#on.files.remove(join(this.#on.root.inbox, name));
    this.#held.delete(name);
  }

  /** The file stays: nobody knows what it is. */
  async #refuseUnreadable(name: string, why: string, making: string | undefined): Promise<void> {
    const { root, files, refuse } = this.#on;
    const todo = "make it readable for the service (chmod a+r), or copy it again";
    const says = `${shown(name)}: ${why}: ${todo}`;
    const outcome: Extract<Outcome, { kind: "refuse" }> = { kind: "refuse", code: "unreadable", says };
    const line = outcomeLine(outcome);
    // The result of an earlier life says that it was reported then.
    const before = await files.read(join(root.inbox, name + RESULT)).catch(() => undefined);
    const isKnown = before?.toString("utf8") === `${line}\n`;
    if (!isKnown && !(await refuse(outcome))) return;
    this.#held.set(name, { kind: "unreadable", until: this.#later, making });
    if (!isKnown) await this.#writeResult(name, line);
  }

  #writeResult(name: string, line: string): Promise<void> {
    const { root, files } = this.#on;
    return replaceFile(files, join(root.inbox, name + RESULT), Buffer.from(`${line}\n`));
  }
}
