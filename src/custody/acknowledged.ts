import { addRange, union, without, type Runs } from "../domain/runs.ts";

/** A number that was acknowledged more recently may still be on its way to dispatch. */
const RIPE_MS = 30_000;
const STEP_MS = 1_000;

/**
 * When numbers were acknowledged by a broker, as far back as it matters. At most 31 sets, one for each second.
 * Pure.
 */
export class Acknowledged {
  readonly #begunAt: number;
  #steps: { readonly at: number; readonly numbers: Runs }[] = [];

  /** What earlier lives acknowledged counts as acknowledged now. Milliseconds on a clock that never jumps. */
  constructor(now: number) {
    this.#begunAt = now;
  }

  add(seq: number, now: number): void {
    const last = this.#steps.at(-1);
    if (last && now - last.at < STEP_MS) {
      addRange(last.numbers, seq, seq);
      return;
    }
    this.#steps = this.#steps.filter(({ at }) => now - at < RIPE_MS + STEP_MS);
    this.#steps.push({ at: now, numbers: [[seq, seq]] });
  }

  /** Those of the numbers that were acknowledged long enough ago. */
  ripe(numbers: Runs, now: number): Runs {
    if (now - this.#begunAt < RIPE_MS) return [];
    const recent = this.#steps.filter(({ at }) => now - at < RIPE_MS + STEP_MS);
    return without(numbers, union(...recent.map((step) => step.numbers)));
  }
}
