import type { Time, Timer } from "../runtime/ports.ts";
import { PUBACK, type Connection } from "./port.ts";

/** The pause after a refusal: 30 s, doubling to an hour (contract §4). */
const RETRY_MS = { min: 30_000, max: 3_600_000 };

/** The subscriptions of one connection. A refused one is retried; the others work meanwhile. */
export class Subscriptions implements Disposable {
  readonly #connection: Connection;
  readonly #time: Time;
  readonly #refused: (topic: string, code: number) => void;
  readonly #timers = new Map<string, Timer>();
  #over = false;

  /** `refused` is called once for each topic that the broker refuses. */
  constructor(
    connection: Connection,
    topics: readonly string[],
    time: Time,
    refused: (topic: string, code: number) => void,
  ) {
    this.#connection = connection;
    this.#time = time;
    this.#refused = refused;
    this.#ask(topics, RETRY_MS.min);
  }

  #ask(topics: readonly string[], retryMs: number): void {
    this.#connection.subscribe(topics, (codes) => {
      topics.forEach((topic, n) => {
        const code = codes[n]!;
        if (this.#over || code < PUBACK.firstRefusal) return;
        if (retryMs === RETRY_MS.min) this.#refused(topic, code);
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
