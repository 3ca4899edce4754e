import type { Episode } from "../domain/episode.ts";

/**
 * A `cleared` that dispatch sent before it could see a further press (DECISIONS 103). Pure: `mono` is in milliseconds.
 */
/**
 * Dispatch is taken to have seen a press whose report was handed to a connection so long ago, though its PUBACK is
 * missing: some brokers deliver and never acknowledge.
 */
const SEEN_MS = 10_000;
/**
 * The same if the link has needed other connections since, or the broker answers 0x10 (no matching subscribers): brokers
 * that consume by rules answer that too. The press is repeated every 5 s, and a unit that waited for more could not be
 * cleared by them, or over connections that end sooner than SEEN_MS.
 */
const SEEN_SOMEHOW_MS = 60_000;
/** A broker keeps what it could not deliver for a day: an older `cleared` has another cause, such as a wrong clock. */
const EARLIER_MAX_MS = 86_400_000;
/** So long at least it takes to decide anew, and so much the ways of two messages may differ. */
const DECIDE_MS = 3_000;
/** A further `cleared` without a time is taken for the same one, from another broker, within this time. */
const TWIN_MS = 10_000;

/** `at`: when dispatch wrote it, ISO 8601. */
type Cleared = { readonly at?: string | undefined; readonly mono: number };

const NOT_HANDED: NonNullable<Episode["unseen"]> = { handed: {} };

/** When a broker was handed a press; see `Episode`. */
type Handed = { readonly first: number; readonly since?: number | undefined };

const isShown = ({ first, since = Infinity }: Handed, mono: number): boolean =>
  mono - since >= SEEN_MS || mono - first >= SEEN_SOMEHOW_MS;

/**
 * Whether a `cleared` was sent for the same decision as `refused`, or before it: it was not written later by the time
 * that has passed between the two.
 */
const isNoLater = (refused: Cleared, { at, mono }: Cleared): boolean => {
  const waited = mono - refused.mono;
  const advanced = Date.parse(at ?? "") - Date.parse(refused.at ?? "");
  return Number.isNaN(advanced) ? waited < TWIN_MS : waited < DECIDE_MS || advanced < waited - DECIDE_MS;
};

/**
 * Whether it is one of those that were refused, or one written before: no new decision. A broker keeps it for a day at
 * most: one that comes later is meant.
 */
const wasRefused = (refused: NonNullable<Episode["earlyClear"]>, { at, mono }: Cleared): boolean =>
  mono - refused.mono < EARLIER_MAX_MS &&
  [refused, refused.newest].some((one) => Date.parse(at ?? "") <= Date.parse(one?.at ?? ""));

/** Whether both came as long after they were written: they are live, by a clock that is behind. */
const isAsLive = (refused: Cleared, { at, mono }: Cleared): boolean => {
  const waited = mono - refused.mono;
  const advanced = Date.parse(at ?? "") - Date.parse(refused.at ?? "");
  return advanced >= DECIDE_MS && Math.abs(advanced - waited) <= DECIDE_MS;
};

/**
 * Whether dispatch had sent its `cleared` before it could see the newest press: it may have waited for the link in the
 * session of a broker. That press must not end with it. A clock of dispatch that is behind costs one refusal for each
 * press, and one for each of its computers: the next `cleared` counts.
 */
export const isTooEarly = (known: Episode, cleared: Cleared): boolean => {
  const { unseen, earlyClear, pressedAgainAt = Number.NaN } = known;
  const { mono } = cleared;
  if (unseen && !Object.values(unseen.handed).some((one) => isShown(one, mono))) return true;
  // Comparisons with NaN are false: a time is not known.
  const earlier = pressedAgainAt - Date.parse(cleared.at ?? "");
  if (!earlyClear) return earlier > 0 && earlier < EARLIER_MAX_MS;
  // Whatever the clock of dispatch says: it may be ahead.
  if (wasRefused(earlyClear, cleared)) return true;
  if (earlier <= 0 || mono - earlyClear.mono >= EARLIER_MAX_MS) return false;
  const { newest = earlyClear } = earlyClear;
  return isNoLater(earlyClear, cleared) && !isAsLive(newest, cleared);
};

/** The episode after a `cleared` was refused because it came too early. */
export const refusedEarly = (known: Episode, { at, mono }: Cleared): Episode => ({
  ...known,
  earlyClear: known.earlyClear ? { ...known.earlyClear, newest: { at, mono } } : { at, mono },
});

/** The episode after a report with `presses` presses was handed to a connection to a broker. */
export const handedWith = (episode: Episode, presses: number, broker: string, mono: number): Episode => {
  const { unseen } = episode;
  if (episode.presses !== presses || !unseen) return episode;
  const before = Object.hasOwn(unseen.handed, broker) ? unseen.handed[broker] : undefined;
  const since = before?.since ?? mono;
  if (since === before?.since) return episode;
  return {
    ...episode,
    unseen: { handed: { ...unseen.handed, [broker]: { first: before?.first ?? mono, since } } },
  };
};

/** The episode when the link has a new connection: what the one before had been handed may not have left the car. */
export const handedAnew = (episode: Episode): Episode => {
  if (!episode.unseen) return episode;
  const handed = Object.entries(episode.unseen.handed).map(
    ([broker, { first }]) => [broker, { first }] as const,
  );
  return { ...episode, unseen: { handed: Object.fromEntries(handed) } };
};

/** The episode after a broker has answered that it has no subscriber. Some brokers answer that and have one. */
export const unheardBy = (episode: Episode, broker: string): Episode => {
  const { handed } = episode.unseen ?? NOT_HANDED;
  const before = Object.hasOwn(handed, broker) ? handed[broker] : undefined;
  if (!before) return episode;
  return { ...episode, unseen: { handed: { ...handed, [broker]: { first: before.first } } } };
};

/** The episode after a broker has refused an emergency: it has shown nobody what it was handed. */
export const refusedBy = (episode: Episode, broker: string): Episode => {
  if (!episode.unseen || !Object.hasOwn(episode.unseen.handed, broker)) return episode;
  const { [broker]: _, ...handed } = episode.unseen.handed;
  return { ...episode, unseen: { handed } };
};
