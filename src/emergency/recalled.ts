import type { Episode } from "../domain/episode.ts";
import { withCopy } from "./copies.ts";
import type { RingEvent } from "./events.ts";
import { changed, isOpen, restored } from "./machine.ts";
import { merged, saysTheSame, type Merging } from "./merged.ts";
import { meet, repeated, since, unite } from "./presses.ts";
import { AIRBAGS_MAX, isKnown, type Ring, type RingStep } from "./ring-state.ts";
import { toStore, withUnstored } from "./storing.ts";

/**
 * The unit began with a memory that was lost in part, or that is older than the store. The store is opened later,
 * and what it has is united with what the ring knows by then. Pure.
 */

type Adopt = RingEvent & { readonly kind: "adopt" };
type Recalled = RingEvent & { readonly kind: "recalled" };

/** How many presses an episode had when this life began. */
const begunWith = ({ begun }: Ring, id: string): number =>
  begun.episodes.find((one) => one.id === id)?.presses ?? 0;

/** This life began with it, and it has ended. */
const hasEnded = (ring: Ring, id: string): boolean =>
  !isKnown(ring, id) && ring.begun.episodes.some((one) => one.id === id);

/** It is stored with the memory, and published then: until that the lamp claims nothing. */
const added = (ring: Ring, episode: Episode, mono: number): Ring => {
  const emergency = { ...ring.emergency, episodes: [...ring.emergency.episodes, episode] };
  return withUnstored({ ...ring, emergency }, { kind: "report", episode }, mono);
};

/** Gives an episode a new version, and that a report. */
const replaced = ({ ring, effects }: RingStep, episode: Episode, mono: number): RingStep => {
  const now = changed(episode, mono);
  const episodes = ring.emergency.episodes.map((one) => (one.id === now.id ? now : one));
  const report = { kind: "report", episode: now } as const;
  const emergency = { ...ring.emergency, episodes };
  return { ring: withUnstored({ ...ring, emergency }, report, mono), effects: [...effects, report] };
};

/** A new report is made if the other version adds something, or if its report has a higher number. */
const united = (
  step: RingStep,
  ours: Episode,
  { episode, outnumbers }: Pick<Adopt, "episode" | "outnumbers">,
  merging: Merging & { readonly mono: number },
): RingStep => {
  const one = merged(ours, episode, merging);
  return outnumbers || !saysTheSame(one, ours) ? replaced(step, one, merging.mono) : step;
};

/**
 * The store has a report of an episode, and the memory may lack it. Nobody knows whether it already counts the presses of
 * this life. So the higher number is taken, not the sum.
 */
export const adopt = (ring: Ring, { episode, outnumbers, mono }: Adopt): RingStep => {
  const { id } = episode;
  const ours = ring.emergency.episodes.find((one) => one.id === id);
  const nothing: RingStep = { ring, effects: [] };
  if (!ours)
    return isOpen(episode) && !hasEnded(ring, id) ? toStore(added(ring, episode, mono), []) : nothing;
  const presses = Math.max(ours.presses, episode.presses);
  const mayEnd = ours.presses <= begunWith(ring, id);
  const { ring: now, effects } = united(nothing, ours, { episode, outnumbers }, { presses, mayEnd, mono });
  return now === ring ? nothing : toStore(now, effects);
};

type Presses = Ring["presses"];

/**
 * The presses of this life and of the newer memory that count. If the last `hello` of a board shows that it has begun
 * anew since the newer memory was written, its numbers in both memories are earlier ones, and are dropped.
 */
const valid = ({ presses: ours, begun, hellos }: Ring, theirs: Presses): { ours: Presses; theirs: Presses } =>
  hellos.reduce(
    (both, { board, lastNumber }) => {
      const met = meet(both.theirs, board, lastNumber);
      if (met === both.theirs) return both;
      return { ours: since(both.ours, begun.presses, board), theirs: met };
    },
    { ours, theirs },
  );

/**
 * What one of two memories knows is known. The newer one has every episode that was open when it was written: one
 * that it does not have has ended. It ends again, because it was published as open, unless somebody has pressed in
 * it since.
 */
export const recalled = (ring: Ring, event: Recalled): RingStep => {
  const { copies, airbags, drillAskedAt, mono } = event;
  const episodes = event.episodes.map((one) => ({ ...one, episode: restored(one.episode, mono) }));
  const { ours: own, theirs } = valid(ring, event.presses);
  const known = (id: string): boolean =>
    isKnown(ring, id) || episodes.some(({ episode }) => episode.id === id);
  const asked = Math.max(ring.drillAskedAt ?? -Infinity, drillAskedAt ?? -Infinity);
  const now: Ring = {
    ...ring,
    presses: unite(own, theirs),
    copies: copies.reduce((all, one) => withCopy(all, one, known), ring.copies),
    recalledAt: ring.generation + 1,
    airbags: [...new Set([...ring.airbags, ...airbags])].slice(-AIRBAGS_MAX),
    drillAskedAt: Number.isFinite(asked) ? asked : undefined,
  };
  const again = repeated(own, ring.begun.presses, theirs);
  /** Presses of this life that the newer memory does not have. */
  const freshIn = (ours: Episode): number => Math.max(0, ours.presses - begunWith(ring, ours.id) - again);
  const lacking = episodes
    .map(({ episode }) => episode)
    .filter(({ id }) => !isKnown(ring, id) && !hasEnded(ring, id));
  const withLacking = lacking.reduce(
    (all, episode) => added(all, { ...episode, safe: false, reach: "made" }, mono),
    now,
  );
  const step = ring.emergency.episodes.reduce<RingStep>(
    (all, ours) => {
      const fresh = freshIn(ours);
      const other = episodes.find(({ episode }) => episode.id === ours.id);
      if (other) {
        const merging = { presses: other.episode.presses + fresh, mayEnd: fresh === 0, mono };
        return united(all, ours, other, merging);
      }
      const isOver = isOpen(ours) && fresh === 0 && begunWith(ring, ours.id) > 0;
      return isOver
        ? replaced(all, { ...ours, state: "cleared", by: undefined, ackAt: undefined }, mono)
        : all;
    },
    { ring: withLacking, effects: [] },
  );
  return toStore(step.ring, step.effects);
};
