import type { Snapshot } from "../../domain/snapshot.ts";

/**
 * The instant of something that happened `monoS` seconds after the service started, UTC milliseconds. The unit's
 * newest time counts, so that a time that it has only now learned puts its past right. `now`: the page's own time,
 * used if the unit knows none.
 */
export const momentOf = (s: Snapshot, monoS: number, now: number): number => {
  const known = s.clock === "unset" || s.at === undefined ? now : Date.parse(s.at);
  return known - ((s.mono ?? s.uptimeS * 1_000) - monoS * 1_000);
};

/** Columns of a history with their instants. */
export const seriesOf = (
  s: Snapshot,
  monoS: readonly number[],
  values: readonly (number | null)[],
  now: number,
): { readonly at: readonly number[]; readonly values: readonly (number | null)[] } => ({
  at: monoS.map((one) => momentOf(s, one, now)),
  values,
});
