/**
 * Which broker is called on next, and why. Pure: no connection is made here.
 *
 * A connection is worth returning for only if it carried something for a while. A broker that lets
 * the unit in and then hangs up must not keep it from the others.
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
};

export type Next = {
  readonly broker: number;
  /** `none`: at once. `short`: the link worked until now. `growing`: every broker has failed. */
  readonly pause: "none" | "short" | "growing";
};

/** A connection that ended before this was of no use. */
const USEFUL_MS = 10_000;
/** After so many losses in a row with a large message on the wire, its size is to blame. */
const SUSPECT_LOSSES = 2;
/** Messages up to this size are never to blame. */
const INNOCENT_BYTES = 1_024;

type Known = {
  /** Maximum Packet Size as announced; undefined: never connected. */
  announced?: number;
  /** A packet above this was refused as too large. */
  refused?: number;
  /** What a broker that hangs up on large packets seems to take. */
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

  /** An emergency got through here while the link's own connection was silent: the link follows it. */
  prefer(url: string): void {
    const index = this.urls.indexOf(url);
    if (index >= 0) this.#preferred = index;
  }

  /** A broker has accepted a connection and announced the largest packet that it takes, in bytes. */
  accepted(index: number, maximumPacketSize: number): void {
    this.#known[index]!.announced = maximumPacketSize;
  }

  /** A broker has refused a packet as too large: it takes at most `bytes`. */
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
   * Whether every broker has said, by its announcement or by a refusal, that it takes no packet of this
   * size. What was only learned from lost connections may be the link's fault: nothing is declared for it.
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
    if (useful) {
      this.#inVain = 0;
      return { broker: 0, pause: "short" };
    }
    this.#inVain++;
    const broker = (visit.broker + 1) % this.urls.length;
    if (this.#inVain < this.urls.length) return { broker, pause: "none" };
    this.#inVain = 0;
    return { broker, pause: "growing" };
  }

  /** A broker of MQTT 3.1.1 does not say how much it takes: it hangs up. */
  #suspect({ broker, lastedMs, lostBytes }: Visit): void {
    const known = this.#known[broker]!;
    if (lastedMs >= USEFUL_MS) {
      known.losses = 0;
      // A bad link may have been to blame: a connection that worked allows twice as much again.
      if (known.learned !== undefined) known.learned *= 2;
    } else if (lostBytes > INNOCENT_BYTES) {
      known.losses++;
      if (known.losses < SUSPECT_LOSSES) return;
      known.losses = 0;
      known.learned = Math.max(INNOCENT_BYTES, Math.floor(lostBytes / 2));
    }
  }
}

/** The link's own connection, as an emergency sees it. */
export type LinkView =
  | { readonly kind: "down" }
  | {
      readonly kind: "open";
      readonly broker: string;
      /** An emergency on it has had no answer for `TRUST_MS`. */
      readonly silent: boolean;
    };

/** How far one emergency got. */
export type EmergencyView = {
  /** No broker with a subscriber has acknowledged this report. */
  readonly unsent: boolean;
  /** The link's broker has answered that nobody listens, or that it does not take it. */
  readonly unheard: boolean;
  /** Dispatch has not said that it has the episode: it is published again, in turn through all brokers. */
  readonly repeats: boolean;
  readonly attempt: number;
  /** Brokers that may hold a retained copy. */
  readonly copies: readonly string[];
};

/** An emergency without an answer for this long: its connection is not trusted any more (contract §5). */
export const TRUST_MS = 5_000;

/**
 * The brokers that an emergency goes to beside the link: all of them if the link cannot carry it,
 * else the next in turn and those that hold an older copy.
 */
export const couriersFor = (
  emergency: EmergencyView,
  link: LinkView,
  brokers: readonly string[],
): readonly string[] => {
  if (emergency.unsent && (link.kind === "down" || link.silent)) return brokers;
  if (link.kind === "down") return brokers.filter((broker) => emergency.copies.includes(broker));
  const others = brokers.filter((broker) => broker !== link.broker);
  if (emergency.unsent && emergency.unheard) return others;
  const turn = emergency.repeats ? others[emergency.attempt % Math.max(1, others.length)] : undefined;
  return others.filter((broker) => broker === turn || emergency.copies.includes(broker));
};

/**
 * Whether a connection is given up although it is open: an emergency on it has had no answer for `urgentMs`,
 * longer than `deadMs`; or for less, but another one waits for its place (`blocked`).
 */
export const isStuck = (
  { urgentMs, blocked }: { readonly urgentMs: number; readonly blocked: boolean },
  deadMs: number,
): boolean => urgentMs > deadMs || (blocked && urgentMs > TRUST_MS);
