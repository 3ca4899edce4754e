import type { Episode } from "../domain/episode.ts";

/**
 * A `cleared` that dispatch sent before it could see a further press (DECISIONS 103). Pure: `mono` is in milliseconds.
 */
/**
 * Dispatch is taken to have seen a press whose report was handed to a connection so long ago, though its PUBACK is
 * missing: some brokers deliver and never acknowledge.
 */
const SEEN_MS = 10_000;
/** A broker keeps what it could not deliver for a day: an older `cleared` has another cause, such as a wrong clock. */
const EARLIER_MAX_MS = 86_400_000;
/** So long at least it takes to decide anew, and so much the ways of two messages may differ. */
const DECIDE_MS = 3_000;
/** A further `cleared` without a time is taken for the same one, from another broker, within this time. */
const TWIN_MS = 10_000;

/** `at`: when dispatch wrote it, ISO 8601. */
type Cleared = { readonly at?: string | undefined; readonly mono: number };

/**
 * Whether dispatch had sent its `cleared` before it could see the newest press: it may have waited for the link in the
 * session of a broker. That press must not end with it. A clock of dispatch that is behind costs one refusal for each
 * press: the next `cleared` counts.
 */
export const isTooEarly = (known: Episode, { at, mono }: Cleared): boolean => {
  const { unseen, earlyClear, pressedAgainAt = Number.NaN } = known;
  if (unseen && Object.values(unseen.handed).every((handedAt) => mono - handedAt < SEEN_MS)) return true;
  const written = Date.parse(at ?? "");
  // Comparisons with NaN are false: a time is not known.
  const earlier = pressedAgainAt - written;
  if (!earlyClear) return earlier > 0 && earlier < EARLIER_MAX_MS;
  if (earlier <= 0) return false;
  // Another one of the same decision, from this or another broker, was not written later by the time that has passed.
  const waited = mono - earlyClear.mono;
  const advanced = written - Date.parse(earlyClear.at ?? "");
  return Number.isNaN(advanced) ? waited < TWIN_MS : waited < DECIDE_MS || advanced < waited - DECIDE_MS;
};

/** The episode after a report with `presses` presses was handed to a connection to a broker. */
export const handedWith = (episode: Episode, presses: number, broker: string, mono: number): Episode =>
  episode.presses === presses && episode.unseen && !Object.hasOwn(episode.unseen.handed, broker)
    ? { ...episode, unseen: { handed: { ...episode.unseen.handed, [broker]: mono } } }
    : episode;

/** The episode after a broker has refused an emergency: it has shown nobody what it was handed. */
export const refusedBy = (episode: Episode, broker: string): Episode => {
  if (!episode.unseen || !Object.hasOwn(episode.unseen.handed, broker)) return episode;
  const { [broker]: _, ...handed } = episode.unseen.handed;
  return { ...episode, unseen: { handed } };
};
