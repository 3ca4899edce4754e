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
