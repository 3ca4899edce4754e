import type { LampPattern } from "../domain/panic.ts";
import { isOpen, type Emergency, type Episode } from "./machine.ts";

export type LampWish = { readonly pattern: LampPattern; readonly quiet: boolean };

/** What the officer may know of an episode: each pattern is true the moment it is shown. */
const patternOf = (episode: Episode): LampPattern => {
  if (episode.state === "received" || episode.state === "accepted") return episode.state;
  // A further press in an unanswered episode goes through the stages anew.
  return episode.reach === "made" ? "idle" : episode.reach;
};

/** The lamp speaks for a real episode before a drill, and for a fault only where there is neither. */
export const lampOf = (emergency: Emergency, faulty: boolean): LampWish => {
  const open = emergency.episodes.filter(isOpen);
  const episode = open.find((one) => !one.test) ?? open[0];
  if (!episode) return { pattern: faulty ? "fault" : "idle", quiet: false };
  return episode.dark
    ? { pattern: "silent", quiet: true }
    : { pattern: patternOf(episode), quiet: episode.silent };
};
