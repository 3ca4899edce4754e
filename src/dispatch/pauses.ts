import type { Channel } from "../domain/wire.ts";

type Cause = "refused" | "unheard";
type Pause = { readonly cause: Cause; readonly until: number; readonly ms: number };

const UNHEARD_MS = { min: 5_000, max: 60_000 };
const REFUSED_MS = { min: 30_000, max: 3_600_000 };

/**
 * How long a refused channel or subscription waits, in milliseconds. `before`: how long it waited the last
 * time. The pause of emergencies does not grow: a press must not wait an hour after the broker's rule was
 * mended, and the copy of an ended episode must be removed within a minute (contract §5).
 */
export const refusedMs = (what: Channel | "subscription", before: number | undefined): number =>
  before === undefined || what === "emergency" ? REFUSED_MS.min : Math.min(2 * before, REFUSED_MS.max);

const unheardMs = (before: number | undefined): number =>
  before === undefined ? UNHEARD_MS.min : Math.min(2 * before, UNHEARD_MS.max);

/**
 * The channels that wait on one connection, and until when (contract §4): those that the broker refuses,
 * and those that have no subscriber. Pure: `now` is in milliseconds.
 */
export class Pauses {
  readonly #pauses = new Map<Channel, Pause>();
  readonly #everRefused = new Set<Channel>();
  /** Channels whose last message found no subscriber. */
  readonly #unheard = new Set<Channel>();

  /** The end of the first pause to end after `now`; undefined: no channel waits. */
  next(now: number): number | undefined {
    if (this.#pauses.size === 0) return undefined;
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

  /** Whether the broker has refused the channel, and has accepted nothing on it since. */
  isRefused(channel: Channel): boolean {
    return this.#pauses.get(channel)?.cause === "refused";
  }

  /** The channel waits from the start: on an earlier connection the broker refused it and hung up. */
  hold(channel: Channel, until: number): void {
    this.#pauses.set(channel, { cause: "refused", until, ms: 0 });
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
   * A message of the channel was delivered. If the message before it found no subscriber, there is one now:
   * end the pauses of all channels that wait for a subscriber.
   */
  taken(channel: Channel): void {
    this.#pauses.delete(channel);
    if (!this.#unheard.delete(channel)) return;
    for (const [other, { cause }] of this.#pauses) if (cause === "unheard") this.#pauses.delete(other);
  }

  #pause(channel: Channel, cause: Cause, now: number): void {
    const before = this.#pauses.get(channel);
    // Several messages in flight get the same answer: count it as one refusal.
    if (before?.cause === cause && now < before.until) return;
    const last = before?.cause === cause && before.ms > 0 ? before.ms : undefined;
    const ms = cause === "refused" ? refusedMs(channel, last) : unheardMs(last);
    this.#pauses.set(channel, { cause, until: now + ms, ms });
  }
}
