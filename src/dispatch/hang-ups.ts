import type { Channel } from "../domain/wire.ts";
import { DisconnectError } from "./faults.ts";
import { refusedMs } from "./pauses.ts";
import { LinkError } from "./port.ts";

/** What is learned from brokers that hang up. Pure: `now` is in milliseconds. */

type Wait = { readonly until: number; readonly ms: number };

/** A connection that ends within this time after a refusal is taken to have ended because of it. */
export const BECAUSE_MS = 2_000;

/**
 * Brokers that hang up when they refuse a message, as mosquitto 2.0.11 does with
 * `max_queued_messages 0`. If the channel were tried again at each connection, one forgotten access rule
 * would keep the unit from everything else. So the pause of the channel (`refusedMs`) continues on the next
 * connections.
 */
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

  /** The broker has accepted a message on a channel. */
  accepted(broker: string, channel: Channel): void {
    this.#waits.get(broker)?.delete(channel);
  }

  /** The channels that wait on a new connection, and until when. */
  held(broker: string, now: number): readonly { readonly channel: Channel; readonly until: number }[] {
    return [...(this.#waits.get(broker) ?? [])]
      .filter(([, { until }]) => until > now)
      .map(([channel, { until }]) => ({ channel, until }));
  }
}

/** If a broker hangs up this soon after accepting, this often in a row, two units may have the same name. */
const TWIN_MS = 10_000;
const TWIN_HANG_UPS = 3;

/**
 * Some brokers hang up without the reason code 0x8E (MQTT 5 §3.14.2.1) when another client connects with
 * the same client id. A broker that gives another reason is believed.
 */
export class TwinSuspicion {
  /** Early hang-ups in a row, by broker. */
  readonly #hangUps = new Map<string, number>();

  /** A connection that lasted `lastedMs` has ended. Returns `error`, with the suspicion if there is one. */
  ended(broker: string, error: LinkError, lastedMs: number): LinkError {
    const saysWhy = error instanceof DisconnectError;
    const hungUp = error.code === "lost" && lastedMs < TWIN_MS && !saysWhy;
    const count = hungUp ? (this.#hangUps.get(broker) ?? 0) + 1 : 0;
    this.#hangUps.set(broker, count);
    if (count < TWIN_HANG_UPS) return error;
    const why = `${broker}: it accepts this unit and soon hangs up, again and again: do two units have the same name?`;
    return new LinkError("lost", why, error);
  }
}
