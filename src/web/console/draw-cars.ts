import type * as L from "leaflet";
import type { CarSummary, TrackPoint } from "../../domain/fleet.ts";
import type { Colours } from "./colours.ts";

/** Draws cars and a track. A car's state is its colour and its form, so that nobody must tell colours apart. */

const RADIUS = 7;
/** From this zoom on each car has its name. */
const NAMES_ZOOM = 13;
const FONT = "600 12px system-ui, 'DejaVu Sans', sans-serif";

export type Look = "good" | "fault" | "away";

/** `away`: nothing can be expected of it now. */
export const lookOf = ({ link, board, faults }: CarSummary): Look => {
  if (link !== "online") return "away";
  return board === "fault" || faults > 0 ? "fault" : "good";
};

const shape = (
  context: CanvasRenderingContext2D,
  x: number,
  y: number,
  courseDeg: number | undefined,
): void => {
  context.beginPath();
  if (courseDeg === undefined) {
    context.arc(x, y, RADIUS - 1, 0, 2 * Math.PI);
    return;
  }
  const turn = (courseDeg * Math.PI) / 180;
  const corner = (angle: number, radius: number): [number, number] => [
    x + radius * Math.sin(turn + angle),
    y - radius * Math.cos(turn + angle),
  ];
  context.moveTo(...corner(0, RADIUS + 5));
  context.lineTo(...corner(2.3, RADIUS + 3));
  context.lineTo(...corner(Math.PI, 4));
  context.lineTo(...corner(-2.3, RADIUS + 3));
  context.closePath();
};

const drawName = (
  context: CanvasRenderingContext2D,
  text: string,
  { x, y }: L.Point,
  colours: Colours,
): void => {
  context.font = FONT;
  context.lineWidth = 3;
  context.strokeStyle = colours.paper;
  context.fillStyle = colours.ink;
  context.strokeText(text, x + 20, y + 4);
  context.fillText(text, x + 20, y + 4);
};

const drawRing = (
  context: CanvasRenderingContext2D,
  { x, y }: L.Point,
  car: CarSummary,
  colours: Colours,
): void => {
  const isReal = car.emergency === "real";
  context.beginPath();
  context.setLineDash(isReal ? [] : [4, 4]);
  context.lineWidth = isReal ? 3 : 2;
  context.strokeStyle = isReal ? colours.emergency : colours.drill;
  context.arc(x, y, RADIUS + 10, 0, 2 * Math.PI);
  context.stroke();
  context.setLineDash([]);
};

const drawCar = (
  context: CanvasRenderingContext2D,
  point: L.Point,
  car: CarSummary,
  colours: Colours,
): void => {
  const look = lookOf(car);
  shape(context, point.x, point.y, look === "away" ? undefined : car.position?.courseDeg);
  context.lineWidth = 2;
  context.fillStyle = look === "away" ? colours.paper : colours[look];
  context.strokeStyle = look === "away" ? colours.away : colours.paper;
  if (car.emergency === "real") context.fillStyle = colours.emergency;
  context.fill();
  context.stroke();
  if (look !== "fault") return;
  // A car with a fault has a mark beside its colour.
  context.fillStyle = colours.fault;
  context.strokeStyle = colours.paper;
  context.beginPath();
  context.arc(point.x + 10, point.y - 10, 4, 0, 2 * Math.PI);
  context.fill();
  context.stroke();
};

export type Scene = {
  readonly cars: readonly CarSummary[];
  readonly selected: string | undefined;
  readonly colours: Colours;
};

export const drawCars = (
  context: CanvasRenderingContext2D,
  map: L.Map,
  size: L.Point,
  { cars, selected, colours }: Scene,
): void => {
  const withNames = map.getZoom() >= NAMES_ZOOM;
  for (const car of cars) {
    if (!car.position) continue;
    const point = map.latLngToContainerPoint([car.position.lat, car.position.lon]);
    if (point.x < -40 || point.y < -40 || point.x > size.x + 40 || point.y > size.y + 40) continue;
    if (car.emergency !== undefined) drawRing(context, point, car, colours);
    drawCar(context, point, car, colours);
    const isSelected = car.unit === selected;
    if (isSelected && car.emergency === undefined) {
      context.lineWidth = 2;
      context.strokeStyle = colours.ink;
      context.beginPath();
      context.arc(point.x, point.y, RADIUS + 9, 0, 2 * Math.PI);
      context.stroke();
    }
    if (withNames || isSelected || car.emergency !== undefined)
      drawName(context, car.unit.slice(car.unit.indexOf("/") + 1), point, colours);
  }
};

/** A track with its gaps dashed, and the point that the time slider is at. */
export const drawTrack = (
  context: CanvasRenderingContext2D,
  map: L.Map,
  points: readonly TrackPoint[],
  cursor: TrackPoint | undefined,
  colours: Colours,
): void => {
  context.strokeStyle = colours.track;
  context.lineWidth = 3;
  context.lineJoin = "round";
  let before: L.Point | undefined;
  for (const one of points) {
    const point = map.latLngToContainerPoint([one.lat, one.lon]);
    if (before) {
      context.setLineDash(one.isGap ? [2, 6] : []);
      context.beginPath();
      context.moveTo(before.x, before.y);
      context.lineTo(point.x, point.y);
      context.stroke();
    }
    before = point;
  }
  context.setLineDash([]);
  if (!cursor) return;
  const { x, y } = map.latLngToContainerPoint([cursor.lat, cursor.lon]);
  shape(context, x, y, cursor.courseDeg);
  context.fillStyle = colours.cursor;
  context.strokeStyle = colours.paper;
  context.lineWidth = 2;
  context.fill();
  context.stroke();
};
