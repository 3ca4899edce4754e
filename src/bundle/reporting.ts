import { within } from "../runtime/wait.ts";
import type { Supervision } from "./supervise.ts";
import { untold, withoutResults, type Result } from "./trial.ts";

/** Reports the results that wait in the root's state, each once in the life of a unit. */

export type ResultReports = {
  /** Makes the event that tells dispatch of a result. It is in the memory of the outbox, not yet on disk. */
  report(result: Result): void;
  /** Resolves when all events are on disk. Rejects if the disk cannot be written. */
  written(): Promise<void>;
};

/** After a failure the disk is tried again after this time. */
const AGAIN_MS = 10_000;

/** A look waits so long for the disk. */
const WAIT_MS = 1_000;

type Step =
  | { readonly kind: "idle" }
  /** There may be results that were not reported yet. */
  | { readonly kind: "due" }
  /** The events are being written. */
  | { readonly kind: "writing" }
  /** The events of these results are on disk. The results are removed from the state next. */
  | { readonly kind: "written"; readonly results: readonly Result[] };

export class Reporting {
  readonly #on: Pick<Supervision, "store" | "lock" | "time">;
  readonly #reports: ResultReports;
  readonly #failed: (cause: unknown) => void;
  #step: Step = { kind: "due" };
  /** Results have been added since the state was read. */
  #hasMore = false;
  /** The results of the state whose event was made. */
  #announced: readonly Result[] = [];
  #againAt = 0;

  /** `failed`: called with each failure, at most once in 10 s. */
  constructor(
    on: Pick<Supervision, "store" | "lock" | "time">,
    reports: ResultReports,
    failed: (cause: unknown) => void,
  ) {
    this.#on = on;
    this.#reports = reports;
    this.#failed = failed;
  }

  /** There are new results in the state. */
  add(): void {
    if (this.#step.kind === "idle") this.#step = { kind: "due" };
    else this.#hasMore = true;
  }

  /** Does what is due. Call it each second. It never rejects, and does not wait for a disk that hangs: a trial must go on. */
  async look(): Promise<void> {
    if (this.#on.time.mono() < this.#againAt) return;
    try {
      if (this.#step.kind === "due") await this.#announce();
      await this.settle();
    } catch (cause) {
      this.#fail(cause);
    }
  }

  /** Removes the results whose events are on disk: the next life would report them again. */
  async settle(): Promise<void> {
    if (this.#step.kind === "written") await this.#remove(this.#step.results);
  }

  #fail(cause: unknown): void {
    this.#againAt = this.#on.time.mono() + AGAIN_MS;
    this.#failed(cause);
  }

  async #announce(): Promise<void> {
    this.#hasMore = false;
    const { results } = await this.#on.store.state();
    for (const result of untold(results, this.#announced)) this.#reports.report(result);
    this.#announced = results;
    if (results.length === 0) return this.#rest();
    this.#step = { kind: "writing" };
    const writing = this.#reports.written().then(
      () => {
        this.#step = { kind: "written", results };
      },
      (cause: unknown) => {
        this.#step = { kind: "due" };
        this.#fail(cause);
      },
    );
    // Usually it takes some milliseconds. The results should be removed then, before a restart reports them again.
    await within(WAIT_MS, writing, this.#on.time);
  }

  async #remove(results: readonly Result[]): Promise<void> {
    const { store, lock } = this.#on;
    using locked = await lock();
    if (!locked) return;
    await store.writeState(withoutResults(await store.state(), results));
    this.#announced = [];
    this.#rest();
  }

  #rest(): void {
    this.#step = this.#hasMore ? { kind: "due" } : { kind: "idle" };
  }
}
