import type { Episode } from "../domain/episode.ts";
import type { LampPattern } from "../domain/panic.ts";
import { isOpen, type Emergency } from "./machine.ts";

/** What the board should show. `drill`: it speaks of a drill. */
export type LampWish = {
  readonly pattern: LampPattern;
  readonly quiet: boolean;
  readonly drill: boolean;
};

/** What else the lamp depends on. */
export type LampConditions = {
  /** Something that a press depends on does not work. */
  readonly faulty: boolean;
  /** No broker with a listener has been reachable for a minute. */
  readonly unreachable: boolean;
};

const resting = ({ faulty, unreachable }: LampConditions): LampPattern =>
  faulty ? "fault" : unreachable ? "no-link" : "idle";

/** What the officer may know of an episode: each pattern is true the moment it is shown. */
const patternOf = (episode: Episode, conditions: LampConditions): LampPattern => {
  if (episode.state === "received" || episode.state === "accepted") return episode.state;
  if (episode.reach !== "made") return episode.reach;
  // A change goes through the stages anew, but what was safe before it still is. What is nowhere yet the
  // board shows by itself: `latched`.
  return episode.safe ? "stored" : resting(conditions);
};

/** The lamp speaks for a real episode before a drill, and for a fault only if there is neither. */
export const lampOf = (emergency: Emergency, conditions: LampConditions): LampWish => {
  const open = emergency.episodes.filter(isOpen);
  const episode = open.find((one) => !one.test) ?? open[0];
  if (!episode) return { pattern: resting(conditions), quiet: false, drill: false };
  // A dark one changes nothing that can be seen.
  if (episode.dark) {
    const pattern = resting(conditions);
    return { pattern: pattern === "idle" ? "silent" : pattern, quiet: true, drill: episode.test };
  }
  return { pattern: patternOf(episode, conditions), quiet: episode.silent, drill: episode.test };
};
