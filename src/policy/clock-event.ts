import type { Instant } from "../domain/time.ts";

/** An event was wrong about the time if it is off by more than this, milliseconds. */
const WRONG_MS = 60_000;
/** A receiver that goes to and fro makes at most one correction in this time, milliseconds. */
const AGAIN_MS = 60_000;

/** UTC and the clock that never jumps, at one moment, milliseconds. */
type Reading = { readonly at: number; readonly mono: number };

/** `isKnown`: whether the time was known at the last look. `said`: the newest event. */
export type ClockKnown = { readonly isKnown: boolean; readonly said?: Reading | undefined };

const wasWrong = (said: Reading, now: Reading): boolean =>
  now.mono - said.mono >= AGAIN_MS && Math.abs(now.at - now.mono - (said.at - said.mono)) > WRONG_MS;

/**
 * Whether a `clock` event is due (contract §3): the time has become known, or the last event was wrong. At dispatch the
 * newest event of a boot counts.
 */
export const lookAtClock = (
  { isKnown: wasKnown, said }: ClockKnown,
  { at, mono, clock }: Instant & Reading,
): { readonly known: ClockKnown; readonly isDue: boolean } => {
  const isKnown = clock !== "unset";
  const isDue = isKnown && (!wasKnown || (said !== undefined && wasWrong(said, { at, mono })));
  return { known: { isKnown, said: isDue ? { at, mono } : said }, isDue };
};
