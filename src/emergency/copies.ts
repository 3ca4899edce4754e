import type { Copy } from "../domain/memory.ts";

/**
 * Which brokers may hold a retained copy of which episode. A copy is noted before an episode is
 * published, because the acknowledgement may be lost.
 */

/**
 * Copies that are remembered. At the limit the oldest copy of an ended episode is forgotten: its broker
 * has been away for more than a hundred emergencies, and keeps the copy until dispatch clears it there.
 */
export const COPIES_MAX = 128;

/** The URLs of the brokers that may have a copy of an episode. */
export const brokersOf = (copies: readonly Copy[], episode: string): string[] =>
  copies.filter((one) => one.episode === episode).map(({ broker }) => broker);

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
  return all.toSpliced(Math.max(0, ended), 1);
};

/** Removes a copy. Returns `copies` itself if it is not in there. */
export const withoutCopy = (copies: readonly Copy[], { episode, broker }: Copy): readonly Copy[] =>
  brokersOf(copies, episode).includes(broker)
    ? copies.filter((one) => one.episode !== episode || one.broker !== broker)
    : copies;
