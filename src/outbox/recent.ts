/** The latest numbers, at least `max / 2` and at most `max` of them. */
export class Recent {
  readonly #half: number;
  #newer = new Set<number>();
  #older: ReadonlySet<number> = new Set();

  constructor(max: number) {
    this.#half = Math.floor(max / 2);
  }

  get size(): number {
    return this.#newer.size + this.#older.size;
  }

  has(seq: number): boolean {
    return this.#newer.has(seq) || this.#older.has(seq);
  }

  /**
   * Forgets the older half at once. To delete the oldest number for each new one would be slow: the first
   * entry of a Set is found by passing over all that were deleted before it.
   */
  add(seq: number): void {
    this.#newer.add(seq);
    if (this.#newer.size < this.#half) return;
    this.#older = this.#newer;
    this.#newer = new Set();
  }

  clear(): void {
    this.#newer = new Set();
    this.#older = new Set();
  }
}
