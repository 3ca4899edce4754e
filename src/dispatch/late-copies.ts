/** The longest that a packet is assumed to be on its way. */
const MARGIN_MS = 10_000;

/**
 * Retained copies that may still come: what the unit had written to a connection before it closed it can
 * reach the broker later, and after the copy was removed over another connection. Such a removal does not
 * count until the broker must have given up the old connection. Pure: `now` is in milliseconds.
 */
export class LateCopies {
  readonly #ms: number;
  /** Until when, by broker and episode. At most one entry for each. */
  readonly #until = new Map<string, number>();

  /** `deadMs`: a broker gives up a connection on which nothing has come for so long. */
  constructor(deadMs: number) {
    this.#ms = deadMs + MARGIN_MS;
  }

  /** A connection to a broker was closed while reports of these episodes had no answer. */
  closed(broker: string, episodes: readonly string[], now: number): void {
    for (const [key, until] of this.#until) if (until <= now) this.#until.delete(key);
    for (const episode of episodes) this.#until.set(`${episode} ${broker}`, now + this.#ms);
  }

  mayCome(broker: string, episode: string, now: number): boolean {
    return (this.#until.get(`${episode} ${broker}`) ?? -Infinity) > now;
  }
}
