import type { Episode } from "../domain/episode.ts";
import { isSeen } from "./seen.ts";

/**
 * A `cleared` that dispatch sent before it could see a further press (DECISIONS 103). Pure: `mono` is in milliseconds.
 */

/** A broker keeps an undelivered `cleared` for a day. An older one has another cause, such as a wrong clock. */
const KEPT_MS = 86_400_000;
/** Two decisions of dispatch are at least this far apart. The delays of two messages differ by this much at most. */
const DECIDE_MS = 3_000;
/** Messages over so long a time do not come by one delay of the link. */
const APART_MS = 10_000;
/** NATS sends a message again 30 s later if it has no acknowledgement. */
const RESENT_MS = 35_000;
/** Within this time a further `cleared` without a time counts as the same one, from another broker. */
const TWIN_MS = 10_000;

/** `at`: when dispatch wrote it, ISO 8601. `mono`: when it came. */
type Cleared = { readonly at?: string | undefined; readonly mono: number };
/**
 * `cameAt`: when it came, UTC milliseconds, if the time is known. `writtenAfter`: it may have waited; the earliest time at
 * which it can have been written, on the clock of `mono`. `repeated`: the broker has sent it before.
 */
type Came = Cleared & {
  readonly cameAt?: number | undefined;
  readonly writtenAfter?: number | undefined;
  readonly repeated?: boolean | undefined;
};

/** How much later the second one was written, and how much later it came, in ms. NaN: not known. */
const between = (one: Cleared, other: Cleared): { readonly writtenMs: number; readonly cameMs: number } => ({
  writtenMs: Date.parse(other.at ?? "") - Date.parse(one.at ?? ""),
  cameMs: other.mono - one.mono,
});

type Refused = NonNullable<Episode["earlyClear"]>;

/** The later of two times. One that is missing is the earlier one. */
const later = (one: string | undefined, other: string | undefined): string | undefined =>
  one !== undefined && (other === undefined || Date.parse(one) >= Date.parse(other)) ? one : other;

/** Whether it is one of those that were refused, as far as their times are kept. */
const isKnown = ({ at, newest, latestAt }: Refused, cleared: Cleared): boolean =>
  cleared.at !== undefined && [at, newest?.at, latestAt].includes(cleared.at);

/** Whether it was written no later than the latest that was refused. */
const isNoLater = ({ at, latestAt = at }: Refused, cleared: Cleared): boolean =>
  Date.parse(cleared.at ?? "") <= Date.parse(latestAt ?? "");

/** Whether both came from the same decision of dispatch: the second was written less than `cameMs` - DECIDE_MS later. */
const isSameDecision = (refused: Cleared, cleared: Cleared): boolean => {
  const { writtenMs, cameMs } = between(refused, cleared);
  // When the refused one came is not known: it was in an earlier life.
  if (refused.mono < 0) return false;
  if (Number.isNaN(writtenMs)) return cameMs < TWIN_MS;
  return cameMs < DECIDE_MS || writtenMs < cameMs - DECIDE_MS;
};

/** Whether the second came as long after the first as it was written after that. */
const isSteady = (refused: Cleared, cleared: Cleared): boolean => {
  const { writtenMs, cameMs } = between(refused, cleared);
  return Math.abs(writtenMs - cameMs) <= DECIDE_MS;
};

/** Whether both had the same delay: then neither waited for the link, and the clock that wrote them is behind. */
const hadSameDelay = (refused: Cleared, cleared: Cleared): boolean => {
  const { writtenMs, cameMs } = between(refused, cleared);
  return Math.min(writtenMs, cameMs) >= DECIDE_MS && isSteady(refused, cleared);
};

/** Since when dispatch can see the newest press, on the clock of `mono`. Negative: since an earlier life. */
const seenSince = ({ pressedAgainMono = -Infinity, seenMono = -Infinity }: Episode): number =>
  Math.max(pressedAgainMono, seenMono);

/**
 * Whether this one and those refused before it came as far apart as they were written, over APART_MS and more. No session and
 * no wire kept them then, though each may look old: where dispatch sends without a pause, nothing shows how old a message
 * is. Messages that a broker sends again come as far apart as before, too. So none may be such a message, and dispatch must
 * have been able to see the press for RESENT_MS.
 */
const areSteady = (known: Episode, { steadyFrom, newest }: Refused, cleared: Came): boolean =>
  steadyFrom !== undefined &&
  newest !== undefined &&
  cleared.repeated !== true &&
  newest.mono - steadyFrom.mono >= APART_MS &&
  cleared.mono - newest.mono >= DECIDE_MS &&
  isSteady(steadyFrom, cleared) &&
  cleared.mono - seenSince(known) > RESENT_MS;

/** What is known of those that are steady, after a further one was refused. One that the broker sent before changes nothing. */
const steadyThen = (
  refused: Refused | undefined,
  { at, mono, repeated }: Came,
): Pick<Refused, "newest" | "steadyFrom"> => {
  const { newest, steadyFrom } = refused ?? {};
  if (repeated === true) return { newest, steadyFrom };
  const isNext = steadyFrom !== undefined && isSteady(steadyFrom, { at, mono });
  return { newest: refused && { at, mono }, steadyFrom: isNext ? steadyFrom : { at, mono } };
};

/**
 * `writtenEarlierMs` by UTC alone. If it is not known when the press was seen, a `cleared` is early only if it was written
 * before the press.
 */
const earlierInUtcMs = ({ pressedAgainAt = -Infinity, seenAt }: Episode, writtenAt: number): number => {
  if (seenAt !== undefined) return Math.max(pressedAgainAt, seenAt) - writtenAt;
  const earlierMs = pressedAgainAt - writtenAt;
  return earlierMs > 0 ? earlierMs : Number.NaN;
};

/**
 * How many ms before dispatch could see the newest press a `cleared` was written. Negative: after that. NaN: a time is not
 * known.
 */
const writtenEarlierMs = (known: Episode, { at, mono, cameAt = Number.NaN }: Came): number => {
  const writtenAt = Date.parse(at ?? "");
  // Its clock is ahead, so its time tells nothing.
  if (writtenAt - cameAt > DECIDE_MS) return Number.NaN;
  const canBeSeen = seenSince(known);
  const written = mono - (cameAt - writtenAt);
  return canBeSeen >= 0 && !Number.isNaN(written) ? canBeSeen - written : earlierInUtcMs(known, writtenAt);
};

/** Whether its time says that dispatch cannot have seen the newest press. After KEPT_MS the clock is wrong. */
const isWrittenEarly = (known: Episode, cleared: Came): boolean => {
  // Comparisons with NaN are false: a time is not known.
  const earlierMs = writtenEarlierMs(known, cleared);
  return earlierMs > 0 && earlierMs < KEPT_MS;
};

/** Whether the newest press was made in this life. */
const isOfThisLife = ({ pressedAgainMono = -Infinity }: Episode): boolean => pressedAgainMono >= 0;

/** Whether it may have waited since before the newest press, by the way that it came. */
const mayHaveWaited = ({ pressedAgainMono = -Infinity }: Episode, cleared: Came): boolean =>
  (cleared.writtenAfter ?? cleared.mono) < pressedAgainMono;

/** Whether it may be older than the newest press. */
const mayBeOlder = (known: Episode, cleared: Came): boolean => {
  if (!mayHaveWaited(known, cleared)) return false;
  // The order of a `cleared` and a press of an earlier life is not known: then only their times can tell.
  return isOfThisLife(known) || Number.isNaN(writtenEarlierMs(known, cleared));
};

/**
 * Whether dispatch sent its `cleared` before it could see the newest press: it may have waited for the link in the
 * session of a broker. That press must not end with it. A clock of dispatch that is behind costs one refusal for each
 * press, and one for each of its computers: the next `cleared` counts.
 */
export const isTooEarly = (known: Episode, cleared: Came): boolean => {
  const { earlyClear } = known;
  if (!isSeen(known, cleared.mono)) return true;
  const isDoubtful = isWrittenEarly(known, cleared) || mayBeOlder(known, cleared);
  if (!earlyClear) return isDoubtful;
  // It was refused only because its age was not known. Now it came by a way that shows it.
  if (earlyClear.ageUnknown && !isDoubtful) return false;
  const { newest = earlyClear } = earlyClear;
  // After KEPT_MS no broker can have kept it: then it is meant.
  const mayBeKept = between(earlyClear, cleared).cameMs < KEPT_MS;
  if (mayBeKept && isKnown(earlyClear, cleared)) return true;
  // A second `cleared` counts, although a clock is behind, only if the way shows its age. Here it does not.
  // Its time shows it only for a press of an earlier life: two desks need not have the same time.
  const isProven = !isOfThisLife(known) && writtenEarlierMs(known, cleared) <= 0;
  if (mayBeKept && mayHaveWaited(known, cleared) && !isProven) return !areSteady(known, earlyClear, cleared);
  // Neither of them waited for the link. Their times do not matter: the clock of dispatch may have been set back.
  if (hadSameDelay(newest, cleared)) return false;
  // Also if it was written after the press: dispatch had not seen that, or its clock is ahead.
  return mayBeKept && (isNoLater(earlyClear, cleared) || isSameDecision(earlyClear, cleared));
};

/**
 * Whether dispatch wrote an acknowledgement before a `cleared` that was refused. It may have waited at another broker. That
 * `cleared` ended the episode at dispatch, so this one says nothing now. False if a time is not known, or if the way that it came shows that it
 * was written later, though its clock is behind.
 */
export const isOver = ({ overAt = Number.NaN, overMono = Infinity }: Episode, came: Came): boolean => {
  const earlier = overAt - Date.parse(came.at ?? "");
  const { writtenAfter = -Infinity } = came;
  return earlier >= 0 && earlier < KEPT_MS && writtenAfter < overMono;
};

/** The episode after a `cleared` was refused because it came too early. */
export const refusedEarly = (known: Episode, cleared: Came): Episode => {
  // Without the time here, dispatch's own time counts: it is compared with another one of dispatch.
  const { at, mono, cameAt = Infinity } = cleared;
  // A clock of dispatch that is ahead must not refuse what is written from now on. NaN: a time is not known.
  const overAt = Math.max(known.overAt ?? -Infinity, Math.min(Date.parse(at ?? ""), cameAt));
  const isOfUnknownAge = isSeen(known, mono) && !isWrittenEarly(known, cleared);
  const { ageUnknown = isOfUnknownAge, ...first } = known.earlyClear ?? { at, mono };
  const latestAt = later(first.latestAt ?? first.at, at);
  const steady = steadyThen(known.earlyClear, cleared);
  const earlyClear = { ...first, ...steady, ...(known.earlyClear ? { latestAt } : {}) };
  return {
    ...known,
    earlyClear: ageUnknown && isOfUnknownAge ? { ...earlyClear, ageUnknown: true } : earlyClear,
    ...(Number.isFinite(overAt) ? { overAt, overMono: mono } : {}),
  };
};
