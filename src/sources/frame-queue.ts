import type { CanFrame } from "../domain/can.ts";

/** Frames that wait to be read; further ones are dropped. */
const WAITING = 20_000;
/** Frames come one by one, each a wake-up of its own: those that follow within this time go on together. */
const TOGETHER_MS = 20;

/** Between a channel that calls back and a reader that iterates. */
export class FrameQueue {
  #waiting: CanFrame[] = [];
  #gathering: NodeJS.Timeout | undefined;
  #failure: Error | undefined;
  #wake = Promise.withResolvers<void>();

  /** False if the queue is full and the frame was dropped. */
  push(frame: CanFrame): boolean {
    if (this.#waiting.length >= WAITING) return false;
    this.#waiting.push(frame);
    this.#gathering ??= setTimeout(() => {
      this.#gathering = undefined;
      this.#wake.resolve();
    }, TOGETHER_MS);
    return true;
  }

  /** Ends the reading with an error, after the frames that came before it. Only the first one counts. */
  fail(error: Error): void {
    this.#failure ??= error;
    this.#wake.resolve();
  }

  async *batches(signal: AbortSignal): AsyncGenerator<readonly CanFrame[]> {
    const stop = () => this.#wake.resolve();
    signal.addEventListener("abort", stop);
    try {
      while (!signal.aborted) {
        // oxlint-disable-next-line no-await-in-loop -- a bus is read in order
        await this.#wake.promise;
        this.#wake = Promise.withResolvers<void>();
        if (signal.aborted) return;
        const batch = this.#waiting;
        this.#waiting = [];
        if (batch.length > 0) yield batch;
        if (this.#failure) throw this.#failure;
      }
    } finally {
      clearTimeout(this.#gathering);
      signal.removeEventListener("abort", stop);
    }
  }
}
