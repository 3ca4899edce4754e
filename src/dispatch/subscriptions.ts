import type { Time, Timer } from "../runtime/ports.ts";
import { PUBACK, type Connection } from "./port.ts";

/** The pause after a refusal: 30 s, doubling to an hour (contract §4). No answer within it counts as one. */
const RETRY_MS = { min: 30_000, max: 3_600_000 };

export type SubscriptionEvents = {
  /** Called once for each topic that the broker refuses, or does not answer (`code` undefined). */
  refused(topic: string, code: number | undefined): void;
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
    let answered = false;
    const failed = (topic: string, code: number | undefined, afterMs: number): void => {
      if (retryMs === RETRY_MS.min) this.#on.refused(topic, code);
      const again = Math.min(retryMs * 2, RETRY_MS.max);
      const timer = this.#time.after(afterMs, () => this.#ask([topic], again));
      this.#timers.get(topic)?.[Symbol.dispose]();
      this.#timers.set(topic, timer);
    };
    const silent = this.#time.after(retryMs, () => {
      answered = true;
      for (const topic of topics) failed(topic, undefined, 0);
    });
    for (const topic of topics) this.#timers.set(topic, silent);
    this.#connection.subscribe(topics, (codes) => {
      if (this.#over) return;
      silent[Symbol.dispose]();
      topics.forEach((topic, n) => {
        const code = codes[n]!;
        if (code < PUBACK.firstRefusal) this.#on.granted(topic);
        else if (!answered) failed(topic, code, retryMs);
      });
      answered = true;
    });
  }

  [Symbol.dispose](): void {
    this.#over = true;
    for (const timer of this.#timers.values()) timer[Symbol.dispose]();
  }
}
