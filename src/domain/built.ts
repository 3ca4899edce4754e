/**
 * The earliest plausible time, UTC milliseconds: about when this release was built. A live receiver
 * or a synchronised host that gives an earlier one is wrong.
 *
 * A constant that each release raises, not the time of `npm run build`: the clock of a build
 * machine may be wrong, and the same source must give the same bundle. It must not be
 * later than the release, or right times are refused.
 */
export const BUILT_MS = Date.UTC(2026, 10, 1);

/** A receiver's time more than this many years after the build is wrong. */
const SERVICE_YEARS = 20;

const laterMs = (at: number, years: number): number => {
  const date = new Date(at);
  return date.setUTCFullYear(date.getUTCFullYear() + years);
};

/**
 * Whether `at` (UTC milliseconds) is plausible for a live clock: from `builtMs` to 20 years after it,
 * both included. False for NaN. Not applied to recordings: they may be old.
 */
export const isPlausible = (at: number, builtMs: number = BUILT_MS): boolean =>
  at >= builtMs && at <= laterMs(builtMs, SERVICE_YEARS);
