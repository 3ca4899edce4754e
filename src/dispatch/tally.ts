import type { Channel } from "../domain/wire.ts";
import { heardOn, isDeserted, type Hearing } from "./brokers.ts";
import { BECAUSE_MS } from "./hang-ups.ts";
import { channelOf } from "./refusals.ts";
import type { Answer } from "./outgoing.ts";

/** What the broker has answered on one connection. Pure: `now` is in milliseconds. */
export class Tally {
  /** At most one entry for each channel, as in `#heard`. */
  readonly #refusedAt = new Map<Channel, number>();
  readonly #heard = new Map<Channel, Hearing>();
  #delivered = 0;

  /** Reports that were delivered. */
  get delivered(): number {
    return this.#delivered;
  }

  answered(answer: Answer, now: number): void {
    if (answer.kind === "refused") this.#refusedAt.set(answer.channel, now);
    if (answer.kind === "delivered") this.#delivered += answer.reports.length;
    const listening = answer.kind === "delivered" && answer.reports.length > 0;
    if (!listening && answer.kind !== "unheard") return;
    const channel = channelOf(answer.outgoing);
    this.#heard.set(channel, heardOn(this.#heard.get(channel), listening, now));
  }

  /** Channels that were refused so recently that the connection has ended because of them. */
  refusedBefore(now: number): readonly Channel[] {
    return [...this.#refusedAt].filter(([, at]) => now - at < BECAUSE_MS).map(([channel]) => channel);
  }

  isDeserted(now: number): boolean {
    return isDeserted(this.#heard, now);
  }
}
