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

/** The addresses of a name may change without end. Beyond this many, the session that was noted first is forgotten. */
const SESSIONS_MAX = 64;

export class Freshness {
  /** When each session was last known to be empty. */
  readonly #emptyAt = new Map<string, number>();

  /** A connection is about to be made. `name`: the broker and the client id. */
  connecting(name: string): Arrivals {
    return new Arrivals(this.#emptyAt, name);
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
  readonly #emptyAt: Map<string, number>;
  /** The broker and the client id. */
  readonly #name: string;
  /** The same with the address, once the broker has accepted the connection. */
  #session = "";
  /** As it was known before this connection. */
  #emptyBefore = -Infinity;
  /** As it is known by this connection: what a newer one finds says nothing of what is still coming over this one. */
  #emptyHere = -Infinity;
  /** When a message last came or was acknowledged. */
  #lastAt = -Infinity;
  /** How many messages are not acknowledged. */
  #open = 0;
  /** How many have come since the connection was accepted, or since nothing waited. */
  #recent = 0;
  #atOnce = 0;

  constructor(emptyAt: Map<string, number>, name: string) {
    this.#emptyAt = emptyAt;
    this.#name = name;
  }

  /** The broker has accepted the connection. */
  accepted({ address, hadSession, version }: Accepted, now: number): void {
    this.#session = `${this.#name} ${address}`;
    this.#emptyBefore = this.#emptyAt.get(this.#session) ?? -Infinity;
    this.#emptyHere = this.#emptyBefore;
    this.#atOnce = AT_ONCE[version];
    if (!hadSession) this.#drained(now);
  }

  /** The broker has answered what the unit sent at `sentAt`. */
  answered(sentAt: number): void {
    if (this.#open === 0 && sentAt - this.#lastAt >= LEFT_MS) this.#drained(sentAt);
    else if (this.#recent < this.#atOnce) this.#note(sentAt);
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
    return now - (repeated ? this.#emptyBefore : this.#emptyHere);
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

  #drained(at: number): void {
    this.#recent = 0;
    this.#note(at);
  }

  /** Answers can come in another order than the questions were sent. */
  #note(at: number): void {
    this.#emptyHere = Math.max(at, this.#emptyHere);
    this.#emptyAt.set(this.#session, Math.max(at, this.#emptyAt.get(this.#session) ?? -Infinity));
    const [oldest = ""] = this.#emptyAt.keys();
    if (this.#emptyAt.size > SESSIONS_MAX) this.#emptyAt.delete(oldest);
  }
}
