/**
 * How long a message of dispatch may have waited in the session of a broker. A broker delivers what waits as soon as it has
 * accepted a connection, but only a few messages at a time, and its answers to the unit come in between. So an answer
 * shows that nothing waits any more only if few messages have come, or none for a while. Pure: `now` is in milliseconds.
 */

/** Every broker sends this many messages before it needs an acknowledgement: RabbitMQ 10, mosquitto 16. */
const AT_ONCE = 10;
/** If a connection that works brings nothing for this long, nothing waits. */
const QUIET_MS = 5_000;

export class Freshness {
  /** When each session was last known to be empty. */
  readonly #emptyAt = new Map<string, number>();

  /** A connection is about to be made. `session`: names the broker and the client id. */
  connecting(session: string, now: number): Arrivals {
    return new Arrivals(this.#emptyAt, session, now);
  }
}

/** What comes over one connection. */
export class Arrivals {
  readonly #emptyAt: Map<string, number>;
  readonly #session: string;
  /** The connection has brought everything that waited. */
  #isDrained = false;
  #lastAt: number;
  /** Messages that have come, and how many of them are not acknowledged. */
  #count = 0;
  #open = 0;

  constructor(emptyAt: Map<string, number>, session: string, now: number) {
    this.#emptyAt = emptyAt;
    this.#session = session;
    this.#lastAt = now;
  }

  /** The broker has accepted the connection. */
  accepted(hadSession: boolean, now: number): void {
    this.#lastAt = now;
    if (!hadSession) this.#drained(now);
  }

  /** The broker has answered a message of the unit. */
  answered(now: number): void {
    const isQuiet = this.#open === 0 && now - this.#lastAt >= QUIET_MS;
    if (this.#isDrained || this.#count < AT_ONCE || isQuiet) this.#drained(now);
  }

  /** A message has come. Returns for how long it may have waited: undefined if it did not, Infinity if not known. */
  came(now: number): number | undefined {
    this.#count++;
    this.#open++;
    return this.#isDrained ? undefined : now - (this.#emptyAt.get(this.#session) ?? -Infinity);
  }

  /** A message is acknowledged, or was given up. */
  settled(now: number): void {
    this.#open--;
    this.#lastAt = now;
  }

  #drained(now: number): void {
    this.#isDrained = true;
    this.#emptyAt.set(this.#session, now);
  }
}
