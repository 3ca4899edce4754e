import type { Report } from "../domain/report.ts";

const DROPPED_FIRST: ReadonlySet<string> = new Set(["fault", "recovered", "power"]);
/** How early an event is given up if there are too many: undefined for never. */
const dropRank = (report: Report): 0 | 1 | undefined => {
  if (report.kind !== "event" || report.data.type === "gap") return undefined;
  return DROPPED_FIRST.has(report.data.type) ? 0 : 1;
};

/** The oldest `wanted` of these events that may be given up, those of low value first. */
export const eventsToDrop = (reports: Iterable<Report>, wanted: number): number[] => {
  const ranked: [number[], number[]] = [[], []];
  for (const report of reports) {
    const rank = dropRank(report);
    if (rank !== undefined) ranked[rank].push(report.seq);
  }
  return ranked
    .flat()
    .slice(0, wanted)
    .toSorted((a, b) => a - b);
};

/**
 * The oldest `wanted` reports of emergencies that may be given up, ascending: neither the first nor the newest of their
 * episode. The newest says all that those before it say.
 */
export const emergenciesToDrop = (reports: readonly Report[], wanted: number): number[] => {
  const ends = new Map<string, { readonly first: number; last: number }>();
  for (const { kind, seq, data } of reports) {
    if (kind !== "emergency") continue;
    const known = ends.get(data.episode);
    if (known) known.last = Math.max(known.last, seq);
    else ends.set(data.episode, { first: seq, last: seq });
  }
  const kept = new Set([...ends.values()].flatMap(({ first, last }) => [first, last]));
  return reports
    .filter(({ kind, seq }) => kind === "emergency" && !kept.has(seq))
    .map(({ seq }) => seq)
    .toSorted((a, b) => a - b)
    .slice(0, wanted);
};
