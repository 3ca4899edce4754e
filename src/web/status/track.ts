import { distanceM } from "../../domain/geodesy.ts";
import type { Snapshot } from "../../domain/snapshot.ts";

export type Place = { readonly lat: number; readonly lon: number };
/** Metres east and south of the middle: the axes of SVG. */
export type Point = { readonly x: number; readonly y: number };

/** A longer pause between two places is not drawn as a line. */
const BREAK_S = 30;
const RADIANS = Math.PI / 180;
const METRES_PER_DEGREE = 111_195;

/** The places in metres around the middle of their bounds: equirectangular, exact enough for a patrol's half hour. */
export const project = (places: readonly Place[]): readonly Point[] => {
  const lats = places.map(({ lat }) => lat);
  const lons = places.map(({ lon }) => lon);
  const middle = {
    lat: (Math.min(...lats) + Math.max(...lats)) / 2,
    lon: (Math.min(...lons) + Math.max(...lons)) / 2,
  };
  const perLon = METRES_PER_DEGREE * Math.cos(middle.lat * RADIANS);
  return places.map(({ lat, lon }) => ({
    x: (lon - middle.lon) * perLon,
    y: (middle.lat - lat) * METRES_PER_DEGREE,
  }));
};

/** The smallest view that a standing car gets, metres: the receiver's noise must not fill the picture. */
const LEAST_VIEW_M = 100;

/** Metres from edge to edge of a square view that shows all points, with a margin. */
export const viewOf = (points: readonly Point[]): number => {
  const reach = Math.max(0, ...points.flatMap(({ x, y }) => [Math.abs(x), Math.abs(y)]));
  return Math.max(LEAST_VIEW_M, reach * 2 * 1.25);
};

/** The length of a scale bar: 1, 2 or 5 times a power of ten, at most a third of the view. Metres. */
export const scaleBar = (viewM: number): number => {
  const most = viewM / 3;
  const power = 10 ** Math.floor(Math.log10(most));
  const factor = [5, 2, 1].find((one) => one * power <= most) ?? 1;
  return factor * power;
};

/** The length of the way, metres. */
export const lengthOf = (places: readonly Place[]): number =>
  places.slice(1).reduce((sum, place, n) => {
    const before = places[n];
    return before ? sum + distanceM(before, place) : sum;
  }, 0);

type Known = Pick<Snapshot, "trail" | "position">;

/** The unbroken parts of the way, and where the car is now. Half a minute without a fix breaks the way. */
export const placesOf = ({
  trail,
  position,
}: Known): {
  readonly runs: readonly (readonly Place[])[];
  readonly here: Place | undefined;
} => {
  const runs: Place[][] = [];
  let brokenAt = -Infinity;
  let open = false;
  for (const [n, monoS] of (trail?.monoS ?? []).entries()) {
    const lat = trail?.lat[n];
    const lon = trail?.lon[n];
    if (typeof lat !== "number" || typeof lon !== "number") continue;
    if (!open || monoS - brokenAt > BREAK_S) runs.push([]);
    runs.at(-1)?.push({ lat, lon });
    [open, brokenAt] = [true, monoS];
  }
  const here = position && { lat: position.lat, lon: position.lon };
  if (here && runs.length > 0) runs.at(-1)?.push(here);
  return { runs, here };
};

/** Projected points, as long as all runs one after another, split as the runs are. */
export const runsOf = (
  runs: readonly (readonly Place[])[],
  points: readonly Point[],
): readonly (readonly Point[])[] => {
  let from = 0;
  return runs.map((run) => points.slice(from, (from += run.length)));
};
