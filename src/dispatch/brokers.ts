import type { Channel } from "../domain/wire.ts";
import { INNOCENT_BYTES } from "./port.ts";

/**
 * Decides which broker to connect to next. Pure: no connection is made here.
 *
 * The link returns to the first broker only after a connection that worked for a while. A broker that
 * accepts the unit and then hangs up must not keep it from the others.
 */
export type Visit = {
  /** Index of the broker. */
  readonly broker: number;
  /** From the accepted connection to its end; 0 if there was none. */
  readonly lastedMs: number;
  /** Reports that were delivered. */
  readonly delivered: number;
  /** Bytes of the largest message on the wire when the connection was lost; 0 if it ended otherwise. */
  readonly lostBytes: number;
  /**
   * Why the link gave up the connection. `unanswered`: nothing was acknowledged for too long, or an emergency
   * or the removal of one was not. `deserted`: nobody listened at the broker. Undefined: the link did not give it up, or gave
   * it up for another reason.
   */
  readonly left?: "unanswered" | "deserted" | undefined;
};

export type Next = {
  readonly broker: number;
  /**
   * The pause before it. `none`: no pause. `short`: the link worked until now. `growing`: every broker
   * has failed.
   */
  readonly pause: "none" | "short" | "growing";
};

/** A connection counts as useful only if it lasted this long. */
export const USEFUL_MS = 10_000;
/** After so many losses in a row with a large message in flight, its size counts as the cause. */
const SUSPECT_LOSSES = 2;

type Known = {
  /** Maximum Packet Size as announced; undefined: never connected. */
  announced?: number;
  /** A packet above this was refused as too large, since the newest connection began. */
  refused?: number;
  /** The largest packet that a broker which hangs up on large ones seems to accept. */
  learned?: number;
  losses: number;
};

export class Brokers {
  readonly urls: readonly string[];
  readonly #known: Known[];
  #inVain = 0;
  #preferred: number | undefined;

  constructor(urls: readonly string[]) {
    this.urls = urls;
    this.#known = urls.map(() => ({ losses: 0 }));
  }

  /**
   * The next connection goes to this broker: an emergency was delivered there while the link's own
   * connection was silent.
   */
  prefer(url: string): void {
    const index = this.urls.indexOf(url);
    if (index >= 0) this.#preferred = index;
  }

  /** A broker has accepted a connection and announced the largest packet that it accepts, in bytes. */
  accepted(index: number, maximumPacketSize: number): void {
    const known = this.#known[index]!;
    known.announced = maximumPacketSize;
    // The refusal may have been a mistake: with a permanent limit, larger reports would never reach dispatch.
    delete known.refused;
  }

  /** A broker has refused a packet as too large: it accepts at most `bytes`. */
  limited(index: number, bytes: number): void {
    const known = this.#known[index]!;
    known.refused = Math.min(known.refused ?? Infinity, bytes);
  }

  /** The largest packet that should be sent to a broker: as announced, as refused, or as learned. */
  limit(index: number): number {
    const { announced, refused, learned } = this.#known[index]!;
    return Math.min(announced ?? Infinity, refused ?? Infinity, learned ?? Infinity);
  }

  /**
   * Whether every broker, by its announcement or by a refusal, accepts no packet of this size. A limit
   * learned from lost connections does not count: the link may be the cause.
   */
  nobodyTakes(bytes: number): boolean {
    return this.#known.every(({ announced, refused }) => {
      const said = Math.min(announced ?? Infinity, refused ?? Infinity);
      return said < bytes;
    });
  }

  /** A connection, or the attempt to make one, has ended. */
  after(visit: Visit): Next {
    this.#suspect(visit);
    const useful = visit.delivered > 0 && visit.lastedMs >= USEFUL_MS;
    const preferred = this.#preferred;
    this.#preferred = undefined;
    if (preferred !== undefined) return { broker: preferred, pause: "none" };
    if (visit.left === "deserted") {
      // It lasted a minute at least, so there is no need for a pause.
      this.#inVain = 0;
      return { broker: (visit.broker + 1) % this.urls.length, pause: "none" };
    }
    if (useful) {
      this.#inVain = 0;
      // Otherwise the link would always return to a broker that works for a while, or for all but emergencies.
      if (visit.left === "unanswered")
        return { broker: (visit.broker + 1) % this.urls.length, pause: "short" };
      return { broker: 0, pause: "short" };
    }
    this.#inVain++;
    const broker = (visit.broker + 1) % this.urls.length;
    if (this.#inVain < this.urls.length) return { broker, pause: "none" };
    this.#inVain = 0;
    return { broker, pause: "growing" };
  }

  /** Learns the largest packet of a broker that announces none (MQTT 3.1.1) but hangs up on larger ones. */
  #suspect({ broker, lastedMs, lostBytes }: Visit): void {
    const known = this.#known[broker]!;
    if (lastedMs >= USEFUL_MS) {
      known.losses = 0;
      // A bad link may have been the cause: after a connection that worked, allow twice as much.
      if (known.learned !== undefined) known.learned *= 2;
    } else if (lostBytes > INNOCENT_BYTES) {
      known.losses++;
      if (known.losses < SUSPECT_LOSSES) return;
      known.losses = 0;
      known.learned = Math.max(INNOCENT_BYTES, Math.floor(lostBytes / 2));
    }
  }
}

/** The state of the link's own connection, for the decisions about emergencies. */
export type LinkView =
  | { readonly kind: "down" }
  | {
      readonly kind: "open";
      readonly broker: string;
      /** An emergency on it has had no answer for `TRUST_MS`. */
      readonly silent: boolean;
    };

/**
 * How far the report of an emergency got. `unheard`: the link's broker has answered that it has no
 * subscriber, or that it refuses the report. `sent`: a broker with a subscriber has acknowledged it.
 */
export type Reach = "waiting" | "unheard" | "sent";

/** One emergency, for the decision who carries it. */
export type EmergencyView = {
  readonly reach: Reach;
  /** Dispatch has not acknowledged the episode: it is published again, through all brokers in turn. */
  readonly repeats: boolean;
  readonly attempt: number;
  /** Brokers that may have a retained copy. */
  readonly copies: readonly string[];
};

/** After an emergency has had no answer for this long, its connection is no longer trusted (contract §5). */
export const TRUST_MS = 5_000;

/**
 * The brokers to which couriers carry an emergency, besides the link: all of them if the link cannot
 * deliver it; otherwise the next one in turn and those that have an older copy.
 */
export const couriersFor = (
  emergency: EmergencyView,
  link: LinkView,
  brokers: readonly string[],
): readonly string[] => {
  const { reach } = emergency;
  if (reach !== "sent" && (link.kind === "down" || link.silent)) return brokers;
  if (link.kind === "down") return brokers.filter((broker) => emergency.copies.includes(broker));
  const others = brokers.filter((broker) => broker !== link.broker);
  if (reach === "unheard") return others;
  const turn = emergency.repeats ? others[emergency.attempt % Math.max(1, others.length)] : undefined;
  return others.filter((broker) => broker === turn || emergency.copies.includes(broker));
};

/**
 * Whether to close an open connection because the oldest emergency on it has had no answer for
 * `urgentMs`: longer than `deadMs`, or longer than TRUST_MS while another emergency waits for a place on
 * the wire (`blocked`).
 */
export const isStuck = (
  { urgentMs, blocked }: { readonly urgentMs: number; readonly blocked: boolean },
  deadMs: number,
): boolean => urgentMs > deadMs || (blocked && urgentMs > TRUST_MS);

/** What the latest answers on one channel show about its subscribers. Times are in milliseconds. */
export type Hearing = {
  /** The message had a subscriber. */
  readonly listening: boolean;
  /** When the first answer with this result was received. */
  readonly since: number;
  readonly lastAt: number;
};

/** One more answer on a channel. */
export const heardOn = (before: Hearing | undefined, listening: boolean, now: number): Hearing => ({
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
export const isDeserted = (channels: ReadonlyMap<Channel, Hearing>, now: number): boolean => {
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
