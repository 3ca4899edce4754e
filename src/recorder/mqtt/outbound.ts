/** What a recorder publishes at one broker, QoS 1: of the messages with one slot the newest waits. Pure. */

/**
 * `slot`: what a message waits as: it replaces an older one with the same. The topic, but each stage of an answer to an emergency
 * has its own: what a person said must not be replaced by the recorder's own `received`.
 */
export type Outgoing = {
  readonly topic: string;
  readonly payload: Buffer;
  readonly retain: boolean;
  readonly slot: string;
};

/**
 * Messages that may wait. Beyond it the oldest goes: receipts come again, a repeated press is answered again, and an
 * operator sees that the car does not have an answer.
 */
const WAITING_MAX = 100_000;
/** Unacknowledged messages, fewer if the broker allows fewer. */
const WINDOW = 100;
const IDS = 65_535;

export class Outbound {
  readonly #waiting = new Map<string, Outgoing>();
  readonly #inFlight = new Map<number, Outgoing>();
  #window = WINDOW;
  #lastId = 0;

  /** Puts a message into the queue. It replaces an older one of its slot. */
  add(message: Outgoing): void {
    this.#waiting.delete(message.slot);
    this.#waiting.set(message.slot, message);
    const [oldest] = this.#waiting.keys();
    if (this.#waiting.size > WAITING_MAX && oldest !== undefined) this.#waiting.delete(oldest);
  }

  /** A connection has begun. `receiveMaximum`: what the broker announced. */
  connected(receiveMaximum: number): void {
    this.#window = Math.max(1, Math.min(WINDOW, receiveMaximum));
  }

  /** The connection has ended: what had no PUBACK waits again, unless something newer does. */
  lost(): void {
    const again = [...this.#inFlight.values()].filter(({ slot }) => !this.#waiting.has(slot));
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
    for (const [slot, message] of this.#waiting) {
      if (this.#inFlight.size >= this.#window) return;
      this.#waiting.delete(slot);
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
