import type { Channel } from "../domain/wire.ts";
import { refusedMs } from "./pauses.ts";

/**
 * Brokers that hang up when they refuse a message, as mosquitto 2.0.11 does with
 * `max_queued_messages 0`. Tried again at each connection, one forgotten access rule would keep the unit
 * from everything else; so the channel waits over connections, as long as `refusedMs` says. Pure.
 */
type Wait = { readonly until: number; readonly ms: number };

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
      const ms = refusedMs(channel, waits.get(channel)?.ms);
      waits.set(channel, { until: now + ms, ms });
    }
  }

  /** The channels that wait on a new connection, and until when. */
  held(broker: string, now: number): readonly { readonly channel: Channel; readonly until: number }[] {
    return [...(this.#waits.get(broker) ?? [])]
      .filter(([, { until }]) => until > now)
      .map(([channel, { until }]) => ({ channel, until }));
  }
}
