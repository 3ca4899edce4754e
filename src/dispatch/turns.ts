/**
 * An address counts as tried for this long after it has failed. With the 5 s after which a connection is not
 * trusted, an emergency is at an address that had failed once within 10 s (contract §5).
 */
const TRIED_MS = 4_000;

type Marks = {
  /** When a connection to it, or the attempt to make one, failed last. */
  failedAt: number;
  /** When an open connection to it was found to be of no use. */
  doubtedAt: number;
};

/**
 * In which order the addresses of a broker's name are tried: first those that have never failed, in the
 * resolver's order, then the one that failed longest ago. One of several hosts behind a name can accept
 * connections and deliver nothing; the first address that accepts must not be chosen again and again. Pure:
 * `now` is in milliseconds.
 */
export class Turns {
  /** By broker and address. Only addresses of the last lookup are kept. */
  readonly #marks = new Map<string, Map<string, Marks>>();

  /** The addresses of a lookup, in the order in which to try them. */
  order(broker: string, addresses: readonly string[]): readonly string[] {
    const before = this.#marks.get(broker);
    const marks = new Map(
      addresses.map((address) => [
        address,
        before?.get(address) ?? { failedAt: -Infinity, doubtedAt: -Infinity },
      ]),
    );
    this.#marks.set(broker, marks);
    const lastAt = (address: string): number => {
      const { failedAt, doubtedAt } = marks.get(address)!;
      return Math.max(failedAt, doubtedAt);
    };
    // Two addresses that never failed have the difference NaN.
    return [...marks.keys()].toSorted((a, b) => lastAt(a) - lastAt(b) || 0);
  }

  /** A connection to the address has failed, or could not be made. */
  failed(broker: string, address: string, now: number): void {
    const marks = this.#marks.get(broker)?.get(address);
    if (marks) marks.failedAt = now;
  }

  /** An open connection to the address does not deliver. A new one to it may. */
  doubted(broker: string, address: string, now: number): void {
    const marks = this.#marks.get(broker)?.get(address);
    if (marks) marks.doubtedAt = now;
  }

  /** How many other addresses of the name have not failed lately. */
  untried(broker: string, address: string, now: number): number {
    const others = [...(this.#marks.get(broker) ?? [])].filter(([other]) => other !== address);
    return others.filter(([, { failedAt }]) => now - failedAt >= TRIED_MS).length;
  }
}
