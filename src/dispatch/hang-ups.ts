import type { Channel } from "../domain/wire.ts";

/**
 * Brokers that hang up when they refuse a message, as mosquitto 2.0.11 does with
 * `max_queued_messages 0`. Tried again at each connection, one forgotten access rule would keep the unit
 * from everything else; so the channel waits over connections: 30 s, doubling to an hour. Pure.
 */
type Wait = { readonly until: number; readonly nextMs: number };

const WAIT_MS = { min: 30_000, max: 3_600_000 };
/** A connection that ends this soon after a refusal ended because of it. */
export const BECAUSE_MS = 2_000;

export class HangUps {
  /** At most one entry for each broker and channel. */
  readonly #waits = new Map<string, Map<Channel, Wait>>();

  /** A connection was lost right after these channels were refused on it. */
  ended(broker: string, refused: readonly Channel[], now: number): void {
    const waits = this.#waits.get(broker) ?? new Map<Channel, Wait>();
    this.#waits.set(broker, waits);
    for (const channel of refused) {
      const ms = waits.get(channel)?.nextMs ?? WAIT_MS.min;
      waits.set(channel, { until: now + ms, nextMs: Math.min(ms * 2, WAIT_MS.max) });
    }
  }

  /** The channels that wait on a new connection, and until when. */
  held(broker: string, now: number): readonly { readonly channel: Channel; readonly until: number }[] {
    return [...(this.#waits.get(broker) ?? [])]
      .filter(([, { until }]) => until > now)
      .map(([channel, { until }]) => ({ channel, until }));
  }
}
