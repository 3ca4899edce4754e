import type { Time, Timer } from "../runtime/ports.ts";
import { refusedMs } from "./pauses.ts";
import { PUBACK, type Connection } from "./port.ts";

export type SubscriptionEvents = {
  /** Called once for each topic that the broker refuses, or does not answer (`code` undefined). */
  refused(topic: string, code: number | undefined): void;
  granted(topic: string): void;
};

/**
 * What to subscribe to on a new connection. A session keeps its subscriptions. If the unit subscribes to `bundle` again, the
 * broker sends the retained bundle again. So the unit subscribes to it once in a life, as long as the session lasts.
 */
export class Subscribed {
  readonly #topics: readonly string[];
  readonly #bundle: string;
  /** Brokers that have granted `bundle` in this life. */
  readonly #takesBundles = new Set<string>();

  constructor(topics: readonly string[], bundle: string) {
    this.#topics = topics;
    this.#bundle = bundle;
  }

  topics(broker: string): readonly string[] {
    const isThere = this.#takesBundles.has(broker);
    return isThere ? this.#topics.filter((topic) => topic !== this.#bundle) : this.#topics;
  }

  /** A connection with the client id of the link has found no session there. It has made one, without subscriptions. */
  lost(broker: string): void {
    this.#takesBundles.delete(broker);
  }

  granted(broker: string, topic: string): void {
    if (topic === this.#bundle) this.#takesBundles.add(broker);
  }
}

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
    this.#ask(topics, undefined);
  }

  /** `before`: how long the topics waited after the last refusal; undefined the first time. */
  #ask(topics: readonly string[], before: number | undefined): void {
    // No answer within the pause after a refusal counts as one.
    const ms = refusedMs("subscription", before);
    let state: "asked" | "late" = "asked";
    const refused = (topic: string, code: number | undefined, afterMs: number): void => {
      if (before === undefined) this.#on.refused(topic, code);
      this.#timers.get(topic)?.[Symbol.dispose]();
      this.#timers.set(
        topic,
        this.#time.after(afterMs, () => this.#ask([topic], ms)),
      );
    };
    const wait = (): void => {
      const late = this.#time.after(ms, () => {
        // No answer can pass what is arriving.
        if (this.#connection.arrivedMs < ms) {
          wait();
          return;
        }
        state = "late";
        for (const topic of topics) refused(topic, undefined, 0);
      });
      for (const topic of topics) this.#timers.set(topic, late);
    };
    wait();
    this.#connection.subscribe(topics, (codes) => {
      if (this.#over) return;
      if (state === "asked") for (const topic of topics) this.#timers.get(topic)?.[Symbol.dispose]();
      topics.forEach((topic, n) => {
        const code = codes[n]!;
        if (code < PUBACK.firstRefusal) this.#on.granted(topic);
        else if (state === "asked") refused(topic, code, ms);
      });
    });
  }

  [Symbol.dispose](): void {
    this.#over = true;
    for (const timer of this.#timers.values()) timer[Symbol.dispose]();
  }
}
