/** After so many cycles without the learned last sentence, or with others after it, learn again. */
const RELEARN_CYCLES = 2;

/** Learns which sentence ends a receiver's cycle: the last one before the time of day changes. */
export class Cycle {
  /** The formatter that ends a cycle; undefined until it is learned. */
  ender: string | undefined;
  #misses = 0;
  #late = { formatter: "", cycles: 0 };

  /**
   * A cycle is over. `last`: its last sentence before its fix was emitted; `late`: the last one after
   * that; `endedByEnder`: the learned sentence arrived.
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
