import type { Episode } from "../domain/episode.ts";

/**
 * Whether dispatch can have seen a further press of which no broker has acknowledged a report (DECISIONS 103). Pure:
 * `mono` is in milliseconds.
 */

/** Some brokers deliver and never acknowledge: after this long on a connection a report counts as seen. */
const SEEN_MS = 10_000;
/**
 * The same over several connections, and at a broker that answers 0x10 (no matching subscribers) as brokers that consume
 * by rules do. Without this limit such an episode could never be cleared.
 */
const SEEN_SOMEHOW_MS = 60_000;

type Unseen = NonNullable<Episode["unseen"]>;
const NOT_HANDED: Unseen = { handed: {} };

const handedTo = ({ handed }: Unseen, broker: string): Unseen["handed"][string] | undefined =>
  Object.hasOwn(handed, broker) ? handed[broker] : undefined;

/** Whether dispatch may have seen the newest press. */
export const isSeen = ({ unseen }: Episode, mono: number): boolean =>
  !unseen ||
  Object.values(unseen.handed).some(
    ({ first, since = Infinity }) => mono - since >= SEEN_MS || mono - first >= SEEN_SOMEHOW_MS,
  );

/** The episode after a connection to a broker got a report with `presses` presses. */
export const handedWith = (episode: Episode, presses: number, broker: string, mono: number): Episode => {
  const { unseen } = episode;
  if (episode.presses !== presses || !unseen) return episode;
  const before = handedTo(unseen, broker);
  if (before?.since !== undefined) return episode;
  const now = { first: before?.first ?? mono, since: mono };
  return { ...episode, unseen: { handed: { ...unseen.handed, [broker]: now } } };
};

/** The episode when the link has a new connection: what the old one got may not have left the car. */
export const handedAnew = (episode: Episode): Episode => {
  if (!episode.unseen) return episode;
  const handed = Object.entries(episode.unseen.handed).map(
    ([broker, { first }]) => [broker, { first }] as const,
  );
  return { ...episode, unseen: { handed: Object.fromEntries(handed) } };
};

/** The episode after a broker has answered that it has no subscriber. Brokers that consume by rules answer that too. */
export const unheardBy = (episode: Episode, broker: string): Episode => {
  const unseen = episode.unseen ?? NOT_HANDED;
  const before = handedTo(unseen, broker);
  if (!before) return episode;
  return { ...episode, unseen: { handed: { ...unseen.handed, [broker]: { first: before.first } } } };
};

/** The episode after a broker has refused an emergency: nobody has seen the report there. */
export const refusedBy = (episode: Episode, broker: string): Episode => {
  if (!episode.unseen || !handedTo(episode.unseen, broker)) return episode;
  const { [broker]: _, ...handed } = episode.unseen.handed;
  return { ...episode, unseen: { handed } };
};
