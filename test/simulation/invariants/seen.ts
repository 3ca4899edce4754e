import type { Fact } from "../facts.ts";
import type { Invariant } from "./invariant.ts";

const FIRST_REFUSAL = 0x80;
/** The unit takes dispatch to have seen what it published so long ago, less what a message needs to arrive. */
const SEEN_MS = 9_000;

/** When each episode was first published to each broker that has not refused it, since dispatch saw it last. */
class Published {
  readonly #at = new Map<string, Map<string, number>>();

  see(fact: Fact): void {
    if (fact.what === "episode") this.#at.delete(fact.episode);
    if (fact.what !== "published" && fact.what !== "puback") return;
    const { episode, broker } = fact;
    if (episode === undefined) return;
    const brokers = this.#at.get(episode) ?? new Map<string, number>();
    if (fact.what === "published" && fact.report && !brokers.has(broker)) brokers.set(broker, fact.at);
    if (fact.what === "puback" && fact.code >= FIRST_REFUSAL) brokers.delete(broker);
    this.#at.set(episode, brokers);
  }

  /** For how long the episode has been published. */
  forMs(episode: string, now: number): number {
    return now - Math.min(now, ...(this.#at.get(episode)?.values() ?? []));
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
        if (published.forMs(fact.episode, fact.at) >= SEEN_MS) late.add(fact.episode);
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
