import type { Channel } from "../domain/wire.ts";
import { BECAUSE_MS } from "./hang-ups.ts";
import { channelOf, type Answer } from "./outgoing.ts";

/** What the latest answers on one channel show about its subscribers. Times are in milliseconds. */
export type Audience = {
  /** The message had a subscriber. */
  readonly listening: boolean;
  /** When the first answer with this result was received. */
  readonly since: number;
  readonly lastAt: number;
};

/** One more answer on a channel. */
export const audienceAfter = (before: Audience | undefined, listening: boolean, now: number): Audience => ({
  listening,
  since: before?.listening === listening ? before.since : now,
  lastAt: now,
});

/** The link leaves a broker after this long of nothing but 0x10 (no matching subscribers). */
const DESERTED_MS = 60_000;
/** A subscriber of live telemetry counts for this long: a parked car reports its position every 5 minutes. */
const LIVE_LISTENER_MS = 600_000;
const isLiveChannel = (channel: Channel): boolean =>
  channel === "position" || channel === "vehicle" || channel === "health";

/**
 * Whether nobody listens at the broker, by its answers on this connection: nothing but 0x10 for a minute,
 * and no kind of live telemetry whose last message had a subscriber. The broker of a dispatch that reads
 * only some topics is not deserted.
 */
export const isDeserted = (channels: ReadonlyMap<Channel, Audience>, now: number): boolean => {
  let heardAt = -Infinity;
  let unheardSince = Infinity;
  let unheardAt = -Infinity;
  for (const [channel, { listening, since, lastAt }] of channels) {
    if (listening && isLiveChannel(channel) && now - lastAt < LIVE_LISTENER_MS) return false;
    if (listening) heardAt = Math.max(heardAt, lastAt);
    else {
      unheardSince = Math.min(unheardSince, since);
      unheardAt = Math.max(unheardAt, lastAt);
    }
  }
  return unheardAt > heardAt && now - Math.max(heardAt, unheardSince) >= DESERTED_MS;
};

/** Whether the broker has a subscriber for a message. Undefined: its answer does not show it. */
export const isListening = (answer: Answer): boolean | undefined => {
  if (answer.kind === "unheard") return false;
  return answer.kind === "delivered" && answer.reports.length > 0 ? true : undefined;
};

/** What the broker has answered on one connection. Pure: `now` is in milliseconds. */
export class Tally {
  /** At most one entry for each channel, as in `#heard`. */
  readonly #refusedAt = new Map<Channel, number>();
  readonly #heard = new Map<Channel, Audience>();
  /** The same with refusals: what is refused has no subscriber either. */
  readonly #taken = new Map<Channel, Audience>();
  #delivered = 0;
  /** Since when every message was refused or had no subscriber. Undefined: the last one had a subscriber. */
  #vainSince: number | undefined;
  /** Whether there was a subscriber, by the last answer that shows it; undefined: none has shown it. */
  #listening: boolean | undefined;
  #silent = false;

  /** Reports that were delivered. */
  get delivered(): number {
    return this.#delivered;
  }

  /** The broker has answered nothing for a while. */
  silent(): void {
    this.#silent = true;
  }

  /**
   * The broker has answered. Returns whether it has a subscriber if that is news; undefined if not.
   * The first answer after a silence returns what the broker showed last, if it does not show it itself.
   */
  answered(answer: Answer, now: number): boolean | undefined {
    if (answer.kind === "refused") {
      this.#refusedAt.set(answer.channel, now);
      this.#taken.set(answer.channel, audienceAfter(this.#taken.get(answer.channel), false, now));
    }
    if (answer.kind === "delivered") this.#delivered += answer.reports.length;
    const listening = isListening(answer);
    if (listening) this.#vainSince = undefined;
    else if (listening === false || answer.kind === "refused") this.#vainSince ??= now;
    const wasSilent = this.#silent;
    this.#silent = false;
    if (listening === undefined || answer.kind === "refused") return wasSilent ? this.#listening : undefined;
    const channel = channelOf(answer.outgoing);
    this.#heard.set(channel, audienceAfter(this.#heard.get(channel), listening, now));
    this.#taken.set(channel, audienceAfter(this.#taken.get(channel), listening, now));
    const isNews = wasSilent || listening !== this.#listening;
    this.#listening = listening;
    return isNews ? listening : undefined;
  }

  /** Channels that were refused so recently that the connection has ended because of them. */
  refusedBefore(now: number): readonly Channel[] {
    return [...this.#refusedAt].filter(([, at]) => now - at < BECAUSE_MS).map(([channel]) => channel);
  }

  isDeserted(now: number): boolean {
    return isDeserted(this.#heard, now);
  }

  /**
   * Whether the broker delivers nothing: it refuses what has a subscriber, and the rest has none. Not sooner than a minute
   * after the first refusal: a quiet car may have had nothing to send before it.
   */
  isUseless(now: number): boolean {
    return isDeserted(this.#taken, now) && now - (this.#vainSince ?? now) >= DESERTED_MS;
  }
}
