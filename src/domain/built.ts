/**
 * When this software was built, as far as time checks are concerned: UTC milliseconds. No live
 * receiver and no synchronised host can truly name an earlier time.
 *
 * A constant that each release raises, not the time of `npm run build`: the clock of a build
 * machine may be wrong, and the same source must give the same bundle. Never later than the
 * release itself, or a right time is refused.
 */
export const BUILT_MS = Date.UTC(2026, 10, 1);

/** This long after the build, a time is a receiver's mistake rather than an old installation. */
const SERVICE_YEARS = 20;

const laterMs = (at: number, years: number): number => {
  const date = new Date(at);
  return date.setUTCFullYear(date.getUTCFullYear() + years);
};

/**
 * Whether a live clock can truly say `at` (UTC milliseconds): from `builtMs` to 20 years after it,
 * both included. False for NaN. Recordings are not judged by this: they may be old.
 */
export const isPlausible = (at: number, builtMs: number = BUILT_MS): boolean =>
  at >= builtMs && at <= laterMs(builtMs, SERVICE_YEARS);
