import { SourceError } from "../../src/domain/bytes.ts";

/** What a device has said and nobody has read yet; more than this is lost, the oldest first. */
const WAITING = 1_000;

/** Hands what a device says to the one who reads it, or ends his reading with an error. */
export class Queue<T> {
  #waiting: T[] = [];
  #wake: (() => void) | undefined;
  #failure: SourceError | undefined;
  #reading = false;
  #held = false;

  get reading(): boolean {
    return this.#reading;
  }

  push(item: T): void {
    if (!this.#reading) return;
    this.#waiting.push(item);
    if (this.#waiting.length > WAITING) this.#waiting.shift();
    if (!this.#held) this.#wake?.();
  }

  fail(error: SourceError): void {
    if (!this.#reading) return;
    this.#failure = error;
    if (!this.#held) this.#wake?.();
  }

  /** The reader's process stands still, or goes on. */
  hold(held: boolean): void {
    this.#held = held;
    if (!held) this.#wake?.();
  }

  /** One reader at a time, as a device has it. Ends when the signal fires. */
  async *read(signal: AbortSignal): AsyncGenerator<T> {
    if (this.#reading) throw new SourceError("failed", "it is held by another reader");
    this.#reading = true;
    this.#waiting = [];
    this.#failure = undefined;
    try {
      while (!signal.aborted) {
        if (this.#failure && !this.#held) throw this.#failure;
        const item = this.#held ? undefined : this.#waiting.shift();
        if (item !== undefined) yield item;
        else await this.#next(signal);
      }
    } finally {
      this.#reading = false;
    }
  }

  async #next(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const wake = () => resolve();
    this.#wake = wake;
    signal.addEventListener("abort", wake);
    await promise;
    signal.removeEventListener("abort", wake);
  }

  /** The reader's process has gone. */
  processGone(): void {
    this.#reading = false;
    this.#held = false;
    this.#wake = undefined;
  }
}
