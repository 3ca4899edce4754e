import { STAGES, type Stage } from "../domain/episode.ts";
import type { Memory } from "../domain/memory.ts";
import type { EmergencyUpdate } from "../domain/report.ts";

/** What the reports of emergencies in a store mean, given the episodes that the memory has. Pure. */

const episodesOf = (...memories: readonly Memory[]): Set<string> =>
  new Set(memories.flatMap(({ emergency }) => emergency.episodes.map(({ episode }) => episode.id)));

/** Whether a stage of an episode comes after another one. */
const isLater = (one: Stage, other: Stage): boolean => STAGES.indexOf(one) > STAGES.indexOf(other);

/**
 * Reports of episodes that the memory does not have, though it is whole. The memory is written before the
 * report, and an episode leaves it only after its end was published: so these were published as well, and the
 * power went before that was written. To publish one again would show an ended emergency as open.
 */
export const supersededIn = (reports: readonly EmergencyUpdate[], memory: Memory): EmergencyUpdate[] => {
  const open = episodesOf(memory);
  return reports.filter(({ data }) => !open.has(data.episode));
};

/**
 * The newest report of each episode that is not over, and that the memory lacks because it was lost or could
 * not be written. `begun`: the memory with which this life began. An episode that it had, and `memory` has no
 * more, has ended meanwhile.
 */
export const orphansIn = (
  reports: readonly EmergencyUpdate[],
  begun: Memory,
  memory: Memory,
): EmergencyUpdate[] => {
  const known = episodesOf(begun, memory);
  const newest = new Map<string, EmergencyUpdate>();
  for (const report of reports) {
    const { episode, presses, state } = report.data;
    // Numbers of lives that jumped are in no order. An episode only goes on and grows.
    const before = newest.get(episode)?.data;
    if (!before || isLater(state, before.state) || presses > before.presses) newest.set(episode, report);
  }
  return [...newest.values()].filter(({ data }) => data.state !== "cleared" && !known.has(data.episode));
};

/** A newer memory than that with which this life began. */
export type Recalled = {
  readonly memory: Memory;
  /** Episodes that were open when this life began, as it knew, and had ended. `presses`: as it knew. */
  readonly ended: readonly { readonly id: string; readonly presses: number }[];
};

const openIn = ({ emergency }: Memory): Memory["emergency"]["episodes"] =>
  emergency.episodes.filter(({ episode }) => episode.state !== "cleared");

/** `begun`: the memory with which this life began. An episode leaves a memory only when its end was published. */
export const recalledFrom = (memory: Memory, begun: Memory): Recalled => {
  const still = new Set(openIn(memory).map(({ episode }) => episode.id));
  const ended = openIn(begun).flatMap(({ episode: { id, presses } }) =>
    still.has(id) ? [] : [{ id, presses }],
  );
  return { memory, ended };
};
