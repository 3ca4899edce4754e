import * as z from "zod";
import { openAs } from "../bundle/envelope.ts";
import type { TrustedKey } from "../bundle/keys.ts";
import { sha256 as hashOf } from "../bundle/sha256.ts";
import { reasonOf, type Log } from "../runtime/log.ts";
import type { Time } from "../runtime/ports.ts";
import { pause } from "../runtime/wait.ts";
import type { Download } from "./download.ts";
import { judge, type Circumstances, type Verdict } from "./judge.ts";
import { packageName, RELEASE, type Architecture, type Release, type ReleaseEvent } from "./release.ts";
import type { Tray } from "./tray.ts";
import type { Versions } from "./versions.ts";

/**
 * Releases that come over the link: fetches the package that a release names, and hands both over to root, which checks
 * them once more. The new version reports its own result (watch.ts).
 */

/** What `flash release --json` has printed. */
export const Answer = z.object({
  ok: z.boolean(),
  code: z.string().optional(),
  error: z.string().optional(),
});
export type Answer = z.infer<typeof Answer>;

export type Receiving = {
  /** The unit's name, `directorate/id`. */
  readonly unit: string;
  /** Undefined: there is no package for this machine. */
  readonly architecture: Architecture | undefined;
  /** Undefined: this is no installed version. */
  readonly versions: Pick<Versions, "current" | "trial" | "allTakenBack"> | undefined;
  readonly trusted: () => Promise<readonly TrustedKey[]>;
  readonly car: () => Pick<Circumstances, "now" | "emergency" | "onBattery">;
  readonly tray: Tray;
  /** Writes a package. What it has written of it stays if it rejects. */
  readonly fetch: (what: Pick<Download, "url" | "file" | "bytes" | "signal">) => Promise<void>;
  /** The sha256 of a file, hex. */
  readonly sha256Of: (file: string) => Promise<string>;
  /** What root has answered. Undefined: nothing. */
  readonly answer: () => Promise<Answer | undefined>;
  /** Makes an event. Resolves when it is on disk. */
  readonly announce: (event: ReleaseEvent) => Promise<void>;
  readonly time: Time;
  readonly log: Log;
  /** The service stops. */
  readonly signal: AbortSignal;
};

/** What cannot be taken now is tried again after this time. */
const AGAIN_MS = 60_000;
/** The pause after a failure doubles from minMs to maxMs. */
const FAILED = { minMs: 60_000, maxMs: 3_600_000 };
/** How often it is looked whether root has taken a release, or an emergency has begun. */
const LOOK_MS = 1_000;
/** Longer than patrol-unit-install.service may take. */
const INSTALL_MS = 960_000;
const NOBODY = "root has not taken it within 16 min: is patrol-unit-install.path active?";
/** Codes with which root says that it may take the release later. */
const LATER = new Set<string | undefined>([
  "clock",
  "not-yet",
  "emergency",
  "battery",
  "disk",
  "trial",
] satisfies Extract<Verdict, { kind: "wait" }>["code"][]);

/** What becomes of an offer: it is over, or is looked at again. `failed`: after a pause that grows. */
type Next = "over" | "later" | "failed";

/** A release whose package is being fetched or installed. */
type Taken = {
  readonly bytes: Buffer;
  readonly sha256: string;
  readonly version: string;
  readonly previous: string;
};

export class ReleaseReceiver {
  readonly #on: Receiving;
  /** The newest one. Dispatch keeps only one. */
  #offered: Buffer | undefined;
  #againAt = 0;
  #failures = 0;
  /** Its fetching was reported. */
  #isBegun = false;
  /** How often its package was another one. */
  #mismatches = 0;
  /** What was logged last. */
  #said = "";
  /** Why it does not go on, as dispatch was told last. */
  #told = "";

  constructor(on: Receiving) {
    this.#on = on;
  }

  /** Takes what came on the topic `bundle`. An empty message withdraws it. */
  offer(bytes: Buffer): void {
    if (this.#offered?.equals(bytes)) return;
    this.#offered = bytes.length === 0 ? undefined : bytes;
    this.#againAt = 0;
    this.#failures = 0;
    this.#mismatches = 0;
    this.#told = "";
    this.#isBegun = false;
  }

  /** Goes on with what is offered. Call it each second, and never while a call is running: one can last as long as a download. */
  async look(): Promise<void> {
    const bytes = this.#offered;
    if (!bytes || this.#on.time.mono() < this.#againAt) return;
    const next = await this.#take(bytes).catch((cause: unknown) => this.#failed(reasonOf(cause)));
    if (this.#offered !== bytes) return;
    if (next === "over") this.#offered = undefined;
    const failedMs = Math.min(FAILED.maxMs, FAILED.minMs * 2 ** this.#failures);
    if (next === "failed") this.#failures++;
    this.#againAt = this.#on.time.mono() + (next === "failed" ? failedMs : AGAIN_MS);
  }

  #say(level: "info" | "warn", text: string): void {
    if (text !== this.#said) this.#on.log[level](`release: ${text}`);
    this.#said = text;
  }

  /** It is tried again. Dispatch is told each reason once. */
  async #failed(why: string, version?: string): Promise<Next> {
    this.#say("warn", why);
    if (why !== this.#told)
      await this.#on
        .announce({
          type: "update",
          ...(version === undefined ? {} : { version }),
          error: why,
        })
        .catch(() => undefined); // the disk takes nothing: it is tried again with the rest
    this.#told = why;
    return "failed";
  }

  /** The hash is kept, so a release that comes again is not reported twice. */
  async #refuse(sha256: string, says: string, version?: string): Promise<Next> {
    const { announce, tray } = this.#on;
    this.#say("warn", `refused: ${says}`);
    await announce({ type: "update", ...(version === undefined ? {} : { version }), ok: false, error: says });
    await tray.discard();
    await tray.refuse(sha256);
    return "over";
  }

  async #take(bytes: Buffer): Promise<Next> {
    const { versions, tray, trusted, unit, architecture } = this.#on;
    const sha256 = hashOf(bytes);
    // Wait for a release that an earlier life handed over.
    if (!(await this.#isTaken())) return this.#failed(NOBODY);
    if ((await tray.refused()) === sha256) return "over";
    const inForce = await versions?.current();
    if (!versions || inForce === undefined)
      return this.#refuse(sha256, "this program is not an installed version: releases are for packages");
    const opened = await openAs(RELEASE, bytes, await trusted());
    if (opened.kind === "invalid") return this.#refuse(sha256, opened.says);
    const { content } = opened;
    const [trial, takenBack] = [await versions.trial(), await versions.allTakenBack()];
    const known = { unit, architecture, inForce, trial: trial?.version, takenBack };
    const verdict = judge(content, { ...this.#on.car(), ...known });
    if (verdict.kind === "wait") {
      this.#say("info", `version ${content.version} waits: ${verdict.says}`);
      return "later";
    }
    if (verdict.kind === "take")
      return this.#fetch(content, verdict.wanted, {
        bytes,
        sha256,
        version: content.version,
        previous: inForce,
      });
    // A retained release comes again when it is in force.
    return content.version === inForce ? "over" : this.#refuse(sha256, verdict.says, content.version);
  }

  async #fetch(
    { from }: Release,
    { architecture, bytes, sha256 }: Extract<Verdict, { kind: "take" }>["wanted"],
    taken: Taken,
  ): Promise<Next> {
    const { tray, fetch, sha256Of, announce } = this.#on;
    const { version, previous } = taken;
    if (from === undefined)
      return this.#refuse(taken.sha256, "it does not say from where its package is fetched", version);
    const name = packageName(version, architecture);
    const file = await tray.place(name);
    if (!this.#isBegun) await announce({ type: "update", version, stage: "fetching", previous });
    this.#isBegun = true;
    const isFetched = await this.#whileWanted(taken.bytes, (signal) =>
      fetch({ url: `${from.replace(/\/+$/, "")}/${name}`, file, bytes, signal }),
    );
    if (!isFetched) return "later";
    if ((await sha256Of(file)) !== sha256) {
      await tray.discard();
      const says = `${from} has another package than was signed`;
      // Parts of it may be of a file that was replaced there meanwhile.
      if (this.#mismatches++ === 0) return this.#failed(says, version);
      return this.#refuse(taken.sha256, says, version);
    }
    return this.#handOver(taken);
  }

  /**
   * Stops the work when an emergency begins, the ignition goes off, dispatch offers another release, or the service
   * stops. Whether it was done; rejects if it has failed.
   */
  async #whileWanted(release: Buffer, work: (signal: AbortSignal) => Promise<void>): Promise<boolean> {
    const { time, signal } = this.#on;
    const unwanted = new AbortController();
    using _ = time.every(LOOK_MS, () => !this.#isWantedNow(release) && unwanted.abort());
    const stop = AbortSignal.any([unwanted.signal, signal]);
    try {
      await work(stop);
      return true;
    } catch (cause) {
      if (stop.aborted) return false;
      throw cause;
    }
  }

  /** Waits until root has taken what was handed over. Returns false if root did not: it is withdrawn after INSTALL_MS. */
  async #isTaken(): Promise<boolean> {
    const { tray, time, signal } = this.#on;
    const until = time.mono() + INSTALL_MS;
    // oxlint-disable-next-line no-await-in-loop -- looked again and again
    while (!signal.aborted && !(await tray.isEmpty())) {
      if (time.mono() >= until) {
        // oxlint-disable-next-line no-await-in-loop
        await tray.withdraw();
        return false;
      }
      // oxlint-disable-next-line no-await-in-loop
      await pause(LOOK_MS, signal, time);
    }
    return true;
  }

  #isWantedNow(release: Buffer): boolean {
    const { emergency, onBattery } = this.#on.car();
    return !emergency && !onBattery && this.#offered === release;
  }

  async #handOver({ bytes, sha256, version, previous }: Taken): Promise<Next> {
    const { tray, answer, announce } = this.#on;
    if (!this.#isWantedNow(bytes)) return "later";
    await announce({ type: "update", version, stage: "installing", previous });
    await tray.handOver(bytes);
    if (!(await this.#isTaken())) return this.#failed(NOBODY, version);
    if (this.#on.signal.aborted) return "later";
    const said = await answer();
    if (!said)
      return this.#failed("it could not be installed: see journalctl -u patrol-unit-install", version);
    // ReleaseWatch restarts the process with the new version.
    if (said.ok) return "over";
    const why = said.error ?? "it could not be installed";
    if (!LATER.has(said.code)) return this.#refuse(sha256, why, version);
    this.#say("info", `version ${version} waits: ${why}`);
    return "later";
  }
}
