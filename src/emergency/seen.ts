import type { Episode } from "../domain/episode.ts";

/**
 * Whether dispatch can have seen a further press of which no broker has acknowledged a report (DECISIONS 103, 190). Pure:
 * `mono` is in milliseconds.
 */

/**
 * This long after a connection got a report it counts as seen. Some brokers deliver and never acknowledge; those that
 * consume by rules answer 0x10 (no matching subscribers). Without a limit their episodes could never be cleared.
 */
const SEEN_MS = 60_000;

/** A broker passes a report on while it acknowledges it, and that answer can be late: by this much at most. */
const LATE_MS = 3_000;

/** A broker has acknowledged a report. `at`: UTC milliseconds, if the time is known. */
export type Acknowledged = {
  readonly mono: number;
  readonly at?: number | undefined;
  /** How long after it was published there, milliseconds. */
  readonly afterMs?: number | undefined;
};

/** Since when dispatch may have seen a press, because a broker has acknowledged a report with it: not before it left. */
export const seenSince = ({
  mono,
  at,
  afterMs = LATE_MS,
}: Acknowledged): Pick<Episode, "seenMono" | "seenAt"> => {
  const agoMs = Math.min(LATE_MS, afterMs);
  return { seenMono: mono - agoMs, seenAt: at === undefined ? undefined : at - agoMs };
};

/** Whether dispatch may have seen the newest press. */
export const isSeen = ({ unseen }: Episode, mono: number): boolean =>
  !unseen || Object.values(unseen.handed).some(({ first }) => mono - first >= SEEN_MS);

/** The episode after a connection to a broker got a report with `presses` presses. */
export const handedWith = (episode: Episode, presses: number, broker: string, mono: number): Episode => {
  const { unseen } = episode;
  if (episode.presses !== presses || !unseen || Object.hasOwn(unseen.handed, broker)) return episode;
  return { ...episode, unseen: { handed: { ...unseen.handed, [broker]: { first: mono } } } };
};

/** The episode after a broker has refused an emergency: nobody has seen the report there. */
export const refusedBy = (episode: Episode, broker: string): Episode => {
  if (!episode.unseen || !Object.hasOwn(episode.unseen.handed, broker)) return episode;
  const { [broker]: _, ...handed } = episode.unseen.handed;
  return { ...episode, unseen: { handed } };
};
