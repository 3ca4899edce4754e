import type { Fact } from "../facts.ts";
import type { Invariant } from "./invariant.ts";

const FIRST_REFUSAL = 0x80;
/** The unit takes dispatch to have seen what it published so long ago, less what a message needs to arrive. */
const SEEN_MS = 9_000;

/** When the most presses of each episode were first published to each broker that has not refused it since. */
class Published {
  readonly #most = new Map<string, Map<string, { readonly presses: number; readonly at: number }>>();

  see(fact: Fact): void {
    if (fact.what !== "published" && fact.what !== "puback") return;
    const { episode, broker, at } = fact;
    if (episode === undefined) return;
    const brokers = this.#most.get(episode) ?? new Map<string, { presses: number; at: number }>();
    this.#most.set(episode, brokers);
    if (fact.what === "puback") {
      if (fact.code >= FIRST_REFUSAL) brokers.delete(broker);
      return;
    }
    const { presses = 0 } = fact.report ?? {};
    if (presses > (brokers.get(broker)?.presses ?? 0)) brokers.set(broker, { presses, at });
  }

  /** For how long more presses than these have been published. */
  forMs(episode: string, seen: number, now: number): number {
    const unseen = [...(this.#most.get(episode)?.values() ?? [])].filter(({ presses }) => presses > seen);
    return now - Math.min(now, ...unseen.map(({ at }) => at));
  }
}

/**
 * Excuses, and what allows them:
 * - A drill that nobody clears "ends by itself after 10 minutes" (§5).
 * - The disk has lost what it had synced: presses that the board repeats are counted anew.
 * - A broker has the press and gave it to nobody: a unit cannot know.
 * - Dispatch wrote `cleared` when the press had been published for some seconds, and nobody had refused it. Brokers that
 *   never acknowledge an emergency, and those that "answer 0x10 too" (§4), may have shown it to dispatch: a unit that
 *   waited for more could not be cleared by them.
 */
export const seenBeforeItEnds: Invariant = {
  name: "seen-before-it-ends",
  sentence: "Dispatch does not see a press for the first time in the end of its episode.",
  begin() {
    const seen = new Map<string, number>();
    const excused = new Set<string>();
    const published = new Published();
    const late = new Set<string>();
    let damaged = false;
    return (fact) => {
      if (fact.what === "durable" && fact.damaged) damaged = true;
      if (fact.what === "dropped") excused.add(fact.episode);
      if (fact.what === "acked" && fact.stage === "cleared")
        if (published.forMs(fact.episode, seen.get(fact.episode) ?? 0, fact.at) >= SEEN_MS)
          late.add(fact.episode);
      published.see(fact);
      if (fact.what !== "episode" || fact.test) return undefined;
      const { episode, presses, state } = fact;
      const before = seen.get(episode) ?? 0;
      seen.set(episode, Math.max(before, presses));
      const isLate = late.delete(episode);
      if (state !== "cleared" || presses <= before || damaged || isLate || excused.has(episode))
        return undefined;
      return `${episode} ends with ${presses} presses, dispatch has seen ${before}`;
    };
  },
};
