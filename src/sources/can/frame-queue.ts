import type { CanFrame } from "../../domain/can.ts";

/** The most frames that wait to be read. Further ones are dropped. */
const WAITING = 20_000;
/** Frames arrive one by one. Those within this time are yielded together, to save wake-ups. */
const TOGETHER_MS = 20;

/** A queue from a channel with callbacks to a reader that iterates. */
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

  /** Ends the reading with an error, after the frames before it. Only the first error counts. */
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
