import type { Connection } from "./port.ts";
import { ADDRESSES_MS, TRUST_MS } from "./standing.ts";

/** A connection may be slow: the time without an answer until it is closed doubles, at most to this. */
const PATIENCE_MS = 30_000;

/** How long a courier's connections may stay without an answer. Pure: times are in milliseconds. */
export class Patience {
  #ms = TRUST_MS;
  /** Connections in a row that were given up. */
  #silent = 0;

  /** An answer has come, or an emergency begins to wait: silence after the removal of a copy must not delay it. */
  anew(): void {
    this.#ms = TRUST_MS;
    this.#silent = 0;
  }

  /** A connection was given up after `limitMs` without an answer. */
  gaveUp(limitMs: number): void {
    this.#silent++;
    if (limitMs >= this.#ms) this.#ms = Math.min(2 * this.#ms, PATIENCE_MS);
  }

  /**
   * How long this connection may stay without an answer. Another address may come back while the patience is
   * long, so this is asked at each look, not when the connection is made. Copies of ended episodes are in no hurry:
   * once all addresses have been tried in vain, each may be as slow as a single one.
   */
  limitMs(
    { otherAddresses, untriedAddresses }: Pick<Connection, "otherAddresses" | "untriedAddresses">,
    isUrgent: boolean,
  ): number {
    const isUnhurried = !isUrgent && this.#silent > otherAddresses;
    if (untriedAddresses === 0 || isUnhurried) return this.#ms;
    return Math.min(this.#ms, ADDRESSES_MS / (otherAddresses + 1));
  }
}
