import { INNOCENT_BYTES } from "./port.ts";

export type Visit = {
  /** Index of the broker. */
  readonly broker: number;
  /** From the accepted connection to its end; 0 if there was none. */
  readonly lastedMs: number;
  /** Reports that were delivered. */
  readonly delivered: number;
  /** How many other addresses the broker's name has. Absent if there was no connection. */
  readonly otherAddresses?: number;
  /** Bytes of the largest message on the wire when the connection was lost; 0 if it ended otherwise. */
  readonly lostBytes: number;
  /**
   * Why the link gave up the connection. `unanswered`: nothing was acknowledged for too long, or an
   * emergency or a removal was not. `deserted`: nobody listened at the broker. `useless`: it refused what was
   * published, or nobody listened. `unfit`: a report is too large for it. `unconfirmed`: dispatch does not get what it
   * acknowledges. Undefined: it did not give the connection up, or for another reason.
   */
  readonly left?: "unanswered" | "deserted" | "useless" | "unfit" | "unconfirmed" | undefined;
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
/** A connection that lasted this long was worth it, however it ended. */
const STEADY_MS = 60_000;
/** After so many useful connections in a row that were shorter, another broker has its turn. */
const UNSTEADY_VISITS = 2;
/** After so many losses in a row with a large message in flight, its size counts as the cause. */
const SUSPECT_LOSSES = 2;
/** After so long at other brokers the link returns to the first one, which may deliver again. */
const REPLACED_MS = 24 * 3_600_000;

type Known = {
  /** Maximum Packet Size as announced; undefined: never connected. */
  announced?: number;
  /** A packet above this was refused as too large, since the newest connection began. */
  refused?: number;
  /** The largest packet that a broker which hangs up on large ones seems to accept. */
  learned?: number;
  losses: number;
};

/**
 * Decides which broker to connect to next. Pure: no connection is made here.
 *
 * The link returns to the first broker only after a connection that worked for a while. A broker that
 * accepts the unit and then hangs up must not keep it from the others. If dispatch does not get what the first broker
 * acknowledges, the next one takes its place, for a day of connection.
 */
export class Brokers {
  readonly urls: readonly string[];
  readonly #known: Known[];
  #inVain = 0;
  #allFailed = false;
  /** Visits in a row to other addresses of one broker. */
  #turns = 0;
  /** Useful connections in a row to the broker that the link returns to, which did not last. */
  #unsteady = 0;
  #preferred: number | undefined;
  /** The broker that the link returns to, and for how long it was connected since that is not the first one. */
  #home = { broker: 0, connectedMs: 0 };

  constructor(urls: readonly string[]) {
    this.urls = urls;
    this.#known = urls.map(() => ({ losses: 0 }));
  }

  /** Whether every broker has failed in turn since one accepted a connection. */
  get allFailed(): boolean {
    return this.#allFailed;
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
    this.#allFailed = false;
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
    this.#settle(visit);
    this.#suspect(visit);
    const useful = visit.delivered > 0 && visit.lastedMs >= USEFUL_MS;
    const preferred = this.#preferred;
    this.#preferred = undefined;
    const isLeft = visit.left !== undefined && visit.left !== "unanswered";
    if (useful || preferred !== undefined || isLeft) this.#turns = 0;
    if (preferred !== undefined) return { broker: preferred, pause: "none" };
    if (isLeft) {
      // The link stays a minute, or leaves once in 10 minutes (`unconfirmed`): there is no need for a pause.
      this.#inVain = 0;
      return { broker: (visit.broker + 1) % this.urls.length, pause: "none" };
    }
    if (useful) {
      this.#inVain = 0;
      return { broker: this.#afterUseful(visit), pause: "short" };
    }
    // Without a connection, every address of the name has been tried. With one, only the first that accepts.
    if (this.#turns < (visit.otherAddresses ?? 0)) {
      this.#turns++;
      return { broker: visit.broker, pause: "none" };
    }
    this.#turns = 0;
    this.#inVain++;
    const broker = (visit.broker + 1) % this.urls.length;
    if (this.#inVain < this.urls.length) return { broker, pause: "none" };
    this.#inVain = 0;
    this.#allFailed = true;
    return { broker, pause: "growing" };
  }

  /** Home, but not always: a broker that works for a while, or for all but emergencies, must not keep the link. */
  #afterUseful({ broker, lastedMs, left }: Visit): number {
    this.#unsteady = lastedMs < STEADY_MS && broker === this.#home.broker ? this.#unsteady + 1 : 0;
    const isLeft = left === "unanswered" || this.#unsteady === UNSTEADY_VISITS;
    if (!isLeft) return this.#home.broker;
    this.#unsteady = 0;
    return (broker + 1) % this.urls.length;
  }

  /** Decides where the link returns to. */
  #settle({ broker, lastedMs, left }: Visit): void {
    const home = this.#home;
    home.connectedMs += lastedMs;
    if (left === "unconfirmed" && broker === home.broker)
      this.#home = { broker: (broker + 1) % this.urls.length, connectedMs: 0 };
    else if (home.connectedMs >= REPLACED_MS) this.#home = { broker: 0, connectedMs: 0 };
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
