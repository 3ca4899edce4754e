import type { Time, Timer } from "../../src/runtime/ports.ts";

/** A press as it waits on the board. */
export type WaitingPress = {
  readonly number: number;
  readonly loop: number;
  readonly count: number;
  /** When it was believed, on the board's clock; undefined: the board was reset since. */
  readonly latchedAt: number | undefined;
};

const SLOTS = 16;
const NUMBERS_SKIPPED = 16;
/** Eight bytes of a slot, 3.4 ms each. */
const WRITE_MS = 27;
/** One byte. */
const CONFIRM_MS = 4;

type Slot = { readonly number: number; readonly loop: number; readonly count: number };

/**
 * The latch and its EEPROM, as in `latch.c`: sixteen slots, numbers that skip 16 at each start, a
 * press in the EEPROM 27 ms after it was believed, and what a reset leaves of it.
 */
export class BoardLatch {
  readonly #time: Time;
  /** What is in memory: lost at a reset. */
  #queue = new Map<number, WaitingPress>();
  #writes = new Set<Timer>();
  #last = 0;
  /** What is in the EEPROM. */
  readonly #kept = { reached: 0, slots: new Map<number, Slot>() };
  #used = false;

  constructor(time: Time) {
    this.#time = time;
  }

  get lastNumber(): number {
    return this.#last;
  }

  /** Those that wait, the oldest first. */
  get waiting(): readonly WaitingPress[] {
    return [...this.#queue.values()].sort((a, b) => a.number - b.number);
  }

  /** The chip starts: only the EEPROM is left. */
  begin(): void {
    this.#queue.clear();
    this.#last = this.#kept.reached;
    for (const { number, loop, count } of this.#kept.slots.values()) {
      this.#last = Math.max(this.#last, number);
      this.#queue.set(number, { number, loop, count, latchedAt: undefined });
    }
    if (this.#used) this.#last += NUMBERS_SKIPPED;
    this.#used = true;
    this.#kept.reached = this.#last;
  }

  /** The chip stops: what is being written is not finished. */
  stop(): void {
    for (const timer of this.#writes) timer[Symbol.dispose]();
    this.#writes.clear();
    this.#queue.clear();
  }

  /** A press. Returns its number, and whether it got one of its own: with all slots taken, the newest counts it. */
  press(loop: number): { readonly number: number; readonly own: boolean } {
    if (this.#queue.size >= SLOTS) {
      const newest = this.waiting.at(-1)!;
      this.#queue.set(newest.number, { ...newest, count: newest.count + 1 });
      return { number: newest.number, own: false };
    }
    const number = ++this.#last;
    this.#queue.set(number, { number, loop, count: 1, latchedAt: this.#time.mono() });
    this.#write(WRITE_MS, () => {
      if (this.#queue.has(number)) this.#kept.slots.set(number, { number, loop, count: 1 });
    });
    return { number, own: true };
  }

  /** Whether a power cut would leave this press. */
  isKept(number: number): boolean {
    return this.#kept.slots.has(number);
  }

  confirm(number: number): boolean {
    if (!this.#queue.delete(number)) return false;
    this.#write(CONFIRM_MS, () => {
      this.#kept.slots.delete(number);
      this.#kept.reached = Math.max(this.#kept.reached, number);
    });
    return true;
  }

  #write(ms: number, f: () => void): void {
    const timer = this.#time.after(ms, () => {
      this.#writes.delete(timer);
      f();
    });
    this.#writes.add(timer);
  }
}
