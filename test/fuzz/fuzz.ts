import type { Dice } from "../simulation/random.ts";
import { mutate } from "./mutate.ts";

/** The loop of a coverage-guided fuzzer: what reaches a new block of our code is changed further. */

/** Inputs that run before the coverage is asked for, which costs as much as many of them. */
const BATCH = 256;
/** An input that takes longer is a finding, ms. */
const SLOW_MS = 2_000;

export type Found = { readonly input: Buffer; readonly cause: unknown };
export type Run = (input: Buffer) => void | Promise<void>;

export type Coverage = {
  /**
   * Undefined: since the last call nothing has run that never did before. Else what to call, so that it counts as
   * seen.
   */
  fresh(): Promise<(() => void) | undefined>;
  /** How much was seen. */
  readonly size: number;
};

export class Fuzz {
  readonly #run: Run;
  readonly #coverage: Coverage;
  readonly #dice: Dice;
  readonly #words: readonly string[];
  readonly #corpus: Buffer[] = [];
  runs = 0;
  found: Found | undefined;

  constructor(run: Run, coverage: Coverage, dice: Dice, words: readonly string[]) {
    this.#run = run;
    this.#coverage = coverage;
    this.#dice = dice;
    this.#words = words;
  }

  get corpus(): readonly Buffer[] {
    return this.#corpus;
  }

  /** Keeps of these inputs those that reach something new, smaller ones first. */
  async seed(inputs: readonly Buffer[]): Promise<void> {
    const ordered = inputs.toSorted((one, other) => one.length - other.length);
    await this.#explore(ordered);
    if (this.#corpus.length === 0) this.#corpus.push(...ordered.slice(0, 1));
  }

  /** Changes inputs until the time is over, or one is found that something is wrong with. */
  async search(ms: number): Promise<void> {
    const material = { corpus: this.#corpus, words: this.#words };
    for (const end = performance.now() + ms; performance.now() < end && !this.found;) {
      // oxlint-disable-next-line no-await-in-loop -- one batch after the other
      await this.#explore(
        Array.from({ length: BATCH }, () => mutate(this.#dice, material)),
        end,
      );
    }
  }

  /** Runs them, and finds those that reach something new by halves. */
  async #explore(inputs: readonly Buffer[], end = Infinity): Promise<void> {
    for (const input of inputs) {
      if (this.found || performance.now() > end) return;
      // oxlint-disable-next-line no-await-in-loop -- one input after the other
      await this.#try(input);
    }
    const learn = await this.#coverage.fresh();
    if (!learn || this.found) return;
    const [only] = inputs;
    if (inputs.length === 1 && only) {
      this.#corpus.push(only);
      learn();
      return;
    }
    const middle = inputs.length >> 1;
    await this.#explore(inputs.slice(0, middle), end);
    await this.#explore(inputs.slice(middle), end);
  }

  async #try(input: Buffer): Promise<void> {
    this.runs++;
    const from = performance.now();
    try {
      await this.#run(input);
      const ms = performance.now() - from;
      if (ms > SLOW_MS) throw new Error(`it took ${Math.round(ms)} ms`);
    } catch (cause) {
      this.found = { input, cause };
    }
  }
}
