import type * as L from "leaflet";
import type { Colours } from "./colours.ts";

/** A plain grid of latitude and longitude, for a map without tiles. */

/** Distances between two lines, degrees. */
const STEPS = [30, 10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 0.0005, 0.0002, 0.0001];
/** Two lines are so far from each other at least, pixels. */
const SPACING = 110;
const FONT = "11px ui-monospace, 'DejaVu Sans Mono', monospace";

/** The step for a view of `degrees` over `pixels`. */
export const gridStep = (degrees: number, pixels: number): number =>
  STEPS.findLast((step) => (step / degrees) * pixels >= SPACING) ?? 30;

const digitsOf = (step: number): number => Math.max(0, -Math.floor(Math.log10(step)));

/** `45.38° N`; the letters are international. */
const label = (value: number, digits: number, letters: string): string =>
  `${Math.abs(value).toFixed(digits)}° ${letters[value < 0 ? 1 : 0]}`;

/** Every multiple of the step from `from` to `to`. */
export const gridLines = (from: number, to: number, step: number): number[] => {
  const first = Math.ceil(from / step);
  return Array.from(
    { length: Math.max(0, Math.min(200, Math.floor(to / step) - first + 1)) },
    (_, n) => (first + n) * step,
  );
};

export const drawGrid = (
  context: CanvasRenderingContext2D,
  map: L.Map,
  size: L.Point,
  colours: Colours,
): void => {
  const bounds = map.getBounds();
  const [west, east, south, north] = [
    bounds.getWest(),
    bounds.getEast(),
    bounds.getSouth(),
    bounds.getNorth(),
  ];
  const step = gridStep(east - west, size.x);
  const digits = digitsOf(step);
  context.lineWidth = 1;
  context.strokeStyle = colours.grid;
  context.fillStyle = colours.gridText;
  context.font = FONT;
  context.beginPath();
  for (const lon of gridLines(west, east, step)) {
    const x = Math.round(map.latLngToContainerPoint([south, lon]).x) + 0.5;
    context.moveTo(x, 0);
    context.lineTo(x, size.y);
    context.fillText(label(lon, digits, "EW"), x + 4, size.y - 6);
  }
  for (const lat of gridLines(south, north, step)) {
    const y = Math.round(map.latLngToContainerPoint([lat, west]).y) + 0.5;
    context.moveTo(0, y);
    context.lineTo(size.x, y);
    context.fillText(label(lat, digits, "NS"), 56, y - 4);
  }
  context.stroke();
};
