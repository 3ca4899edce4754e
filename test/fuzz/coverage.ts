import type { Profiler } from "node:inspector";
import { Session } from "node:inspector/promises";
import type { Coverage } from "./fuzz.ts";

/** Which of our own code runs, as V8 counts it: a byte for each character of a script, 1 where it has run. */

/** Not the libraries, and not the tests. */
const OURS = /^file:.*\/(?:src|firmware-bridge)\/.*\.ts$/;

type Ran = { readonly scriptId: string; readonly characters: Uint8Array };

/** Ranges are nested, outer ones first: the count of the innermost one is that of a character. */
const ranIn = ({ scriptId, functions }: Profiler.ScriptCoverage): Ran => {
  const ends = functions.flatMap(({ ranges }) => ranges.map(({ endOffset }) => endOffset));
  const characters = new Uint8Array(Math.max(0, ...ends));
  for (const { ranges } of functions)
    for (const { startOffset, endOffset, count } of ranges)
      characters.fill(count > 0 ? 1 : 0, startOffset, endOffset);
  return { scriptId, characters };
};

export class V8Coverage implements Coverage {
  readonly #session = new Session();
  readonly #seen = new Map<string, Uint8Array>();

  static async open(): Promise<V8Coverage> {
    const coverage = new V8Coverage();
    coverage.#session.connect();
    await coverage.#session.post("Profiler.enable");
    await coverage.#session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
    return coverage;
  }

  async fresh(): Promise<(() => void) | undefined> {
    const { result } = await this.#session.post("Profiler.takePreciseCoverage");
    const scripts = result
      .filter(({ url }) => OURS.test(url))
      .map(ranIn)
      .filter(({ scriptId, characters }) => {
        const seen = this.#seen.get(scriptId);
        return characters.some((ran, at) => ran === 1 && seen?.[at] !== 1);
      });
    return scripts.length > 0 ? () => this.#learn(scripts) : undefined;
  }

  #learn(scripts: readonly Ran[]): void {
    for (const { scriptId, characters } of scripts) {
      const seen = this.#seen.get(scriptId) ?? new Uint8Array(0);
      const longer = new Uint8Array(Math.max(seen.length, characters.length));
      longer.set(seen);
      characters.forEach((ran, at) => {
        if (ran === 1) longer[at] = 1;
      });
      this.#seen.set(scriptId, longer);
    }
  }

  /** Characters of our code that have run. */
  get size(): number {
    return [...this.#seen.values()].reduce((sum, seen) => sum + seen.reduce((all, ran) => all + ran, 0), 0);
  }
}
