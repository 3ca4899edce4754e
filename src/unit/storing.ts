import type { Outbox } from "../outbox/outbox.ts";
import { reasonOf, type Log } from "../runtime/log.ts";

/** Logged when the memory cannot be stored. */
export const NOT_STORED = "what is known of emergencies cannot be stored";

export type StoringOptions = {
  readonly outbox: Pick<Outbox, "secure">;
  readonly log: Log;
  /** The memory up to this generation is on disk, or cannot be stored now. */
  readonly answered: (kind: "stored" | "not-stored", generation: number) => void;
};

/**
 * Stores the emergencies' part of the memory, one generation at a time, so that requests do not pile up
 * while the disk does not answer.
 */
export class Storing {
  readonly #options: StoringOptions;
  /** Whether the memory is being stored, and whether it has changed since that began. */
  #state: "idle" | "asked" | "asked-again" = "idle";
  /** The generation that the outbox has in memory. */
  #remembered = 0;
  /** Storing has failed and that was logged. A board that repeats its press makes four attempts a second. */
  #fails = false;

  constructor(options: StoringOptions) {
    this.#options = options;
  }

  /** Stores what the outbox remembers: this generation. */
  store(generation: number): void {
    this.#remembered = generation;
    if (this.#state === "idle") this.#ask();
    else this.#state = "asked-again";
  }

  #ask(): void {
    const { outbox, log } = this.#options;
    const generation = this.#remembered;
    this.#state = "asked";
    outbox.secure().then(
      () => {
        this.#fails = false;
        this.#answered("stored", generation);
      },
      (cause: unknown) => {
        if (!this.#fails) log.error(NOT_STORED, { cause: reasonOf(cause) });
        this.#fails = true;
        this.#answered("not-stored", generation);
      },
    );
  }

  #answered(kind: "stored" | "not-stored", generation: number): void {
    const again = this.#state === "asked-again";
    this.#state = "idle";
    this.#options.answered(kind, generation);
    if (again && this.#state === "idle") this.#ask();
  }
}
