import { EEPROMMemoryBackend } from "avr8js";

/**
 * EEPROM cells that take their time. The library changes a cell the moment a write begins. A real cell is
 * first erased to FF, then programmed, and holds something between if the power goes away meanwhile. Bits
 * that were changing then stay weak until the cell is written again: they can read otherwise after each
 * power-up.
 */
const BYTES = 1024;
const ERASED = 0xff;
/** The data sheet's 1.8 ms for each half. */
const HALF_MS = 1.8;

type Write = { readonly at: number; readonly from: number; readonly to: number; readonly untilMs: number };

export class Cells extends EEPROMMemoryBackend {
  readonly #nowMs: () => number;
  readonly #random: () => number;
  /** The halves of the write in progress, the erasure first. */
  #writes: Write[] = [];
  /** Weak bits by address. */
  readonly #weak = new Map<number, number>();
  /** Bytes that were written or erased. */
  writes = 0;

  /** `held`: what an earlier board left in its EEPROM. */
  constructor(nowMs: () => number, random: () => number, held: Uint8Array = new Uint8Array()) {
    super(BYTES);
    for (const [at, value] of held.entries()) super.writeMemory(at, value);
    this.#nowMs = nowMs;
    this.#random = random;
  }

  override eraseMemory(at: number): void {
    this.#begin(at, ERASED, true);
  }

  override writeMemory(at: number, value: number): void {
    const erasing = this.#writes.some((write) => write.at === at && write.untilMs > this.#nowMs());
    this.#begin(at, this.readMemory(at) & value, !erasing);
  }

  #begin(at: number, to: number, first: boolean): void {
    if (first) {
      this.#writes = [];
      this.writes++;
    }
    const startsMs = this.#writes.at(-1)?.untilMs ?? this.#nowMs();
    this.#writes.push({ at, from: this.readMemory(at), to, untilMs: startsMs + HALF_MS });
    // Programming makes zeros sound, an erasure makes all bits sound.
    const weak = (this.#weak.get(at) ?? 0) & (to === ERASED ? 0 : to);
    this.#weak.set(at, weak);
    super.eraseMemory(at);
    super.writeMemory(at, to);
  }

  /** A copy of all cells. */
  get contents(): Uint8Array {
    return Uint8Array.from({ length: BYTES }, (_, at) => this.readMemory(at));
  }

  /** The power goes away, and comes back later. */
  cut(): void {
    const now = this.#nowMs();
    const torn = this.#writes.find(({ untilMs }) => untilMs > now);
    this.#writes = [];
    if (torn) {
      super.eraseMemory(torn.at);
      super.writeMemory(torn.at, torn.from);
      this.#weak.set(torn.at, torn.from ^ torn.to);
    }
    for (const [at, weak] of this.#weak) {
      const drawn = (this.readMemory(at) & ~weak) | (Math.floor(this.#random() * 256) & weak);
      super.eraseMemory(at);
      super.writeMemory(at, drawn);
    }
  }
}
