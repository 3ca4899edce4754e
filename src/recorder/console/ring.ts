/** The newest entries, numbered from 1. Beyond its size the oldest go. */
export class Ring<T> {
  readonly #size: number;
  #entries: { readonly n: number; readonly value: T }[] = [];
  #last = 0;

  constructor(size: number) {
    this.#size = size;
  }

  /** Returns its number. */
  add(value: T): number {
    this.#entries.push({ n: ++this.#last, value });
    // Cutting at twice the size costs one copy in `size` entries.
    if (this.#entries.length >= 2 * this.#size) this.#entries = this.#entries.slice(-this.#size);
    return this.#last;
  }

  /** The number of the newest entry; 0: there is none. */
  get last(): number {
    return this.#last;
  }

  /** Entries with numbers above `n`, oldest first. */
  after(n: number): readonly { readonly n: number; readonly value: T }[] {
    const kept = this.#entries.slice(-this.#size);
    const first = kept[0]?.n ?? 1;
    return kept.slice(Math.max(0, n + 1 - first));
  }
}
