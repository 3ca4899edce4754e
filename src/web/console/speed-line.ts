import type { TrackPoint } from "../../domain/fleet.ts";

/** The size of the graph, in its own units. */
export const GRAPH = { width: 600, height: 80 } as const;

/** The speed of each point over time, as the points of a line. */
export const speedLine = (
  points: readonly TrackPoint[],
): { readonly line: string; readonly maxKmh: number } => {
  const [first] = points;
  const last = points.at(-1);
  if (!first || !last) return { line: "", maxKmh: 0 };
  const maxKmh = Math.max(10, ...points.map(({ speedKmh = 0 }) => speedKmh));
  const span = Math.max(1, last.at - first.at);
  const line = points
    .map(({ at, speedKmh = 0 }) => {
      const x = (((at - first.at) / span) * GRAPH.width).toFixed(1);
      return `${x},${(GRAPH.height * (1 - speedKmh / maxKmh)).toFixed(1)}`;
    })
    .join(" ");
  return { line, maxKmh };
};
