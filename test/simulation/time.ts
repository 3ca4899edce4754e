import type { Time, Timer } from "../../src/runtime/ports.ts";

/**
 * Simulated time. It stands still while code runs and jumps to the next timer when nothing can run.
 *
 * Each timer gets a turn of the real event loop of its own (`setImmediate`): Node runs every promise
 * job that can run, however long the chain, before the next turn begins. So all async code that waits
 * only on simulated timers and promises has come to rest before time goes on, and its order depends on
 * nothing else. Real I/O (files, the thread pool, zlib's asynchronous calls) would break that: its end
 * falls into a turn that the seed does not decide. `guard.ts` catches real clocks and timers.
 */
export class SimulatedTime implements Time {
  #now = 0;
  readonly #hostAt: number;
  #offset: number;
  #order = 0;
  #fired = 0;
  readonly #queue = new TimerHeap();

  /** `hostAt`: the host's wall clock at the beginning, UTC milliseconds. */
  constructor(hostAt: number) {
    this.#hostAt = hostAt;
    this.#offset = hostAt;
  }

  mono(): number {
    return this.#now;
  }

  host(): number {
    return Math.floor(this.#now + this.#offset);
  }

  /** By how much the host's clock is ahead of the true time. */
  get aheadMs(): number {
    return this.#offset - this.#hostAt;
  }

  /** The host's clock jumps by `ms`, forward or back. Timers do not notice. */
  jumpHost(ms: number): void {
    this.#offset += ms;
  }

  /** The host's clock is set to `at`, UTC milliseconds. */
  setHost(at: number): void {
    this.#offset = at - this.#now;
  }

  /** How many timers have fired. */
  get fired(): number {
    return this.#fired;
  }

  /** How many timers wait. */
  get waiting(): number {
    return this.#queue.size;
  }

  after(ms: number, f: () => void): Timer {
    // Node's own timers treat NaN and negative delays as short ones; they hide defects here.
    if (!(ms >= 0)) throw new RangeError(`a timer of ${ms} ms`);
    return this.#schedule(this.#now + ms, f);
  }

  every(ms: number, f: () => void): Timer {
    if (!(ms > 0)) throw new RangeError(`a timer each ${ms} ms`);
    let timer: Timer;
    const arm = (): void => {
      timer = this.after(ms, () => {
        // Armed first, so that `f` can dispose of it.
        arm();
        f();
      });
    };
    arm();
    return { [Symbol.dispose]: () => timer[Symbol.dispose]() };
  }

  soon(f: () => void): Timer {
    return this.#schedule(this.#now, f);
  }

  #schedule(at: number, f: () => void): Timer {
    const entry: Entry = { at, order: this.#order++, f };
    this.#queue.push(entry);
    return {
      [Symbol.dispose]() {
        entry.f = undefined;
      },
    };
  }

  /**
   * Fires every timer up to `until` (milliseconds of `mono`), then stands at `until`. Rejects with
   * what a timer's function throws. `done` is asked after each turn: true stops early, where time stands.
   */
  run(until: number, done: () => boolean = () => false): Promise<void> {
    return new Promise((resolve, reject) => {
      const turn = (): void => {
        try {
          if (done()) resolve();
          else if (this.#next(until)) setImmediate(turn);
          else resolve();
        } catch (error) {
          reject(error);
        }
      };
      setImmediate(turn);
    });
  }

  #next(until: number): boolean {
    for (;;) {
      const entry = this.#queue.peek();
      if (!entry || entry.at > until) {
        this.#now = Math.max(this.#now, until);
        return false;
      }
      this.#queue.pop();
      if (!entry.f) continue;
      this.#now = entry.at;
      this.#fired++;
      entry.f();
      return true;
    }
  }
}

type Entry = { readonly at: number; readonly order: number; f: (() => void) | undefined };

const before = (a: Entry, b: Entry): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);

/** A binary heap: the earliest first, those of the same time in the order in which they were made. */
class TimerHeap {
  readonly #entries: Entry[] = [];

  get size(): number {
    return this.#entries.length;
  }

  peek(): Entry | undefined {
    return this.#entries[0];
  }

  push(entry: Entry): void {
    const heap = this.#entries;
    let i = heap.push(entry) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!before(entry, heap[parent]!)) break;
      heap[i] = heap[parent]!;
      i = parent;
    }
    heap[i] = entry;
  }

  pop(): void {
    const heap = this.#entries;
    const last = heap.pop();
    if (!last || heap.length === 0) return;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
      if (!before(heap[child]!, last)) break;
      heap[i] = heap[child]!;
      i = child;
    }
    heap[i] = last;
  }
}
