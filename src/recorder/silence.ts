import type { StateMessage } from "../domain/messages.ts";
import {
  afterReport,
  afterState,
  expectedS,
  heardAfter,
  isStale,
  NEW_CADENCE,
  type Cadence,
} from "./cadence.ts";
import type { StoredReport } from "./report.ts";
import type { SilentUnit } from "./store.ts";

/** Which units have been silent for too long. Pure. */

/** Overdue by so many times what is expected. */
const OVERDUE = 3;
/**
 * After a connection to a broker was lost or found again, units need this long to find their way: a keepalive
 * and a half of theirs, and their pauses between attempts. Nothing is called silent meanwhile.
 */
const GRACE_MS = 90_000;
/** Units that are watched. Beyond it those unheard for the longest time are no longer. */
const UNITS = 100_000;

type Unit = {
  readonly cadence: Cadence;
  /** False: it is known only from the store or from retained messages. */
  readonly isHeard: boolean;
  /** When it was heard, or first known, in milliseconds that never jump. */
  readonly heardAt: number;
  /** The same instant on the wall clock. */
  readonly heardOn: number;
  readonly silent: SilentUnit | undefined;
};

/** Now: on a clock that never jumps, and on the wall clock, milliseconds. */
export type Now = { readonly mono: number; readonly wall: number };

/** What is known of the connections. */
export type Ears = {
  /** Whether there is any connection. */
  readonly isUp: boolean;
  /** When all connected brokers were last heard: the earliest of them, `mono`. */
  readonly heardAt: number;
};

/** What has changed: a unit is silent, or was heard. */
export type Change = { readonly unit: string; readonly silent: SilentUnit | undefined };

export class Silence {
  readonly #units = new Map<string, Unit>();
  /** When a connection was last lost or found again. */
  #unrestAt = -Infinity;

  /** A connection was lost, or is there again. */
  unrest(mono: number): void {
    this.#unrestAt = mono;
  }

  /** What the unit sends was heard. `isBirth`: it has connected. Returns a change if it was silent. */
  heard(unit: string, isBirth: boolean, now: Now): Change | undefined {
    const known = this.#of(unit, now);
    const afterS = (now.mono - known.heardAt) / 1000;
    // A time without a message is usual if the unit and this side were connected all the while.
    const isUsual = known.isHeard && !isBirth && known.heardAt > this.#unrestAt;
    const cadence = isUsual ? heardAfter(known.cadence, afterS) : known.cadence;
    this.#set(unit, { cadence, isHeard: true, heardAt: now.mono, heardOn: now.wall, silent: undefined });
    return known.silent ? { unit, silent: undefined } : undefined;
  }

  /**
   * The store or a broker says that a unit is silent. Returns false if it was heard since: then the message
   * must be removed.
   */
  adopt(silent: SilentUnit, now: Now): boolean {
    const known = this.#of(silent.unit, now);
    if (known.isHeard && !known.silent) return false;
    this.#set(silent.unit, { ...known, silent: known.silent ?? silent });
    return true;
  }

  /** A live report of a unit, perhaps a retained one, which is old but says how the unit is. */
  report(report: StoredReport, now: Now): void {
    const known = this.#of(report.unit, now);
    this.#set(report.unit, { ...known, cadence: afterReport(known.cadence, report) });
  }

  /** A state message. Returns whether it is stale. */
  state(state: StateMessage, now: Now): boolean {
    const known = this.#of(state.unit, now);
    if (isStale(known.cadence.place, state)) return true;
    this.#set(state.unit, { ...known, cadence: afterState(known.cadence, state) });
    return false;
  }

  get silent(): SilentUnit[] {
    return [...this.#units.values()].flatMap(({ silent }) => (silent ? [silent] : []));
  }

  /** The units that have become overdue. */
  overdue(now: Now, ears: Ears): Change[] {
    if (!ears.isUp || now.mono - this.#unrestAt < GRACE_MS) return [];
    const changes: Change[] = [];
    for (const [unit, known] of this.#units) {
      const expected = expectedS(known.cadence);
      if (known.silent || expected === undefined) continue;
      // Silence counts from when this side could hear, and only while the brokers prove that they live.
      const since = Math.max(known.heardAt, this.#unrestAt);
      const overdueAt = since + expected * OVERDUE * 1000;
      if (now.mono < overdueAt || ears.heardAt < overdueAt) continue;
      const silent = { unit, since: now.wall, last: known.heardOn, expectedS: expected };
      this.#units.set(unit, { ...known, silent });
      changes.push({ unit, silent });
    }
    return changes;
  }

  #of(unit: string, now: Now): Unit {
    return (
      this.#units.get(unit) ?? {
        cadence: NEW_CADENCE,
        isHeard: false,
        heardAt: now.mono,
        heardOn: now.wall,
        silent: undefined,
      }
    );
  }

  #set(unit: string, value: Unit): void {
    this.#units.delete(unit);
    this.#units.set(unit, value);
    const [oldest] = this.#units.keys();
    if (this.#units.size > UNITS && oldest !== undefined) this.#units.delete(oldest);
  }
}
