import { addRange, hasNumber, removeRange, union, within, without, type Runs } from "../domain/runs.ts";

/** A receipt comes within seconds of a report, and a parked car makes a report each 5 minutes. */
const SILENT_MS = 600_000;
/** A receipt may have been written before dispatch stored what was sent again just now. */
const RIPE_MS = 30_000;
/** Between two moves of the link: the recorder may be away, and then no broker is better than another. */
const MOVE_MS = { min: 600_000, max: 3_600_000 };
/** The most runs of numbers that are remembered. If there are more, the lowest are forgotten. */
const RUNS = 256;

/** A result, for the faults of custody. */
export type Finding =
  /** Dispatch does not get what the broker acknowledges. Found at most once in each stay. */
  | { readonly kind: "unconfirmed"; readonly broker: string; readonly why: string }
  /** The accusation is over: dispatch has the number that proved it, or no broker delivers that number. */
  | { readonly kind: "confirmed"; readonly broker: string }
  /** The link has left a broker that was accused. */
  | { readonly kind: "moved" };

/** The link's time at one broker, over any number of connections. */
type Stay = {
  readonly broker: string;
  suspected: boolean;
  /** A number that was acknowledged here and that no receipt covers yet. */
  waiting: number | undefined;
  /** The highest number that was acknowledged here. */
  highest: number;
  /** The first new number that was acknowledged here. If dispatch has it, this broker delivers some reports. */
  first: number | undefined;
  /** Connected time, in ms, since `waiting` was set or the receipts last advanced. */
  waitedMs: number;
  /** Numbers that were sent again. `again`: not acknowledged yet. `once`, `twice`: acknowledged once, or more often. */
  readonly again: Runs;
  readonly once: Runs;
  readonly twice: Runs;
  twiceAt: number;
};

const stayAt = (broker: string): Stay => ({
  broker,
  suspected: false,
  waiting: undefined,
  highest: 0,
  first: undefined,
  waitedMs: 0,
  again: [],
  once: [],
  twice: [],
  twiceAt: Infinity,
});

/**
 * Finds out whether dispatch gets what the link's broker acknowledges, with custody `dispatch`, and decides when the
 * link leaves that broker. There are two proofs that it does not. First, receipts still list numbers that were sent again
 * and that the broker acknowledged twice. Second, the broker has acknowledged reports, and no receipt came in 10 minutes
 * of connection. The recorder may be the cause of the second proof, so the link moves rarely. Pure: `now` is in
 * milliseconds on a clock that never jumps.
 */
export class Unconfirmed {
  #stay: Stay | undefined;
  /** The accused brokers, each with a number that it did not deliver. At most one entry for each configured broker. */
  readonly #proofs = new Map<string, number>();
  /** Numbers that no broker delivers although others arrive: dispatch refuses them. They prove nothing. */
  readonly #refused: Runs = [];
  /** Of the newest receipt. */
  #upTo = 0;
  #moveAt = -Infinity;
  #waitMs = MOVE_MS.min;

  /** The link is connected to this broker, for another `ms`. */
  connected(broker: string, ms: number): Finding[] {
    const before = this.#stay;
    if (before?.broker !== broker) {
      this.#stay = stayAt(broker);
      return before?.suspected ? [{ kind: "moved" }] : [];
    }
    if (before.waiting === undefined) return [];
    before.waitedMs += ms;
    if (before.waitedMs < SILENT_MS) return [];
    return this.#suspect(before, before.waiting, "no receipt for what it acknowledged in 10 minutes");
  }

  /** Reports are sent again. */
  sentAgain(numbers: readonly number[]): void {
    if (!this.#stay) return;
    for (const seq of numbers) addRange(this.#stay.again, seq, seq);
    limit(this.#stay.again);
  }

  /** The link's broker has acknowledged reports. Call `connected` before. */
  acknowledged(numbers: readonly number[], now: number): void {
    const stay = this.#stay;
    if (!stay) return;
    for (const seq of numbers) {
      if (!hasNumber(stay.again, seq)) {
        // An emergency is repeated under a number that dispatch has.
        if (seq > this.#upTo) {
          stay.waiting ??= seq;
          stay.first ??= seq;
        }
        stay.highest = Math.max(stay.highest, seq);
        continue;
      }
      removeRange(stay.again, seq, seq);
      if (!hasNumber(stay.once, seq)) addRange(stay.once, seq, seq);
      else {
        if (stay.twice.length === 0) stay.twiceAt = now;
        addRange(stay.twice, seq, seq);
      }
    }
    limit(stay.once);
    limit(stay.twice);
  }

  /** A receipt counts: dispatch has every number up to `upTo` except the `missing` ones. */
  receipted(upTo: number, missing: Runs, now: number): Finding[] {
    // A recorder that is behind is no reason to leave the broker.
    if (this.#stay && upTo > this.#upTo) this.#stay.waitedMs = 0;
    this.#upTo = upTo;
    const has = (seq: number): boolean => seq <= upTo && !hasNumber(missing, seq);
    const confirmed = [...this.#proofs].filter(([, proof]) => has(proof)).map(([broker]) => broker);
    for (const broker of confirmed) {
      this.#proofs.delete(broker);
      this.#waitMs = MOVE_MS.min;
      if (this.#stay?.broker === broker) this.#stay = stayAt(broker);
    }
    const findings = confirmed.map((broker): Finding => ({ kind: "confirmed", broker }));
    return this.#stay ? [...findings, ...this.#compare(this.#stay, upTo, missing, now)] : findings;
  }

  #compare(stay: Stay, upTo: number, missing: Runs, now: number): Finding[] {
    // A receipt lists at most 100 ranges and ends before the next one. Then what is sent again shows whether it arrives.
    if (stay.waiting !== undefined && (stay.waiting <= upTo || missing.length > 0)) {
      stay.waiting = stay.highest > upTo ? stay.highest : undefined;
      stay.waitedMs = 0;
    }
    const arrived = without(within(union(stay.once, stay.twice), 1, upTo), missing);
    if (arrived.length > 0) {
      for (const runs of [stay.once, stay.twice]) runs.length = 0;
      return [];
    }
    const lacking = without(
      missing.flatMap(([from, to]) => within(stay.twice, from, to)),
      this.#refused,
    );
    const last = lacking.at(-1);
    if (!last || now - stay.twiceAt < RIPE_MS) return [];
    const { first = Infinity } = stay;
    const accused = [...this.#proofs].filter(
      ([broker, proof]) => broker !== stay.broker && hasNumber(lacking, proof),
    );
    if (accused.length > 0 && first <= upTo && !hasNumber(missing, first))
      return this.#acquit(accused, lacking);
    return this.#suspect(stay, last[1], "dispatch lacks what it acknowledged, also when it was sent again");
  }

  /** Another broker does not deliver the same numbers either: it is not the brokers. */
  #acquit(accused: readonly (readonly [broker: string, proof: number])[], refused: Runs): Finding[] {
    for (const [from, to] of refused) addRange(this.#refused, from, to);
    limit(this.#refused);
    this.#waitMs = MOVE_MS.min;
    for (const [broker] of accused) this.#proofs.delete(broker);
    return accused.map(([broker]) => ({ kind: "confirmed", broker }));
  }

  #suspect(stay: Stay, proof: number, why: string): Finding[] {
    if (stay.suspected) return [];
    stay.suspected = true;
    this.#proofs.set(stay.broker, proof);
    return [{ kind: "unconfirmed", broker: stay.broker, why }];
  }

  /** Whether the link should leave this broker now, if there is another one. */
  isMoveDue(broker: string, now: number): boolean {
    return this.#stay?.broker === broker && this.#stay.suspected && now >= this.#moveAt;
  }

  /** The link leaves its broker because of it. If no other one can be reached, it comes back. */
  left(now: number): void {
    this.#moveAt = now + this.#waitMs;
    this.#waitMs = Math.min(2 * this.#waitMs, MOVE_MS.max);
  }
}

const limit = (runs: Runs): void => void runs.splice(0, Math.max(0, runs.length - RUNS));
