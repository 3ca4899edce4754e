import type { Channel } from "../domain/wire.ts";

/**
 * The channels that wait on one connection, and until when (contract §4): those that the broker refuses,
 * and those that have no subscriber. Pure: `now` is in milliseconds.
 */
type Cause = "refused" | "unheard";
type Pause = { readonly cause: Cause; readonly until: number; readonly nextMs: number };

const PAUSE_MS: Readonly<Record<Cause, { readonly min: number; readonly max: number }>> = {
  refused: { min: 30_000, max: 3_600_000 },
  unheard: { min: 5_000, max: 60_000 },
};

export class Pauses {
  readonly #pauses = new Map<Channel, Pause>();
  readonly #everRefused = new Set<Channel>();
  /** Channels whose last message found no subscriber. */
  readonly #unheard = new Set<Channel>();

  /** The end of the first pause to end after `now`; undefined: no channel waits. */
  next(now: number): number | undefined {
    const ends = [...this.#pauses.values()].map(({ until }) => until).filter((until) => until > now);
    return ends.length === 0 ? undefined : Math.min(...ends);
  }

  waits(channel: Channel, now: number): boolean {
    const pause = this.#pauses.get(channel);
    return pause !== undefined && now < pause.until;
  }

  /** Whether the channel waits because the broker refuses it. */
  refused(channel: Channel, now: number): boolean {
    return this.waits(channel, now) && this.#pauses.get(channel)?.cause === "refused";
  }

  /** The channel waits from the start: the broker hung up when it refused it before. */
  hold(channel: Channel, until: number): void {
    this.#pauses.set(channel, { cause: "refused", until, nextMs: PAUSE_MS.refused.min });
  }

  /** Returns whether this is the first refusal of the channel on this connection. */
  refuse(channel: Channel, now: number): boolean {
    this.#pause(channel, "refused", now);
    const first = !this.#everRefused.has(channel);
    this.#everRefused.add(channel);
    return first;
  }

  /** A message of `channel` found no subscriber: the channel `paused` waits. */
  unheard(channel: Channel, paused: Channel, now: number): void {
    this.#unheard.add(channel);
    this.#pause(paused, "unheard", now);
  }

  /**
   * A message of the channel was delivered. If its last one found no subscriber, there is one now: end
   * the other such pauses.
   */
  taken(channel: Channel): void {
    this.#pauses.delete(channel);
    if (!this.#unheard.delete(channel)) return;
    for (const [other, { cause }] of this.#pauses) if (cause === "unheard") this.#pauses.delete(other);
  }

  #pause(channel: Channel, cause: Cause, now: number): void {
    const before = this.#pauses.get(channel);
    const { min, max } = PAUSE_MS[cause];
    // Several messages in flight get the same answer: count it as one refusal.
    if (before?.cause === cause && now < before.until) return;
    const ms = before?.cause === cause ? Math.min(before.nextMs, max) : min;
    this.#pauses.set(channel, { cause, until: now + ms, nextMs: ms * 2 });
  }
}
