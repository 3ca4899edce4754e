/**
 * Whether everything that waited in a session has come. A broker sends it right after it has accepted the connection, but
 * what is large, or held up on the way, takes longer: only an answer to a question shows that nothing is on the way any
 * more. Pure: times are in milliseconds.
 */

const QUIET_MS = 5_000;
const LONGEST_MS = 60_000;

/** `give-up`: some of it may still be there. */
export type NextStep = "wait" | "ask" | "give-up";

export class Emptying {
  #acceptedAt = Infinity;
  #quietSince = -Infinity;
  #askedAt = -Infinity;
  /** Messages that have come and are not acknowledged. */
  #open = 0;

  /** The broker has accepted the connection. */
  accepted(now: number): void {
    this.#acceptedAt = now;
    this.#quietSince = now;
  }

  /** A message has come; it may do so before `accepted`. */
  came(now: number): void {
    this.#open++;
    this.#quietSince = now;
  }

  /** A message is acknowledged, or was given up. */
  settled(): void {
    this.#open--;
  }

  /** What to do now. The question of an `ask` is taken as asked. `arrivedMs`: see `Connection`. */
  look(now: number, arrivedMs = Infinity): NextStep {
    if (now - Math.max(this.#acceptedAt, now - arrivedMs) >= LONGEST_MS) return "give-up";
    const isQuiet = this.#open === 0 && now - Math.max(this.#quietSince, now - arrivedMs) >= QUIET_MS;
    if (!isQuiet || this.#askedAt >= this.#quietSince) return "wait";
    this.#askedAt = now;
    return "ask";
  }

  /** The last question is answered. Returns whether everything has come. */
  answered(): boolean {
    return this.#open === 0 && this.#askedAt >= this.#quietSince;
  }
}
