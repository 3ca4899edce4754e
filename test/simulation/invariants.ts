import type { Fact } from "./facts.ts";
import { CUSTODY_INVARIANTS } from "./invariants/custody.ts";
import { EPISODE_INVARIANTS } from "./invariants/episode.ts";
import type { Check, Invariant } from "./invariants/invariant.ts";
import { JUMP_INVARIANTS } from "./invariants/jump.ts";
import { LAMP_INVARIANTS } from "./invariants/lamp.ts";
import { LINK_INVARIANTS } from "./invariants/link.ts";
import { PRESS_INVARIANTS } from "./invariants/press.ts";

export const INVARIANTS: readonly Invariant[] = [
  ...PRESS_INVARIANTS,
  ...EPISODE_INVARIANTS,
  ...LAMP_INVARIANTS,
  ...CUSTODY_INVARIANTS,
  ...LINK_INVARIANTS,
  ...JUMP_INVARIANTS,
];

export type Violation = {
  readonly invariant: string;
  readonly sentence: string;
  /** What exactly is wrong. */
  readonly detail: string;
  /** Milliseconds of simulated time. */
  readonly at: number;
  /** The last facts, the violating one at the end. */
  readonly facts: readonly Fact[];
};

const NO_SUBSCRIBERS = 0x10;
/** Contract §4: "a receipt within the last 10 minutes overrides 0x10". */
const OVERRIDES_MS = 600_000;

/**
 * Marks each 0x10 that may be success for the unit: its broker had a receipt lately. It is success only if that was
 * the newest one when the unit got it.
 */
class Overridden {
  readonly #receipts = new Map<string, number>();

  read(fact: Fact): Fact {
    if (fact.what === "receipt") this.#receipts.set(fact.broker, fact.at);
    if (fact.what !== "puback" || fact.code !== NO_SUBSCRIBERS) return fact;
    // Another host behind the name of a broker is that broker for the unit.
    const at = this.#receipts.get(fact.broker.replace(/'$/, "")) ?? -Infinity;
    return fact.at - at < OVERRIDES_MS ? { ...fact, overridden: true } : fact;
  }
}

/** Facts that a violation shows; a `second` says nothing. */
const FACTS_SHOWN = 40;

/** Holds every fact against every invariant; remembers the first violation and looks no further. */
export class Checker {
  readonly #checks: readonly (readonly [Invariant, Check])[];
  readonly #overridden = new Overridden();
  #recent: Fact[] = [];
  #violation: Violation | undefined;

  constructor(invariants: readonly Invariant[] = INVARIANTS) {
    this.#checks = invariants.map((invariant) => [invariant, invariant.begin()]);
  }

  get violation(): Violation | undefined {
    return this.#violation;
  }

  see(fact: Fact): void {
    if (this.#violation) return;
    if (fact.what !== "second") this.#recent.push(fact);
    if (this.#recent.length > 2 * FACTS_SHOWN) this.#recent = this.#recent.slice(-FACTS_SHOWN);
    const read = this.#overridden.read(fact);
    for (const [{ name, sentence }, check] of this.#checks) {
      const detail = check(read);
      if (detail === undefined) continue;
      const facts = this.#recent.slice(-FACTS_SHOWN);
      this.#violation = { invariant: name, sentence, detail, at: fact.at, facts };
      return;
    }
  }
}

const clockOf = (ms: number): string => {
  const seconds = (ms / 1000) % 60;
  const minutes = Math.floor(ms / 60_000);
  return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:${seconds.toFixed(3).padStart(6, "0")}`;
};

/** A violation for people: what, when, what led to it, and how to see it again. */
export const describeViolation = (violation: Violation, replay: string): string =>
  [
    `${violation.invariant}: ${violation.detail}`,
    `  ${violation.sentence}`,
    `  at ${clockOf(violation.at)} of simulated time; what led to it:`,
    ...violation.facts.map(({ at, ...what }) => `    ${clockOf(at)} ${JSON.stringify(what)}`),
    `  again: ${replay}`,
  ].join("\n");
