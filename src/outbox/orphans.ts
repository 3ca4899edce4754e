import { isLater } from "../domain/episode.ts";
import type { Memory } from "../domain/memory.ts";
import type { EmergencyUpdate } from "../domain/report.ts";

/** What the reports of emergencies in a store mean, given the episodes that the memory has. Pure. */

const episodesOf = (...memories: readonly Memory[]): Set<string> =>
  new Set(memories.flatMap(({ emergency }) => emergency.episodes.map(({ episode }) => episode.id)));

/**
 * Reports of episodes that no memory has, though one of them covers the store. The memory is written before the
 * report, and an episode leaves it only after its end was published: so these were published as well, and the
 * power went before that was written. To publish one again would show an ended emergency as open.
 */
export const supersededIn = (
  reports: readonly EmergencyUpdate[],
  ...memories: readonly Memory[]
): EmergencyUpdate[] => {
  const open = episodesOf(...memories);
  return reports.filter(({ data }) => !open.has(data.episode));
};

/**
 * The newest report of each episode that the memory lacks, or may have as it stood before, because the memory was
 * lost or could not be written. `begun`: the memory with which this life began. An episode that it had, and
 * `memory` has no more, has ended meanwhile, and so have those in `ended`. One that the memory lacks and that is over is left out.
 */
export const orphansIn = (
  reports: readonly EmergencyUpdate[],
  begun: Memory,
  memory: Memory,
  ended: readonly string[] = [],
): EmergencyUpdate[] => {
  const now = episodesOf(memory);
  const before = new Set([...episodesOf(begun), ...ended]);
  const newest = new Map<string, EmergencyUpdate>();
  for (const report of reports) {
    const { episode, presses, state } = report.data;
    // Numbers of lives that jumped are in no order. An episode only goes on and grows.
    const known = newest.get(episode)?.data;
    if (!known || isLater(state, known.state) || presses > known.presses) newest.set(episode, report);
  }
  return [...newest.values()].filter(
    ({ data: { episode, state } }) => now.has(episode) || (!before.has(episode) && state !== "cleared"),
  );
};
