import type { Fact } from "../facts.ts";

/** Given each fact in turn; returns what is wrong with it, if anything. */
export type Check = (fact: Fact) => string | undefined;

/** What must always be so. `begin` makes a check with a memory of its own. */
export type Invariant = {
  readonly name: string;
  readonly sentence: string;
  readonly begin: () => Check;
};

/** Since when something has been so without a break; undefined: it is not so. */
export class Since {
  #at: number | undefined;

  set(holds: boolean, at: number): void {
    if (!holds) this.#at = undefined;
    else this.#at ??= at;
  }

  get at(): number | undefined {
    return this.#at;
  }

  /** Whether it has been so for `ms`. */
  for(ms: number, now: number): boolean {
    return this.#at !== undefined && now - this.#at >= ms;
  }
}

/** Since when each of several has been so. */
export class SinceEach {
  readonly #since = new Map<string, number>();

  set(key: string, holds: boolean, at: number): void {
    if (!holds) this.#since.delete(key);
    else if (!this.#since.has(key)) this.#since.set(key, at);
  }

  at(key: string): number | undefined {
    return this.#since.get(key);
  }

  /** Since when the one that has been so longest has been so; undefined: none is. */
  get longest(): number | undefined {
    return this.#since.size === 0 ? undefined : Math.min(...this.#since.values());
  }
}

/** The latest of several beginnings; undefined if one has not begun. */
export const allSince = (...times: readonly (number | undefined)[]): number | undefined => {
  let latest = -Infinity;
  for (const at of times) {
    if (at === undefined) return undefined;
    latest = Math.max(latest, at);
  }
  return latest;
};
