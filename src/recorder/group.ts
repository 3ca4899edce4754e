import type { Accepted, Rejected } from "./report.ts";

/** Messages that wait to be committed, and when that is due. Pure. */

/**
 * One message. `done`: called when it is committed; `unstored` are those of `accepted` that are not in the store:
 * they are kept as rejected.
 */
export type Pending = {
  readonly accepted: readonly Accepted[];
  readonly rejected: readonly Rejected[];
  /** Has a live emergency. */
  readonly isUrgent: boolean;
  done(unstored: ReadonlySet<Accepted>): void;
};

/** A commit is due after so long, or with so many reports. */
const AGE_MS = 250;
const REPORTS = 500;
/**
 * A broker that sends only a few messages before it wants a PUBACK (mosquitto's default is 20) then waits: so
 * many messages without a further one for `QUIET_MS` are committed at once.
 */
const WINDOW = 16;
const QUIET_MS = 15;
/** A commit has at most about so many reports: an emergency waits for one commit at most. */
const BATCH_REPORTS = 2_000;
/**
 * What may wait in memory. Beyond it only emergencies are read from the brokers, beyond twice as much nothing;
 * once half of it is left, everything is read again.
 */
const WAITING_BYTES = 24 * 1024 * 1024;
const WAITING_REPORTS = 20_000;
/** The size of a report in memory beside its data. */
const REPORT_BYTES = 400;

const bytesOf = ({ accepted, rejected }: Pending): number =>
  accepted.reduce((sum, { report }) => sum + report.data.length + REPORT_BYTES, REPORT_BYTES) +
  rejected.reduce((sum, { bytes }) => sum + bytes.length, 0);

const reportsOf = ({ accepted, rejected }: Pending): number => accepted.length + rejected.length;

/** Which sessions should not be read for now. */
export type Pressure = "none" | "bulk" | "all";

export class Group {
  readonly #urgent: Pending[] = [];
  #plain: Pending[] = [];
  #reports = 0;
  #bytes = 0;
  #oldestAt = 0;
  #newestAt = 0;

  get isEmpty(): boolean {
    return this.#urgent.length + this.#plain.length === 0;
  }

  /** An emergency waits. */
  get isUrgent(): boolean {
    return this.#urgent.length > 0;
  }

  get pressure(): Pressure {
    const filled = Math.max(this.#bytes / WAITING_BYTES, this.#reports / WAITING_REPORTS);
    return filled > 2 ? "all" : filled > 1 ? "bulk" : "none";
  }

  /** There is room again. */
  get hasRoom(): boolean {
    return this.#bytes <= WAITING_BYTES / 2 && this.#reports <= WAITING_REPORTS / 2;
  }

  /** `now`: milliseconds that never jump. */
  add(pending: Pending, now: number): void {
    if (this.isEmpty) this.#oldestAt = now;
    this.#newestAt = now;
    (pending.isUrgent ? this.#urgent : this.#plain).push(pending);
    this.#bytes += bytesOf(pending);
    this.#reports += reportsOf(pending);
  }

  /** Milliseconds until a commit is due: 0 means now. Undefined: nothing waits. */
  dueIn(now: number): number | undefined {
    if (this.isEmpty) return undefined;
    if (this.#urgent.length > 0 || this.#reports >= REPORTS) return 0;
    const byAge = this.#oldestAt + AGE_MS - now;
    const byQuiet = this.#plain.length >= WINDOW ? this.#newestAt + QUIET_MS - now : Infinity;
    return Math.max(0, Math.min(byAge, byQuiet));
  }

  /** Takes what the next commit writes: emergencies first, then in the order in which they came. */
  take(now: number): Pending[] {
    const taken = this.#urgent.splice(0);
    let reports = taken.reduce((sum, one) => sum + reportsOf(one), 0);
    let count = 0;
    for (; count < this.#plain.length && reports < BATCH_REPORTS; count++)
      reports += reportsOf(this.#plain[count]!);
    for (const one of this.#plain.slice(0, count)) taken.push(one);
    this.#plain = this.#plain.slice(count);
    for (const one of taken) this.#bytes -= bytesOf(one);
    this.#reports -= reports;
    this.#oldestAt = now;
    return taken;
  }
}
