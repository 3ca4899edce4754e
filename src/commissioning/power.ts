import { pass, type Progress, type Waiting } from "./list.ts";

type OnPower = Waiting & { readonly on: "power-off" };

/**
 * The power-off is tried without switching the computer off: the ignition goes off, the unit schedules the
 * power-off a minute ahead, the ignition goes on again, and the unit cancels it. `isTurn`: no button waits, because a
 * drill keeps the computer on. `scheduled`: whether the system has a power-off scheduled.
 */
export const observePower = (
  before: OnPower,
  isTurn: boolean,
  scheduled: boolean | undefined,
  mono: number,
): Progress => {
  if (!isTurn || scheduled === undefined) return before;
  const since = before.since ?? mono;
  if (before.ignition === "on") return { ...before, since, ...(scheduled ? { ignition: "off" } : {}) };
  return scheduled ? before : pass({ tookS: Math.round((mono - since) / 1_000) });
};
