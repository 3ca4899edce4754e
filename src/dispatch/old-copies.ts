import { BECAUSE_MS } from "./hang-ups.ts";

/** Pauses of a broker: after a refusal, and after it has hung up. */
const REFUSED_MS = 30_000;
const HANG_UP_MS = { min: 30_000, max: 600_000 };

type Wait = { readonly until: number; readonly hangUpMs: number; readonly refusedAt: number };

/**
 * When each broker may be asked again to remove copies from topics with an earlier prefix. Its access rules may
 * refuse these topics, and some brokers hang up on what they refuse: that must not cost the unit its
 * connection each half minute. Pure: `now` is in milliseconds.
 */
export class OldCopies {
  /** At most one entry for each broker. */
  readonly #waits = new Map<string, Wait>();

  mayAsk(broker: string, now: number): boolean {
    return now >= (this.#waits.get(broker)?.until ?? -Infinity);
  }

  accepted(broker: string): void {
    this.#waits.delete(broker);
  }

  refused(broker: string, now: number): void {
    const hangUpMs = this.#waits.get(broker)?.hangUpMs ?? 0;
    this.#waits.set(broker, { until: now + REFUSED_MS, hangUpMs, refusedAt: now });
  }

  /** A connection has ended. `asked`: a removal had no answer. */
  closed(broker: string, asked: boolean, now: number): void {
    const before = this.#waits.get(broker);
    const refused = now - (before?.refusedAt ?? -Infinity) < BECAUSE_MS;
    if (!asked && !refused) return;
    const doubled = Math.min(2 * (before?.hangUpMs ?? 0), HANG_UP_MS.max);
    const hangUpMs = Math.max(HANG_UP_MS.min, doubled);
    this.#waits.set(broker, { until: now + hangUpMs, hangUpMs, refusedAt: -Infinity });
  }
}
