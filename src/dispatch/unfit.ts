/** How long a report waits that is too large for the broker, before the link goes to another one. */
const WAIT_MS = { min: 60_000, max: 3_600_000 };

/**
 * Decides when the link leaves a broker because a report is too large for it, and perhaps not for another one. The
 * other one may be of no use, so the wait doubles until a connection delivers everything that it was given. Pure:
 * `now` is in milliseconds.
 */
export class Unfit {
  #since: number | undefined;
  #waitMs = WAIT_MS.min;

  /** A report does not fit the broker of the open connection. */
  found(now: number): void {
    this.#since ??= now;
  }

  /** Whether it is time to go to another broker. */
  isDue(now: number): boolean {
    return this.#since !== undefined && now - this.#since >= this.#waitMs;
  }

  /** The link leaves the broker because of it. */
  left(): void {
    this.#waitMs = Math.min(2 * this.#waitMs, WAIT_MS.max);
  }

  /** The connection has ended. `delivered`: how many reports it delivered. */
  ended(delivered: number): void {
    if (this.#since === undefined && delivered > 0) this.#waitMs = WAIT_MS.min;
    this.#since = undefined;
  }
}
