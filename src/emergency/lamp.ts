import type { LampPattern } from "../domain/panic.ts";
import { isOpen, type Emergency, type Episode } from "./machine.ts";

export type LampWish = { readonly pattern: LampPattern; readonly quiet: boolean };

/** What the officer may know of an episode: each pattern is true the moment it is shown. */
const patternOf = (episode: Episode, faulty: boolean): LampPattern => {
  if (episode.state === "received" || episode.state === "accepted") return episode.state;
  if (episode.reach !== "made") return episode.reach;
  // A change goes through the stages anew, but what was safe before it still is.
  if (episode.safe) return "stored";
  return faulty ? "fault" : "idle";
};

/** The lamp speaks for a real episode before a drill, and for a fault only where there is neither. */
export const lampOf = (emergency: Emergency, faulty: boolean): LampWish => {
  const open = emergency.episodes.filter(isOpen);
  const episode = open.find((one) => !one.test) ?? open[0];
  if (!episode) return { pattern: faulty ? "fault" : "idle", quiet: false };
  // A dark one changes nothing that can be seen, not even a fault.
  return episode.dark
    ? { pattern: faulty ? "fault" : "silent", quiet: true }
    : { pattern: patternOf(episode, faulty), quiet: episode.silent };
};
