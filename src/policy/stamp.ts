import type { Arrival } from "../domain/fix.ts";
import type { Instant } from "../domain/time.ts";

/**
 * The time of a position report. `at`: the fix's own time; `arrived`: what the unit's clock says
 * about the moment of its arrival.
 *
 * A trusted time is the receiver's own. A time that is not trusted yet is replaced by the unit's
 * clock if that is trusted; else it is the best guess there is, and says so: `unset`.
 */
export const stampFix = (at: number, time: Arrival["time"], arrived: Instant): Instant => {
  if (time === "trusted") return { at, clock: "gnss" };
  return arrived.clock === "unset" ? { at, clock: "unset" } : arrived;
};
