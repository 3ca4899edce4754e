import type { ClockTrust, Report } from "./report.ts";

/** An instant and how far it can be trusted. `at`: UTC milliseconds since 1970. */
export type Instant = { readonly at: number; readonly clock: ClockTrust };

/** UTC milliseconds since 1970, if the time is known. */
export const knownAt = ({ at, clock }: Instant): number | undefined => (clock === "unset" ? undefined : at);

/** The unit's notion of time. */
export type Clock = {
  /** Whole milliseconds since this boot of the service; never jumps, never goes back. */
  mono(): number;
  now(): Instant;
  /** The time at an earlier `mono` of this boot, as well as it is known now. */
  when(mono: number): Instant;
};

/** The first and last millisecond that ISO 8601 writes with a four-digit year. */
const FIRST_INSTANT = Date.UTC(-1, 12);
export const LAST_INSTANT = Date.UTC(10_000, 0) - 1;

/**
 * `at` (UTC milliseconds) as `YYYY-MM-DDThh:mm:ss.sssZ`. Never throws, and never writes a signed
 * or longer year: a time outside 0000..9999 becomes the nearest that can be written, NaN becomes
 * 1970. No report may be lost because a clock is wrong.
 */
export const isoInstant = (at: number): string =>
  new Date(Math.min(LAST_INSTANT, Math.max(FIRST_INSTANT, at)) || 0).toISOString();

/** Corrects the time of a report that was made with an unset clock in this boot, if the time is known now. */
export const putRight = (report: Report, boot: number, clock: Clock): Report => {
  if (report.clock !== "unset" || report.boot !== boot) return report;
  const instant = clock.when(report.mono);
  if (instant.clock === "unset") return report;
  const right = { ...report, at: isoInstant(instant.at), clock: instant.clock };
  if (right.kind !== "emergency" || right.data.pressedAt === undefined) return right;
  const pressedAt = Date.parse(right.data.pressedAt) + instant.at - Date.parse(report.at);
  return { ...right, data: { ...right.data, pressedAt: isoInstant(pressedAt) } };
};
