/** The newest `most` of something, oldest first. The oldest is dropped for a newer one. */
export class Ring<T> {
  readonly #most: number;
  readonly #items: T[] = [];
  /** Where the oldest is, once the ring is full. */
  #start = 0;

  constructor(most: number) {
    this.#most = most;
  }

  add(item: T): void {
    if (this.#items.length < this.#most) {
      this.#items.push(item);
      return;
    }
    this.#items[this.#start] = item;
    this.#start = (this.#start + 1) % this.#most;
  }

  get items(): readonly T[] {
    return [...this.#items.slice(this.#start), ...this.#items.slice(0, this.#start)];
  }
}
