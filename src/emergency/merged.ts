import { isLater, type Episode } from "../domain/episode.ts";

/** One episode of which there are two versions: the ring's, and a newer one that the store had. Pure. */

export type Merging = {
  /** How many presses both versions have together. */
  readonly presses: number;
  /** Nobody has pressed since the other version was made: if that is cleared, the episode is over. */
  readonly mayEnd: boolean;
};

const isTimed = ({ pressed }: Episode): boolean => pressed !== undefined && pressed.clock !== "unset";

/**
 * The ring's version of an episode with everything that only the other version has. `other` is older than the
 * presses of this life, and newer than the rest. Stages and presses never go back.
 */
export const merged = (ours: Episode, other: Episode, { presses, mayEnd }: Merging): Episode => {
  const goesOn = isLater(other.state, ours.state) && (other.state !== "cleared" || mayEnd);
  const { state, by, ackAt } = goesOn ? other : ours;
  const newer = (other.pressedAgainAt ?? -Infinity) > (ours.pressedAgainAt ?? -Infinity) ? other : ours;
  const { pressed = other.pressed } = [ours, other].find(isTimed) ?? ours;
  return {
    ...ours,
    first: ours.first ?? other.first,
    pressed,
    buttons: [...new Set([...other.buttons, ...ours.buttons])],
    silent: ours.silent && other.silent,
    dark: ours.dark && other.dark,
    heldMs: ours.heldMs ?? other.heldMs,
    presses,
    unseen: ours.unseen ?? other.unseen,
    pressedAgainAt: newer.pressedAgainAt,
    pressedAgainMono: newer.pressedAgainMono,
    seenMono: newer.seenMono,
    seenAt: newer.seenAt,
    earlyClear: newer.earlyClear,
    overAt: newer.overAt,
    overMono: newer.overMono,
    sentPresses: Math.max(ours.sentPresses ?? 0, other.sentPresses ?? 0),
    state,
    by,
    ackAt,
  };
};

/** Whether two versions of an episode say the same. */
export const saysTheSame = (one: Episode, other: Episode): boolean =>
  one.presses === other.presses &&
  one.state === other.state &&
  one.silent === other.silent &&
  one.dark === other.dark &&
  one.heldMs === other.heldMs &&
  isTimed(one) === isTimed(other) &&
  one.buttons.length === other.buttons.length;
