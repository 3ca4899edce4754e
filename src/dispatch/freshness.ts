import type { Incoming } from "./port.ts";

/**
 * How long a message of dispatch may have waited, in the session of a broker or on the wire. After a broker has accepted a
 * connection it sends what waits, at most AT_ONCE messages before it needs an acknowledgement. It works in order. If fewer
 * have come, what follows an answer was written after the question. If more have come, that holds only if the unit had
 * acknowledged everything before it asked. Pure: times are in milliseconds.
 */

/** A question that is sent so long after an acknowledgement reaches the broker after it, and after it has sent what waits. */
export const LEFT_MS = 100;
/** A broker sends this many messages before it needs an acknowledgement: RabbitMQ 10, mosquitto 16; with 3.1.1 perhaps 1. */
const AT_ONCE = { 4: 1, 5: 10 } as const;

/** NATS sends a message without an acknowledgement again only after 30 s, on whichever connection there is then. */
export const RESENT_MS = 35_000;

/** The addresses of a name may change without end. Beyond this many, the session that was noted first is forgotten. */
const SESSIONS_MAX = 64;

/** When a session last held nothing that waited to be sent (`unsentAt`), and nothing at all (`emptyAt`), as far as known. */
type Known = { readonly unsentAt: number; readonly emptyAt: number };

const UNKNOWN: Known = { unsentAt: -Infinity, emptyAt: -Infinity };

export class Freshness {
  /** By session. */
  readonly #known = new Map<string, Known>();

  /** A connection is about to be made. `name`: the broker and the client id. */
  connecting(name: string): Arrivals {
    return new Arrivals(this.#known, name);
  }
}

/** Two hosts of one name need not share their sessions, so each address counts as one host. */
export type Accepted = {
  readonly address: string;
  readonly hadSession: boolean;
  /** 4: MQTT 3.1.1. */
  readonly version: 4 | 5;
};

/** What comes over one connection. */
export class Arrivals {
  readonly #known: Map<string, Known>;
  /** The broker and the client id. */
  readonly #name: string;
  /** The same with the address, once the broker has accepted the connection. */
  #session = "";
  #acceptedAt = Infinity;
  /** As it was known before this connection. */
  #before = UNKNOWN;
  /** As it is known by this connection: what a newer one finds says nothing of what is still coming over this one. */
  #unsentAt = -Infinity;
  /** When a message last came or was acknowledged. */
  #lastAt = -Infinity;
  /** How many messages are not acknowledged. */
  #open = 0;
  /** How many have come since the connection was accepted, or since nothing waited. */
  #recent = 0;
  #atOnce = 0;

  constructor(known: Map<string, Known>, name: string) {
    this.#known = known;
    this.#name = name;
  }

  /** The broker has accepted the connection. */
  accepted({ address, hadSession, version }: Accepted, now: number): void {
    this.#session = `${this.#name} ${address}`;
    this.#acceptedAt = now;
    this.#atOnce = AT_ONCE[version];
    this.#before = this.#known.get(this.#session) ?? UNKNOWN;
    this.#unsentAt = this.#before.unsentAt;
    if (!hadSession) this.#note({ unsentAt: now, emptyAt: now });
  }

  /** The broker has answered what the unit sent at `sentAt`. */
  answered(sentAt: number): void {
    const followsAll = this.#open === 0 && sentAt - this.#lastAt >= LEFT_MS;
    if (followsAll) {
      this.#recent = 0;
      this.#note({ unsentAt: sentAt, emptyAt: sentAt - this.#acceptedAt < RESENT_MS ? -Infinity : sentAt });
    } else if (this.#recent < this.#atOnce) {
      // Only for this connection: the broker sends again on the next one what it has no acknowledgement of.
      this.#unsentAt = Math.max(sentAt, this.#unsentAt);
    }
  }

  /**
   * A message has come. Returns for how long it may have waited: Infinity if that is not known. `repeated`: it was sent on
   * an earlier connection already, and some brokers wait for half a minute before they send it again. `retained`: it comes
   * because of a subscription, however old it is.
   */
  came({ repeated, retained }: Pick<Incoming, "repeated" | "retained">, now: number): number {
    this.#open++;
    this.#recent++;
    this.#lastAt = now;
    if (retained) return Infinity;
    return now - (repeated ? this.#before.emptyAt : this.#unsentAt);
  }

  /** A message is acknowledged, or was given up. */
  settled(now: number): void {
    this.#open--;
    this.#lastAt = now;
  }

  /** Whether only a new question, sent LEFT_MS from now or later, can show the age of the next message. */
  get isDoubtful(): boolean {
    return this.#open === 0 && this.#recent >= this.#atOnce;
  }

  /** Answers can come in another order than the questions were sent. */
  #note({ unsentAt, emptyAt }: Known): void {
    this.#unsentAt = Math.max(unsentAt, this.#unsentAt);
    const known = this.#known.get(this.#session) ?? UNKNOWN;
    this.#known.set(this.#session, {
      unsentAt: Math.max(unsentAt, known.unsentAt),
      emptyAt: Math.max(emptyAt, known.emptyAt),
    });
    const [oldest = ""] = this.#known.keys();
    if (this.#known.size > SESSIONS_MAX) this.#known.delete(oldest);
  }
}
