import type { Time } from "../runtime/ports.ts";
import { pause } from "../runtime/wait.ts";
import { Reporting, type ResultReports } from "./reporting.ts";
import type { Store } from "./store.ts";
import {
  atStart,
  beginGoingBack,
  countTime,
  isOverdue,
  NO_STATE,
  notReached,
  pass,
  stoppedCleanly,
  trialOf,
  wayBack,
  type Disk,
  type Start,
  type State,
} from "./trial.ts";

/** Watches over the configuration with which a service runs: takes over a new one, ends a trial. */

/** The running unit. */
export type Running = {
  /** Whether a broker has acknowledged its birth. */
  reached(): boolean;
  /** Whether a configuration that is tried has proved itself (contract §8). */
  proven(): boolean;
  /** Whether an emergency is open, which is no drill. */
  inEmergency(): boolean;
  /** Whether the network could have carried a report. */
  couldCarry(): boolean;
  /** Why the unit must be started anew with the same configuration; undefined: it need not. */
  changed(): string | undefined;
  /** Whether there may be results that were not reported yet. */
  hasNews(): boolean;
} & ResultReports;

export type Supervision = {
  readonly store: Store;
  readonly time: Time;
  /** Locks the root. Undefined: another process has it at the moment. */
  readonly lock: () => Promise<Disposable | undefined>;
  /** An id that changes when the machine is started. */
  readonly machineBoot: string;
};

/** How often is looked. */
const LOOK_MS = 1_000;
/** How often the time of a trial is written: the card should not be written each second. */
const WRITE_MS = 10_000;

/** What the service should run with. Undefined: there is no configuration. */
export type Begun = {
  readonly version: number;
  /** The switch that put it in force. */
  readonly switched: string | undefined;
  /** Why it went back to this version; undefined: it did not. */
  readonly back: string | undefined;
  /** Whether it is on trial, and there is a version to go back to. */
  readonly guarded: boolean;
};

/** A card that does not answer must not keep a car without a service. */
const ANSWER_MS = 5_000;

/** Whether it is done in time. `failed`: told why not. */
const done = async (work: Promise<void>, time: Time, failed: (cause: unknown) => void): Promise<boolean> => {
  const over = new AbortController();
  const late = pause(ANSWER_MS, over.signal, time).then(() => {
    throw new Error(`the card has not answered for ${ANSWER_MS / 1_000} s`);
  });
  try {
    await Promise.race([work, late]);
    return true;
  } catch (cause) {
    failed(cause);
    return false;
  } finally {
    over.abort();
    // Whichever comes second is told to nobody.
    void Promise.allSettled([work, late]);
  }
};

/** Writes what was decided at a start, and goes back if that was decided. */
const write = async ({ store, machineBoot }: Supervision, start: Start): Promise<void> => {
  if (start.kind === "run" && start.state) await store.writeState(start.state);
  if (start.kind !== "back") return;
  await store.goBack(start.to, start.state);
  // The version that is in force again may be on trial itself.
  const again = atStart(await store.disk(), await store.state(), machineBoot);
  if (again.kind === "run" && again.state) await store.writeState(again.state);
};

/**
 * Decides with which version the service starts, and goes back if it must. Call it before each start of a
 * unit. A disk that cannot be read or written, or does not answer a write, is told to `failed`: a car must start all the
 * same, with the version that is in force. So it must if another process has the root: then nothing is written, because
 * that process writes what it decided before.
 */
export const begin = async (
  on: Supervision,
  failed: (cause: unknown) => void,
): Promise<Begun | undefined> => {
  const { store, lock, time, machineBoot } = on;
  const stateNow = () =>
    store.state().catch((cause: unknown) => {
      failed(cause);
      return undefined;
    });
  using locked = await lock();
  const state = await stateNow();
  const start = atStart(await store.disk(), state ?? NO_STATE, machineBoot);
  if (start.kind === "none") return undefined;
  // What cannot be read is not written over.
  const isWritten =
    locked !== undefined && state !== undefined && (await done(write(on, start), time, failed));
  // Read first: a switch in between is noticed at the first look.
  const { switched } = await store.links();
  const disk = await store.disk();
  if (disk.current === undefined) return undefined;
  const now = state && (await stateNow());
  const isBack = start.kind === "back" && isWritten;
  return {
    version: disk.current,
    switched,
    back: isBack ? (start.state.going?.why ?? "its files were not there") : undefined,
    guarded: now !== undefined && trialOf(disk, now) !== undefined && wayBack(disk, now) !== undefined,
  };
};

/** Notes that the service stops cleanly: the run does not count as a crash. */
export const end = async (
  on: Supervision,
  { version }: Begun,
  failed: (cause: unknown) => void,
): Promise<void> => {
  const { store, lock, time } = on;
  using locked = await lock();
  if (!locked) return;
  const stop = async (): Promise<void> => {
    const state = await store.state();
    if (trialOf(await store.disk(), state)?.version === version)
      await store.writeState(stoppedCleanly(state));
  };
  await done(stop(), time, failed);
};

/** An emergency that is open for so long without dispatch being reached ends a trial. */
const STRANDED_MS = 5_000;
const STRANDED = "an emergency was open, and dispatch was not reached with it";

type Watching = {
  /** How long a trial may take. */
  readonly trialMs: number;
  readonly failed: (cause: unknown) => void;
};

class Watch {
  readonly #on: Supervision;
  readonly #begun: Begun;
  readonly #running: Running;
  readonly #trialMs: number;
  /** Counted and not written. */
  #unwrittenMs = 0;
  /** Counted and written; undefined until it has been read. */
  #countedMs: number | undefined;
  #lookedAt: number;
  /** For how long an emergency has been open without dispatch being reached, though the network could have carried it. */
  #strandedMs = 0;
  readonly #reporting: Reporting;
  #onTrial = true;

  constructor(on: Supervision, begun: Begun, running: Running, { trialMs, failed }: Watching) {
    this.#on = on;
    this.#begun = begun;
    this.#running = running;
    this.#trialMs = trialMs;
    this.#lookedAt = on.time.mono();
    this.#reporting = new Reporting(on, running, failed);
  }

  /** Undefined: the unit goes on. */
  async look(): Promise<string | undefined> {
    const { store, time } = this.#on;
    const elapsedMs = time.mono() - this.#lookedAt;
    this.#lookedAt = time.mono();
    const countedMs = this.#running.couldCarry() ? elapsedMs : 0;
    this.#unwrittenMs += countedMs;
    const isStranded = this.#running.inEmergency() && !this.#running.reached();
    this.#strandedMs = isStranded ? this.#strandedMs + countedMs : 0;
    const { current, switched } = await store.links();
    if (current !== this.#begun.version || switched !== this.#begun.switched) return this.#other(current);
    const changed = this.#running.changed();
    if (changed !== undefined && !this.#running.inEmergency()) return changed;
    if (this.#running.hasNews()) this.#reporting.add();
    await this.#reporting.look();
    return this.#onTrial ? this.#trial() : undefined;
  }

  /** Another version is in force: it is taken over, unless an emergency would be interrupted. */
  #other(current: number | undefined): string | undefined {
    if (current === undefined) return undefined;
    // Without a connection the other configuration may be what the emergency needs.
    if (this.#running.inEmergency() && this.#running.reached()) return undefined;
    return current === this.#begun.version
      ? `configuration ${current} was installed again`
      : `configuration ${current} replaces ${this.#begun.version}`;
  }

  /** A press needs the configuration that is known to work, now. */
  get #isStranded(): boolean {
    return this.#strandedMs >= STRANDED_MS;
  }

  get #isDue(): boolean {
    if (this.#countedMs === undefined || this.#unwrittenMs >= WRITE_MS || this.#isStranded) return true;
    return this.#countedMs + this.#unwrittenMs >= this.#trialMs;
  }

  async #trial(): Promise<string | undefined> {
    const proven = this.#running.proven();
    if (!proven && !this.#isDue) return undefined;
    const { store, lock } = this.#on;
    using locked = await lock();
    if (!locked) return undefined;
    const [disk, state] = await Promise.all([store.disk(), store.state()]);
    // It was switched in the meantime.
    if (disk.current !== this.#begun.version) return this.#other(disk.current);
    // Begun, and the disk could not be written.
    if (state.going?.from === disk.current) return await this.#goBack(state.going, state);
    if (!trialOf(disk, state)) {
      this.#onTrial = false;
      return undefined;
    }
    return await (proven ? this.#pass(disk, state) : this.#count(disk, state));
  }

  /** Writes the time that was counted last, before the service stops. */
  async settle(): Promise<void> {
    if (!this.#onTrial || this.#unwrittenMs === 0) return;
    const { store, lock } = this.#on;
    using locked = await lock();
    const [disk, state] = await Promise.all([store.disk(), store.state()]);
    if (locked && disk.current === this.#begun.version && trialOf(disk, state))
      await store.writeState(countTime(state, this.#unwrittenMs));
  }

  settleReports(): Promise<void> {
    return this.#reporting.settle();
  }

  async #pass(disk: Disk, state: State): Promise<undefined> {
    await this.#on.store.adoptCertificate(this.#begun.version);
    await this.#on.store.endResults(this.#begun.version, { kind: "passed" });
    await this.#on.store.writeState(pass(disk, state));
    // Not before it is on disk: what failed is done at the next look.
    this.#onTrial = false;
    this.#reporting.add();
    await this.#on.store.prune();
  }

  async #count(disk: Disk, state: State): Promise<string | undefined> {
    const counted = countTime(state, this.#unwrittenMs);
    this.#unwrittenMs = 0;
    const trial = trialOf(disk, counted);
    this.#countedMs = trial?.countedMs;
    const why = this.#isStranded ? STRANDED : notReached(this.#trialMs);
    const isOver = trial && (this.#isStranded || isOverdue(trial, this.#trialMs));
    const back = isOver ? beginGoingBack(disk, counted, why) : undefined;
    if (!back?.going) {
      await this.#on.store.writeState(counted);
      return undefined;
    }
    return this.#goBack(back.going, back);
  }

  async #goBack({ from, to, why }: NonNullable<State["going"]>, state: State): Promise<string> {
    await this.#on.store.goBack(to, state);
    return `configuration ${from} goes back to ${to}: ${why}`;
  }
}

/**
 * Watches until the unit has to be started anew with another configuration. Resolves with the reason, or
 * undefined when `signal` fires. `trialMs`: how long a trial may take. `failed`: told of each look that
 * failed; the next one follows.
 */
export const supervise = async (
  on: Supervision,
  begun: Begun,
  running: Running,
  { trialMs, signal, failed }: Watching & { readonly signal: AbortSignal },
): Promise<string | undefined> => {
  const watch = new Watch(on, begun, running, { trialMs, failed });
  while (!signal.aborted) {
    // oxlint-disable-next-line no-await-in-loop -- looked again and again
    await pause(LOOK_MS, signal, on.time);
    if (signal.aborted) break;
    try {
      // oxlint-disable-next-line no-await-in-loop
      const reason = await watch.look();
      if (reason !== undefined) return reason;
    } catch (cause) {
      failed(cause);
    }
  }
  await watch.settle().catch(failed);
  await watch.settleReports().catch(failed);
  return undefined;
};
