import type { Time, Timer } from "../../src/runtime/ports.ts";

const LEAST_MS = 1;

/**
 * The time of one life of the unit's process. When the process is killed, its timers are gone with it:
 * in the simulation its objects are still there, and nothing may wake them.
 */
export class LifeTime implements Time {
  readonly #time: Time;
  readonly #timers = new Set<Timer>();
  readonly #bornAt: number;
  #dead = false;

  constructor(time: Time) {
    this.#time = time;
    this.#bornAt = time.mono();
  }

  get dead(): boolean {
    return this.#dead;
  }

  mono(): number {
    return this.#time.mono() - this.#bornAt;
  }

  host(): number {
    return this.#time.host();
  }

  after(ms: number, f: () => void): Timer {
    // Node's timers do the same. With 0, rounding could stop the time: now + (then - now) may be before then.
    return this.#keep((done) =>
      this.#time.after(Math.max(LEAST_MS, ms), () => {
        done();
        f();
      }),
    );
  }

  every(ms: number, f: () => void): Timer {
    return this.#keep(() => this.#time.every(ms, f));
  }

  soon(f: () => void): Timer {
    return this.#keep((done) =>
      this.#time.soon(() => {
        done();
        f();
      }),
    );
  }

  #keep(make: (done: () => void) => Timer): Timer {
    if (this.#dead) return { [Symbol.dispose]: () => undefined };
    const timer = make(() => this.#timers.delete(timer));
    this.#timers.add(timer);
    return {
      [Symbol.dispose]: () => {
        timer[Symbol.dispose]();
        this.#timers.delete(timer);
      },
    };
  }

  kill(): void {
    this.#dead = true;
    for (const timer of this.#timers) timer[Symbol.dispose]();
    this.#timers.clear();
  }

  /** A port as this life sees it: once dead, nothing is done and nothing is answered. */
  port<A extends unknown[], R>(f: (...args: A) => Promise<R>): (...args: A) => Promise<R> {
    return async (...args) => (this.#dead ? new Promise<R>(() => undefined) : f(...args));
  }
}
