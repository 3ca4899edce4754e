import type { Time } from "../runtime/ports.ts";
import type { ReleaseEvent } from "./release.ts";
import type { TakenBack, Trial } from "./versions.ts";

/**
 * Watches over the version with which a service runs: takes over a new one, says whether a version on trial counts, and
 * reports one that was taken back. `release-trial.sh` does what it says.
 */

export type Watching = {
  readonly time: Pick<Time, "mono">;
  /** The version with which this process runs. */
  readonly version: string;
  readonly versions: {
    current(): Promise<string | undefined>;
    trial(): Promise<Trial | undefined>;
    takenBack(): Promise<TakenBack | undefined>;
  };
  /** Hands a line to `release-trial.sh decide`. */
  readonly say: (line: string) => void;
};

/** The running unit. */
export type Running = {
  /** Whether a broker has acknowledged its birth. */
  reached(): boolean;
  /** Whether what is tried has proved itself (contract §8). */
  proven(): boolean;
  /** Whether an emergency is open, which is no drill. */
  inEmergency(): boolean;
  /** Whether the network could have carried a report. */
  couldCarry(): boolean;
  /** How long a trial may take, milliseconds. */
  trialMs(): number;
  announce(event: ReleaseEvent): void;
  /** Resolves when all events are on disk. Rejects if the disk cannot be written. */
  written(): Promise<void>;
};

/** Pause before the same line is written again. */
const AGAIN_MS = 10_000;
/** An emergency that is open for so long without dispatch being reached ends a trial. */
const STRANDED_MS = 5_000;

export class ReleaseWatch {
  readonly #on: Watching;
  #lookedAt: number;
  #againAt = -Infinity;
  #countedMs = 0;
  #strandedMs = 0;
  /** Undefined: it was not read yet. */
  #isOnTrial: boolean | undefined;
  /** Nothing is left to report about a version that was taken back. */
  #isTold = false;
  readonly #announced = new Set<string>();

  constructor(on: Watching) {
    this.#on = on;
    this.#lookedAt = on.time.mono();
  }

  /** Call it each second. Why the process must be started anew; undefined: it goes on. Rejects if the disk cannot be read. */
  async look(unit: Running): Promise<string | undefined> {
    const now = this.#on.time.mono();
    this.#count(unit, now - this.#lookedAt);
    this.#lookedAt = now;
    const { version, versions } = this.#on;
    const current = await versions.current();
    if (current !== undefined && current !== version)
      return (await this.#mayReplace(unit))
        ? `version ${current} of the software replaces ${version}`
        : undefined;
    if (now < this.#againAt) return undefined;
    const line = (await this.#judge(unit)) ?? (await this.#report(unit));
    if (line !== undefined) {
      this.#againAt = now + AGAIN_MS;
      this.#on.say(line);
    }
    return undefined;
  }

  /** The process runs for so long, and no unit has started in it. */
  async neverStarted(afterMs: number): Promise<void> {
    const trial = await this.#on.versions.trial();
    if (trial?.version === this.#on.version)
      this.#on.say(`back ${trial.version} its unit did not start within ${Math.round(afterMs / 1_000)} s`);
  }

  /** In an emergency nothing new is tried. If dispatch is not reached, going back may help. */
  async #mayReplace(unit: Running): Promise<boolean> {
    if (!unit.inEmergency()) return true;
    const back = await this.#on.versions.takenBack();
    return !unit.reached() && back?.version === this.#on.version;
  }

  #count(unit: Running, elapsedMs: number): void {
    const ms = unit.couldCarry() ? elapsedMs : 0;
    this.#countedMs += ms;
    this.#strandedMs = unit.inEmergency() && !unit.reached() ? this.#strandedMs + ms : 0;
  }

  /** What is to be said of the version in force. */
  async #judge(unit: Running): Promise<string | undefined> {
    if (this.#isOnTrial === false) return undefined;
    const trial = await this.#on.versions.trial();
    this.#isOnTrial = trial !== undefined;
    if (!trial) return undefined;
    const { version, previous } = trial;
    if (unit.proven()) {
      await this.#announce(unit, { type: "update", version, ok: true, previous });
      return `good ${version}`;
    }
    if (this.#strandedMs >= STRANDED_MS)
      return `back ${version} an emergency was open, and dispatch was not reached with it`;
    if (this.#countedMs < unit.trialMs()) return undefined;
    return `back ${version} dispatch was not reached with it within ${Math.round(unit.trialMs() / 1_000)} s`;
  }

  /** What is to be said of a version that was taken back. */
  async #report(unit: Running): Promise<string | undefined> {
    if (this.#isTold) return undefined;
    const back = await this.#on.versions.takenBack();
    // It can name the running version: a power cut interrupted its way back.
    this.#isTold = back === undefined || back.version === this.#on.version;
    if (!back || this.#isTold) return undefined;
    const { version, previous, why } = back;
    const error = `${why}; version ${previous} is in force again`;
    await this.#announce(unit, { type: "update", version, ok: false, error, previous });
    return `told ${version}`;
  }

  /** Announces each result once in a life of the process. */
  async #announce(unit: Running, event: ReleaseEvent): Promise<void> {
    const key = JSON.stringify(event);
    if (!this.#announced.has(key)) unit.announce(event);
    this.#announced.add(key);
    await unit.written();
  }
}
