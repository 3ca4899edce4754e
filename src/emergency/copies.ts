import type { Copy } from "../domain/memory.ts";

/**
 * Which brokers may hold a retained copy of which episode. A copy is noted before an episode is
 * published, because the acknowledgement may be lost.
 */

/**
 * Copies that are remembered. At the limit the oldest copy of an ended episode is forgotten: its broker
 * has been away for more than a hundred emergencies, and keeps the copy until dispatch clears it there. A
 * copy on a broker that is not configured any more is forgotten first.
 */
export const COPIES_MAX = 128;

/** A copy by its place: the episode, the broker, and the prefix of the topic if it is an earlier one. */
export type CopyPlace = Pick<Copy, "episode" | "broker" | "prefix">;

export const isAt = (one: CopyPlace, other: CopyPlace): boolean =>
  one.episode === other.episode && one.broker === other.broker && one.prefix === other.prefix;

/** The URLs of the brokers that may have a copy of an episode, on its present topic. */
export const brokersOf = (copies: readonly Copy[], episode: string): string[] =>
  copies.filter((one) => one.episode === episode && one.prefix === undefined).map(({ broker }) => broker);

/**
 * Adds a copy. Returns `copies` itself if it is in there already. `isKnown`: whether an episode is open,
 * or its end is not delivered yet.
 */
export const withCopy = (
  copies: readonly Copy[],
  { episode, broker }: Copy,
  isKnown: (episode: string) => boolean,
): readonly Copy[] => {
  if (brokersOf(copies, episode).includes(broker)) return copies;
  const all = [...copies, { episode, broker }];
  if (all.length <= COPIES_MAX) return all;
  const ended = all.findIndex((one) => one.episode !== episode && !isKnown(one.episode));
  const left = all.findIndex((one) => one.left);
  return all.toSpliced(Math.max(0, left < 0 ? ended : left), 1);
};

/** Removes a copy. Returns `copies` itself if it is not in there. */
export const withoutCopy = (copies: readonly Copy[], place: CopyPlace): readonly Copy[] =>
  copies.some((one) => isAt(one, place)) ? copies.filter((one) => !isAt(one, place)) : copies;

/** Marks a copy as left. Returns `copies` itself if it is not in there, or is marked already. */
export const withLeft = (copies: readonly Copy[], place: CopyPlace): readonly Copy[] =>
  copies.some((one) => isAt(one, place) && !one.left)
    ? copies.map((one) => (isAt(one, place) ? { ...one, left: true } : one))
    : copies;

/** The copies as they are stored: each with the prefix of its topic. `prefix`: of the present configuration. */
export const withPrefix = (copies: readonly Copy[], prefix: string): Copy[] =>
  copies.map((one) => ({ ...one, prefix: one.prefix ?? prefix }));

/** The stored copies in a unit whose configuration has this prefix. */
export const underPrefix = (copies: readonly Copy[], prefix: string): Copy[] =>
  copies.map(({ prefix: of, ...copy }) =>
    of === undefined || of === prefix ? copy : { ...copy, prefix: of },
  );
