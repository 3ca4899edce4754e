import type { Time, Timer } from "../runtime/ports.ts";
import { PUBACK, type Connection } from "./port.ts";

/** The pause after a refusal: 30 s, doubling to an hour (contract §4). */
const RETRY_MS = { min: 30_000, max: 3_600_000 };

export type SubscriptionEvents = {
  /** Called once for each topic that the broker refuses. */
  refused(topic: string, code: number): void;
  granted(topic: string): void;
};

/** The subscriptions of one connection. A refused one is retried; the others work meanwhile. */
export class Subscriptions implements Disposable {
  readonly #connection: Connection;
  readonly #time: Time;
  readonly #on: SubscriptionEvents;
  readonly #timers = new Map<string, Timer>();
  #over = false;

  constructor(connection: Connection, topics: readonly string[], time: Time, on: SubscriptionEvents) {
    this.#connection = connection;
    this.#time = time;
    this.#on = on;
    this.#ask(topics, RETRY_MS.min);
  }

  #ask(topics: readonly string[], retryMs: number): void {
    this.#connection.subscribe(topics, (codes) => {
      topics.forEach((topic, n) => {
        const code = codes[n]!;
        if (this.#over) return;
        if (code < PUBACK.firstRefusal) {
          this.#on.granted(topic);
          return;
        }
        if (retryMs === RETRY_MS.min) this.#on.refused(topic, code);
        const again = Math.min(retryMs * 2, RETRY_MS.max);
        this.#timers.set(
          topic,
          this.#time.after(retryMs, () => this.#ask([topic], again)),
        );
      });
    });
  }

  [Symbol.dispose](): void {
    this.#over = true;
    for (const timer of this.#timers.values()) timer[Symbol.dispose]();
  }
}
