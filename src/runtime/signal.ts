/**
 * One kind of event from one part of the unit to others that are made after it. Values that are emitted
 * before the first listener are kept for it: the newest `KEPT`.
 */
export class Signal<T> {
  readonly #listeners: ((value: T) => void)[] = [];
  #kept: T[] = [];

  emit(value: T): void {
    if (this.#listeners.length === 0) this.#kept = [...this.#kept, value].slice(-KEPT);
    for (const listen of this.#listeners) listen(value);
  }

  listen(listener: (value: T) => void): void {
    this.#listeners.push(listener);
    const kept = this.#kept;
    this.#kept = [];
    for (const value of kept) listener(value);
  }
}

const KEPT = 64;
