import type { Invariant } from "./invariant.ts";

/** The unit assumes that dispatch saw a press this long before a broker acknowledged it. */
const DECIDE_MS = 3_000;

/**
 * Excuses, and what allows them:
 * - A drill that nobody clears "ends by itself after 10 minutes" (§5).
 * - The disk has lost what it had synced: presses that the board repeats are counted again.
 * - Dispatch's clock was wrong when it wrote that: its time tells nothing.
 */
export const endedByOneWhoKnew: Invariant = {
  name: "ended-by-one-who-knew",
  sentence: "No episode ends by a `cleared` that dispatch wrote before its newest press was published.",
  begin() {
    /** When so many presses were first published, by episode. */
    const published = new Map<string, Map<number, number>>();
    /** When each `cleared` with a true time was written last, by episode. */
    const written = new Map<string, Map<string, number>>();
    let damaged = false;
    return (fact) => {
      if (fact.what === "durable" && fact.damaged) damaged = true;
      if (fact.what === "acked" && fact.stage === "cleared" && fact.aheadMs === 0)
        written.set(fact.episode, (written.get(fact.episode) ?? new Map()).set(fact.ackAt, fact.at));
      if (fact.what === "published" && fact.episode !== undefined && fact.report?.presses !== undefined) {
        const ofEpisode = published.get(fact.episode) ?? new Map<number, number>();
        published.set(fact.episode, ofEpisode);
        if (!ofEpisode.has(fact.report.presses)) ofEpisode.set(fact.report.presses, fact.at);
      }
      if (fact.what !== "episode" || fact.state !== "cleared" || fact.test || damaged) return undefined;
      const publishedAt = published.get(fact.episode)?.get(fact.presses);
      const writtenAt = written.get(fact.episode)?.get(fact.ackAt ?? "");
      if (publishedAt === undefined || writtenAt === undefined) return undefined;
      return writtenAt < publishedAt - DECIDE_MS
        ? `${fact.episode} ended by what was written ${Math.round((publishedAt - writtenAt) / 1_000)} s before ${fact.presses} presses were published`
        : undefined;
    };
  },
};
