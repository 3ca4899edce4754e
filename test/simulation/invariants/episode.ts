import type { EpisodeOnDisk, Fact } from "../facts.ts";
import type { Invariant } from "./invariant.ts";
import { repeatsUntilReceived } from "./repeats.ts";
import { endedByOneWhoKnew } from "./ended-by.ts";
import { seenBeforeItEnds } from "./seen.ts";
import { Takers } from "./takers.ts";

const isOpen = (episode: EpisodeOnDisk): boolean => episode.state !== "cleared";

const episodeSurvives: Invariant = {
  name: "episode-survives",
  sentence: "An open episode survives everything until dispatch has cleared it.",
  begin() {
    const open = new Set<string>();
    const cleared = new Set<string>();
    return (fact) => {
      if (fact.what === "acked" && fact.stage === "cleared") cleared.add(fact.episode);
      if (fact.what !== "durable") return undefined;
      const now = new Set(fact.episodes.filter(isOpen).map(({ id }) => id));
      const lost = [...open].find((id) => !now.has(id) && !cleared.has(id));
      open.clear();
      // A drill ends by itself.
      for (const { id, test } of fact.episodes) if (now.has(id) && !test) open.add(id);
      return lost !== undefined && !fact.damaged ? `${lost} is gone, nobody cleared it` : undefined;
    };
  },
};

/**
 * Excuse: its memory was never stored, and only the store had a report of it. A report does not name the press, which the
 * board repeats until it is confirmed.
 */
const endedStaysEnded: Invariant = {
  name: "ended-stays-ended",
  sentence: "An episode that has ended does not come back.",
  begin() {
    const seen = new Set<string>();
    const ended = new Set<string>();
    const adopted = new Set<string>();
    return (fact) => {
      if (fact.what === "adopted") adopted.add(fact.episode);
      if (fact.what !== "durable") return undefined;
      const open = new Set(fact.episodes.filter(isOpen).map(({ id }) => id));
      // An older state of a disk that lied shows what had ended.
      if (fact.damaged) {
        ended.clear();
        seen.clear();
      }
      const back = [...open].find((id) => ended.has(id) && !adopted.has(id));
      for (const id of seen) if (!open.has(id)) ended.add(id);
      for (const id of open) seen.add(id);
      return back === undefined ? undefined : `${back} is open again`;
    };
  },
};

const GONE_MS = 60_000;
/** A copy that goes again within this time is not kept: a late report of the episode came, and its removal followed. */
const PASSING_MS = 5_000;

/**
 * Excuses, and what allows them. The sentence is that of contract §5: "No broker keeps a retained copy of an
 * ended episode once it has been reachable for a minute".
 * - Only a healthy broker counts as reachable: one that answers late, refuses or hangs up cannot remove it.
 * - It has refused an emergency on a connection that is still open: see `Takers`.
 * - The unit has not run for a minute: nobody else removes it.
 * - The unit ended while its disk took nothing, and had published there since: "counter on disk" and "on disk"
 *   (§1, §5) hold for what a disk takes. The same where a disk has lost what it had synced.
 */
const noStaleCopy: Invariant = {
  name: "no-stale-copy",
  sentence: "No broker keeps a retained copy of an ended episode once it has been reachable for a minute.",
  begin() {
    /** `since`: it has been there without a break; `at`: it was last published. */
    const held = new Map<string, { broker: string; episode: string; since: number; at: number }>();
    const takers = new Takers();
    const open = new Set<string>();
    const ended = new Map<string, number>();
    let runningSince: number | undefined;
    let unwritableSince: number | undefined;
    const see = (fact: Fact): void => {
      if (fact.what === "disk") unwritableSince = fact.writable ? undefined : (unwritableSince ?? fact.at);
      if (fact.what === "unit") runningSince = fact.running ? fact.at : undefined;
      // Where it had published since then was only in its memory.
      if (fact.what === "unit" && !fact.running && unwritableSince !== undefined)
        for (const [key, { at }] of held) if (at >= unwritableSince) held.delete(key);
      if (fact.what === "durable" && fact.damaged) held.clear();
      takers.see(fact);
      if (fact.what === "retained") {
        const key = `${fact.broker} ${fact.episode}`;
        const { broker, episode, at } = fact;
        if (fact.present) held.set(key, { broker, episode, since: held.get(key)?.since ?? at, at });
        else held.delete(key);
      }
      if (fact.what !== "durable") return;
      const now = new Set(fact.episodes.filter(isOpen).map(({ id }) => id));
      for (const id of open) if (!now.has(id)) ended.set(id, fact.at);
      open.clear();
      for (const id of now) {
        open.add(id);
        ended.delete(id);
      }
    };
    return (fact) => {
      see(fact);
      if (fact.what !== "second" || runningSince === undefined) return undefined;
      for (const { broker, episode, since: heldSince } of held.values()) {
        if (fact.at - heldSince < PASSING_MS) continue;
        const since = takers.since.at(broker);
        const endedAt = ended.get(episode);
        if (since === undefined || endedAt === undefined) continue;
        if (fact.at - Math.max(since, endedAt, runningSince) > GONE_MS) {
          return `${broker} still keeps ${episode}`;
        }
      }
      return undefined;
    };
  },
};

/** A disk that takes something again gets the memory within this time. */
const CAUGHT_UP_MS = 10_000;

/** The last time in which the disk took nothing: what was opened in it is seen only after it. */
class DiskPause {
  #since = Infinity;
  #until = -Infinity;

  see(fact: Fact): void {
    if (fact.what !== "disk") return;
    if (!fact.writable) this.#since = fact.at;
    this.#until = fact.writable ? fact.at : Infinity;
  }

  /** Whether what is seen at `now` may have happened at `at` or before, as far as the disk can tell. */
  hid(at: number, now: number): boolean {
    return at >= this.#since && now <= this.#until + CAUGHT_UP_MS;
  }
}

const drillIsAsked: Invariant = {
  name: "drill-is-asked-for",
  sentence: "An episode is a drill only if one was asked for in time, and one only for each time.",
  begin() {
    const known = new Set<string>();
    let asked: number[] = [];
    const pause = new DiskPause();
    return (fact) => {
      pause.see(fact);
      if (fact.what === "drill") asked.push(fact.at + fact.validMs);
      if (fact.what !== "durable") return undefined;
      const made = fact.episodes.filter(({ id }) => !known.has(id));
      for (const { id } of made) known.add(id);
      for (const { id, test } of made) {
        if (!test) continue;
        // Use up the request that ends first: which request a drill belongs to cannot be seen.
        asked = asked.filter((until) => until >= fact.at || pause.hid(until, fact.at)).sort((a, b) => a - b);
        if (asked.shift() === undefined) return `nobody asked for the drill ${id}`;
      }
      return undefined;
    };
  },
};

/** A line that has just been plugged in is opened within a few seconds, and a disk may be slow. */
const RECENT_MS = 20_000;
/** A disk that accepts nothing for longer than this is not followed. */
const REMEMBERED_MS = 3_600_000;

const noOldDrill: Invariant = {
  name: "no-drill-of-unknown-age",
  sentence: "A press of unknown age is never a drill.",
  begin() {
    const known = new Set<string>();
    /** When an episode was published that is not on disk yet. */
    const published = new Map<string, number>();
    let handed: { at: number; ageKnown: boolean }[] = [];
    const pause = new DiskPause();
    return (fact) => {
      pause.see(fact);
      if (fact.what === "handed") handed.push(fact);
      if (fact.what === "published" && fact.episode !== undefined && !published.has(fact.episode))
        published.set(fact.episode, fact.at);
      if (fact.what !== "durable") return undefined;
      handed = handed.filter(({ at }) => fact.at - at <= REMEMBERED_MS);
      const made = fact.episodes.filter(({ id }) => !known.has(id));
      for (const { id } of made) known.add(id);
      for (const { id, test } of made) {
        const openedAt = published.get(id) ?? fact.at;
        const before = handed.filter(
          ({ at }) => at <= openedAt && (openedAt - at <= RECENT_MS || pause.hid(at, openedAt)),
        );
        if (test && before.length > 0 && !before.some(({ ageKnown }) => ageKnown))
          return `${id} is a drill, and no press of a known age was there to open it`;
      }
      return undefined;
    };
  },
};

export const EPISODE_INVARIANTS: readonly Invariant[] = [
  episodeSurvives,
  endedStaysEnded,
  seenBeforeItEnds,
  endedByOneWhoKnew,
  noStaleCopy,
  drillIsAsked,
  noOldDrill,
  repeatsUntilReceived,
];
