import { allSince, Since, type Invariant } from "./invariant.ts";
import { Takers } from "./takers.ts";

/** Six repetitions: a connection may have to be opened, and a slow one has its turn behind them. */
const REPEATED_MS = 30_000;

/**
 * Excuses, and what allows them:
 * - No broker takes emergencies: see `Takers`.
 * - The unit has not run for so long, or its disk takes nothing: then an acknowledgement of dispatch is only in the
 *   unit's memory, and what is on disk is out of date.
 */
export const repeatsUntilReceived: Invariant = {
  name: "repeats-until-received",
  sentence: "An episode that dispatch has not acknowledged is published again and again.",
  begin() {
    const takers = new Takers();
    const running = new Since();
    const writable = new Since();
    writable.set(true, 0);
    /** When each episode that is active was published last, or became active. */
    const last = new Map<string, number>();
    return (fact) => {
      takers.see(fact);
      if (fact.what === "unit") running.set(fact.running, fact.at);
      if (fact.what === "disk") writable.set(fact.writable, fact.at);
      if (fact.what === "published" && fact.episode !== undefined && last.has(fact.episode))
        last.set(fact.episode, fact.at);
      if (fact.what === "durable") {
        const active = fact.episodes.filter(({ state }) => state === "active").map(({ id }) => id);
        for (const id of last.keys()) if (!active.includes(id)) last.delete(id);
        for (const id of active) if (!last.has(id)) last.set(id, fact.at);
      }
      const since = allSince(takers.since.longest, running.at, writable.at);
      if (fact.what !== "second" || since === undefined) return undefined;
      for (const [id, at] of last) {
        if (fact.at - Math.max(at, since) > REPEATED_MS)
          return `${id} was not published for ${REPEATED_MS / 1_000} s`;
      }
      return undefined;
    };
  },
};
