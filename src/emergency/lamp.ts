import type { Episode } from "../domain/episode.ts";
import type { BundleSign, LampPattern } from "../domain/panic.ts";
import { isOpen, type Emergency } from "./machine.ts";

/** What the board should show. `drill`: the pattern belongs to a drill. */
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
  /** The result of a bundle that a technician has brought. */
  readonly sign?: BundleSign | undefined;
};

const resting = ({ faulty, unreachable }: LampConditions): LampPattern =>
  faulty ? "fault" : unreachable ? "no-link" : "idle";

/** The pattern for an episode. It never claims more than is true when it is shown. */
const patternOf = (episode: Episode, conditions: LampConditions): LampPattern => {
  if (episode.state === "received" || episode.state === "accepted") return episode.state;
  // A change since then that is no press takes nothing back.
  if (episode.reach === "sent" || episode.sentPresses === episode.presses) return "sent";
  if (episode.reach === "stored") return "stored";
  // The report of a change is not stored yet, but an earlier report of this episode may be on disk. If none is,
  // the board shows `latched` by itself.
  return episode.safe ? "stored" : resting(conditions);
};

/**
 * The lamp shows a real episode rather than a drill, and a fault only if no episode is open. It shows the result of a
 * bundle only if no episode is open and nothing is faulty.
 */
export const lampOf = (emergency: Emergency, conditions: LampConditions): LampWish => {
  const open = emergency.episodes.filter(isOpen);
  const episode = open.find((one) => !one.test) ?? open[0];
  if (!episode) {
    const pattern = resting(conditions);
    const { sign } = conditions;
    return { pattern: pattern === "fault" ? pattern : (sign ?? pattern), quiet: false, drill: false };
  }
  // A dark episode must not be visible.
  if (episode.dark) {
    const pattern = resting(conditions);
    return { pattern: pattern === "idle" ? "silent" : pattern, quiet: true, drill: episode.test };
  }
  return { pattern: patternOf(episode, conditions), quiet: episode.silent, drill: episode.test };
};
