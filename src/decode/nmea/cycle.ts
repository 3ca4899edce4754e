/** Cycles without the learnt last sentence, or with others behind it, before learning anew. */
const RELEARN_CYCLES = 2;

/** Learns which sentence ends a receiver's cycle, from where the time of day changes. */
export class Cycle {
  /** The formatter that ends a cycle; undefined until it is learnt. */
  ender: string | undefined;
  #misses = 0;
  #late = { formatter: "", cycles: 0 };

  /**
   * A cycle is over. `last`: its last sentence before it was given out; `late`: the last one
   * after that; `endedByEnder`: the learnt sentence came.
   */
  learn(last: string, late: string | undefined, endedByEnder: boolean): void {
    if (!endedByEnder) {
      this.#misses++;
      if (this.ender === undefined || this.#misses >= RELEARN_CYCLES) {
        this.ender = last;
        this.#misses = 0;
      }
      return;
    }
    this.#misses = 0;
    if (late === undefined) {
      if (this.#late.cycles > 0) this.#late = { formatter: "", cycles: 0 };
      return;
    }
    const cycles = late === this.#late.formatter ? this.#late.cycles + 1 : 1;
    this.#late = { formatter: late, cycles };
    if (cycles >= RELEARN_CYCLES) this.ender = late;
  }
}
