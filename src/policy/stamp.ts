import type { Arrival } from "../domain/fix.ts";
import type { Instant } from "../domain/time.ts";

/**
 * The time of a position report. `at`: the fix's own time; `arrived`: the time of its arrival by the
 * unit's clock.
 *
 * A trusted time is used. Any other is replaced by the unit's clock if that is trusted; otherwise it is
 * used as the best guess, marked `unset`.
 */
export const stampFix = (at: number, time: Arrival["time"], arrived: Instant): Instant => {
  if (time === "trusted") return { at, clock: "gnss" };
  return arrived.clock === "unset" ? { at, clock: "unset" } : arrived;
};
