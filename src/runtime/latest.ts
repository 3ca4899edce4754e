import type { Time } from "./ports.ts";
import { within } from "./wait.ts";

/**
 * The last answer of something that may be slow, or never answer: a disk. It is asked at most once at a time, and not
 * again while its answer is younger than `freshMs`.
 */
export type LatestOptions<T> = {
  readonly ask: () => Promise<T>;
  readonly time: Time;
  /** How long a reader waits for the answer; after that the last one counts. */
  readonly waitMs: number;
  readonly freshMs: number;
};

export class Latest<T> {
  readonly #options: LatestOptions<T>;
  #asking: Promise<void> | undefined;
  #answer: { readonly at: number; readonly value: T } | undefined;

  constructor(options: LatestOptions<T>) {
    this.#options = options;
  }

  /** Undefined: there was no answer yet. A failure is no answer. Never rejects. */
  async read(): Promise<T | undefined> {
    const { ask, time, waitMs, freshMs } = this.#options;
    if (this.#answer && time.mono() - this.#answer.at < freshMs) return this.#answer.value;
    this.#asking ??= ask().then(
      (value) => {
        this.#answer = { at: time.mono(), value };
        this.#asking = undefined;
      },
      () => {
        this.#asking = undefined;
      },
    );
    await within(waitMs, this.#asking, time);
    return this.#answer?.value;
  }
}
