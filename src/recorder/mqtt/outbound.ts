/** What a recorder publishes at one broker, QoS 1: at most one message waits for a topic, the newest. Pure. */

export type Outgoing = { readonly topic: string; readonly payload: Buffer; readonly retain: boolean };

/** Topics that may wait. Beyond it the oldest goes: receipts come again, and a repeated press is answered again. */
const WAITING_MAX = 100_000;
/** Unacknowledged messages, fewer if the broker allows fewer. */
const WINDOW = 100;
const IDS = 65_535;

export class Outbound {
  readonly #waiting = new Map<string, Outgoing>();
  readonly #inFlight = new Map<number, Outgoing>();
  #window = WINDOW;
  #lastId = 0;

  /** Puts a message into the queue. It replaces an older one of its topic. */
  add(message: Outgoing): void {
    this.#waiting.delete(message.topic);
    this.#waiting.set(message.topic, message);
    const [oldest] = this.#waiting.keys();
    if (this.#waiting.size > WAITING_MAX && oldest !== undefined) this.#waiting.delete(oldest);
  }

  /** A connection has begun. `receiveMaximum`: what the broker announced. */
  connected(receiveMaximum: number): void {
    this.#window = Math.max(1, Math.min(WINDOW, receiveMaximum));
  }

  /** The connection has ended: what had no PUBACK waits again, unless something newer does. */
  lost(): void {
    const again = [...this.#inFlight.values()].filter(({ topic }) => !this.#waiting.has(topic));
    this.#inFlight.clear();
    const newer = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const message of [...again, ...newer]) this.add(message);
  }

  acknowledged(id: number): void {
    this.#inFlight.delete(id);
  }

  /** What can be sent now, with its packet id. */
  *take(): Generator<readonly [id: number, message: Outgoing]> {
    for (const [topic, message] of this.#waiting) {
      if (this.#inFlight.size >= this.#window) return;
      this.#waiting.delete(topic);
      const id = this.#nextId();
      this.#inFlight.set(id, message);
      yield [id, message];
    }
  }

  get isEmpty(): boolean {
    return this.#waiting.size === 0 && this.#inFlight.size === 0;
  }

  #nextId(): number {
    do this.#lastId = (this.#lastId % IDS) + 1;
    while (this.#inFlight.has(this.#lastId));
    return this.#lastId;
  }
}
