import type { Fact } from "../facts.ts";
import type { Invariant } from "./invariant.ts";

const FIRST_REFUSAL = 0x80;
/** The unit takes dispatch to have seen what it published so long ago, less what a message needs to arrive. */
const SEEN_MS = 59_000;

type Most = { readonly presses: number; readonly at: number };

/** When the most presses of each episode were published to each broker that has not refused them. */
class Published {
  readonly #most = new Map<string, Map<string, Most>>();

  see(fact: Fact): void {
    if (fact.what !== "published" && fact.what !== "puback") return;
    const { episode, broker, at } = fact;
    if (episode === undefined) return;
    const brokers = this.#most.get(episode) ?? new Map<string, Most>();
    this.#most.set(episode, brokers);
    if (fact.what === "published") {
      const { presses = 0 } = fact.report ?? {};
      if (presses > (brokers.get(broker)?.presses ?? 0)) brokers.set(broker, { presses, at });
    } else if (fact.code >= FIRST_REFUSAL) brokers.delete(broker);
  }

  /** Whether dispatch may have seen more presses than these. */
  isLong(episode: string, seen: number, now: number): boolean {
    return [...(this.#most.get(episode)?.values() ?? [])].some(
      ({ presses, at }) => presses > seen && now - at >= SEEN_MS,
    );
  }
}

/**
 * Excuses, and what allows them:
 * - A drill that nobody clears "ends by itself after 10 minutes" (§5).
 * - The disk has lost what it had synced: presses that the board repeats are counted again.
 * - A broker has the press and gave it to nobody: a unit cannot know. "A receipt within the last 10 minutes overrides
 *   0x10" (§4).
 * - Dispatch wrote `cleared` when the press had been published for a minute, and nobody had refused it. Brokers that
 *   never acknowledge an emergency may have shown it to dispatch: a unit that
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
      if (fact.what === "puback" && fact.overridden && fact.episode !== undefined) excused.add(fact.episode);
      if (fact.what === "acked" && fact.stage === "cleared")
        if (published.isLong(fact.episode, seen.get(fact.episode) ?? 0, fact.at)) late.add(fact.episode);
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
