import type { Time, Timer } from "../../src/runtime/ports.ts";

const LEAST_MS = 1;
/** The service restarts its unit in the process: the process may be much older than the life. */
const OLDER_MS = 3_600_000;

/**
 * The time of one life of the unit's process. When the process is killed, its timers are gone with it:
 * in the simulation its objects are still there, and nothing may wake them.
 */
export class LifeTime implements Time {
  readonly #time: Time;
  readonly #timers = new Set<Timer>();
  readonly #bornAt: number;
  /** Timers that are due while the process stands still; undefined: it does not. An interval is due once. */
  #held: Set<() => void> | undefined;
  /** Resolves when the process goes on, and its timers that were due have run; undefined: it does not stand still. */
  #going: PromiseWithResolvers<void> | undefined;
  #dead = false;

  constructor(time: Time) {
    this.#time = time;
    this.#bornAt = time.mono();
  }

  get dead(): boolean {
    return this.#dead;
  }

  /** Whether the process stands still. */
  get stands(): boolean {
    return this.#held !== undefined;
  }

  /** Goes on from life to life, as that of a process that restarts its unit. */
  mono(): number {
    return OLDER_MS + this.#time.mono();
  }

  /** Milliseconds of this life: the unit's clock begins with it. */
  get lastedMs(): number {
    return this.#time.mono() - this.#bornAt;
  }

  host(): number {
    return this.#time.host();
  }

  after(ms: number, f: () => void): Timer {
    // Node's timers do the same. With 0, rounding could stop the time: now + (then - now) may be before then.
    return this.#keep(f, (fire) => this.#time.after(Math.max(LEAST_MS, ms), fire), "once");
  }

  every(ms: number, f: () => void): Timer {
    return this.#keep(f, (fire) => this.#time.every(ms, fire), "again");
  }

  soon(f: () => void): Timer {
    return this.#keep(f, (fire) => this.#time.soon(fire), "once");
  }

  #keep(f: () => void, make: (fire: () => void) => Timer, fires: "once" | "again"): Timer {
    if (this.#dead) return { [Symbol.dispose]: () => undefined };
    const run = (): void => {
      if (fires === "once") this.#timers.delete(timer);
      f();
    };
    const inner = make(() => (this.#held ? void this.#held.add(run) : run()));
    const timer = {
      [Symbol.dispose]: () => {
        inner[Symbol.dispose]();
        this.#held?.delete(run);
        this.#timers.delete(timer);
      },
    };
    this.#timers.add(timer);
    return timer;
  }

  /** The process stands still: time passes, and nothing of it runs. */
  standStill(): void {
    this.#held ??= new Set();
    this.#going ??= Promise.withResolvers();
  }

  /** It goes on: what was due meanwhile is done now, each in a turn of its own. Answers come after the timers, as in Node. */
  goOn(): void {
    const held = this.#held ?? [];
    const going = this.#going;
    this.#held = undefined;
    this.#going = undefined;
    for (const run of held) this.soon(run);
    this.soon(() => going?.resolve());
  }

  kill(): void {
    this.#dead = true;
    for (const timer of this.#timers) timer[Symbol.dispose]();
    this.#timers.clear();
    this.#held = undefined;
  }

  /** A port as this life sees it: once dead, nothing is done and nothing is answered. */
  port<A extends unknown[], R>(f: (...args: A) => Promise<R>): (...args: A) => Promise<R> {
    return async (...args) => {
      if (this.#dead) return new Promise<R>(() => undefined);
      try {
        return await f(...args);
      } finally {
        await this.#going?.promise;
      }
    };
  }
}
