import { isOrdinary, type Flight, type OldCopy } from "./outgoing.ts";

/** After so long without an answer the removal is sent behind an end. Shorter than any limit for giving up a connection. */
const END_MS = 1_400;

/** What holds the wire besides emergencies: events and live reports, and the bytes of all ordinary messages. */
export type Load = { readonly event: number; readonly live: number; readonly bytes: number };

const isUrgent = ({ outgoing: { kind } }: Flight): boolean => kind === "emergency" || kind === "removal";

/**
 * The messages of one connection that are sent and not acknowledged, and how long each kind has waited. Pure: `now` is in
 * milliseconds on the clock that never jumps.
 */
export class Flights {
  readonly #flights = new Set<Flight>();
  /** When the newest of the messages that were answered was sent. */
  #answeredSentAt = -Infinity;
  /** Ends whose copy is removed without their answer. */
  readonly #unanswered = new WeakSet<Flight>();
  #progressAt: number;

  constructor(now: number) {
    this.#progressAt = now;
  }

  get size(): number {
    return this.#flights.size;
  }

  sent(flight: Flight, now: number): void {
    if (this.#flights.size === 0) this.#progressAt = now;
    this.#flights.add(flight);
  }

  /** It was never sent. */
  withdrawn(flight: Flight): void {
    this.#flights.delete(flight);
  }

  answered(flight: Flight, now: number): void {
    this.#flights.delete(flight);
    this.#answeredSentAt = Math.max(this.#answeredSentAt, flight.sentAt);
    this.#progressAt = now;
  }

  /** For how long the broker has acknowledged nothing; 0 if nothing is in flight. */
  silentMs(now: number): number {
    return this.#flights.size === 0 ? 0 : now - this.#progressAt;
  }

  /** How long the oldest emergency has waited for its acknowledgement; 0 if there is none. */
  emergencyMs(now: number): number {
    return this.#waitMs(now, ({ outgoing }) => outgoing.kind === "emergency");
  }

  /**
   * The longest wait of an emergency or removal: for its acknowledgement, or, since `blockedAt`, for a place on the wire.
   * 0 if none waits.
   */
  urgentMs(now: number, blockedAt: number | undefined): number {
    const urgentMs = this.#waitMs(now, isUrgent);
    const behindMs =
      blockedAt === undefined
        ? 0
        : Math.min(
            now - blockedAt,
            this.#waitMs(now, () => true),
          );
    return Math.max(urgentMs, behindMs);
  }

  /**
   * For how long the oldest ordinary message has waited, if the broker has acknowledged a later one: brokers answer in order
   * (MQTT 4.6), so its answer is lost. It is repeated only on another connection. 0 if there is none.
   */
  lostMs(now: number): number {
    return this.#waitMs(now, (flight) => isOrdinary(flight.outgoing) && this.#isOvertaken(flight));
  }

  /** Episodes whose report is in flight: the broker may still receive it after the connection was closed. */
  get episodes(): readonly string[] {
    return [...this.#flights].flatMap(({ outgoing }) =>
      outgoing.kind === "emergency" ? [outgoing.report.data.episode] : [],
    );
  }

  /** Whether the removal of an episode's copy is in flight. */
  removes(episode: string): boolean {
    return [...this.#flights].some(
      ({ outgoing }) => outgoing.kind === "removal" && outgoing.episode === episode,
    );
  }

  /** The copies on topics with an earlier prefix that are being removed: one at a time, because a broker may refuse it. */
  get oldRemovals(): readonly OldCopy[] {
    return [...this.#flights].flatMap(({ outgoing }) =>
      outgoing.kind === "old-removal" ? [outgoing.copy] : [],
    );
  }

  get load(): Load {
    const load = { event: 0, live: 0, bytes: 0 };
    for (const flight of this.#flights) {
      const { outgoing, paced } = flight;
      // What the broker has passed over is on its way no longer.
      if (this.#isOvertaken(flight)) continue;
      if (outgoing.kind === "event" || outgoing.kind === "live") load[outgoing.kind]++;
      if (isOrdinary(outgoing)) load.bytes += paced.bytes;
    }
    return load;
  }

  /** Takes the episodes whose end has had no answer for a while, each once. */
  takeUnanswered(now: number): readonly string[] {
    return [...this.#flights].flatMap((flight) => {
      const { outgoing, sentAt } = flight;
      const isEnd = outgoing.kind === "emergency" && outgoing.report.data.state === "cleared";
      if (!isEnd || now - sentAt < END_MS || this.#unanswered.has(flight)) return [];
      this.#unanswered.add(flight);
      return [outgoing.report.data.episode];
    });
  }

  #waitMs(now: number, counts: (flight: Flight) => boolean): number {
    let eldest = now;
    for (const flight of this.#flights) if (counts(flight)) eldest = Math.min(eldest, flight.sentAt);
    return now - eldest;
  }

  #isOvertaken({ sentAt }: Flight): boolean {
    return sentAt < this.#answeredSentAt;
  }
}
