import type { Channel } from "../domain/wire.ts";
import { heardOn, isDeserted, type Hearing } from "./brokers.ts";
import { BECAUSE_MS } from "./hang-ups.ts";
import { channelOf, type Answer } from "./outgoing.ts";

/** Whether the broker has a subscriber for a message. Undefined: its answer does not show it. */
export const isListening = (answer: Answer): boolean | undefined => {
  if (answer.kind === "unheard") return false;
  return answer.kind === "delivered" && answer.reports.length > 0 ? true : undefined;
};

/** What the broker has answered on one connection. Pure: `now` is in milliseconds. */
export class Tally {
  /** At most one entry for each channel, as in `#heard`. */
  readonly #refusedAt = new Map<Channel, number>();
  readonly #heard = new Map<Channel, Hearing>();
  #delivered = 0;
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
    if (answer.kind === "refused") this.#refusedAt.set(answer.channel, now);
    if (answer.kind === "delivered") this.#delivered += answer.reports.length;
    const listening = isListening(answer);
    const wasSilent = this.#silent;
    this.#silent = false;
    if (listening === undefined || answer.kind === "refused") return wasSilent ? this.#listening : undefined;
    const channel = channelOf(answer.outgoing);
    this.#heard.set(channel, heardOn(this.#heard.get(channel), listening, now));
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
}
