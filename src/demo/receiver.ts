import { formatSentence } from "../decode/nmea/sentence.ts";
import { distanceM } from "../domain/geodesy.ts";
import { createRandom, normal } from "./random.ts";
import type { Leg } from "./route.ts";

/**
 * A model of a receiver that is driven along a route: cold start, acceleration, braking, corners,
 * parking, an error that wanders, and no fix under cover. One epoch a second, as NMEA.
 */
const COLD_START_S = 6;
const ACCELERATION_KMH_S = 7;
const CORNER_KMH = 18;
const METRES_PER_DEGREE = 111_195;
const SIGMA_M: Record<Leg["sky"], number> = { open: 1.5, urban: 6, covered: 25 };
/** The share of its error that a receiver keeps from one second to the next. */
const WANDER = 0.95;

type Car = { leg: number; alongM: number; kmh: number; parkedS: number };

const twoDigits = (n: number) => String(n).padStart(2, "0");

const clockFields = (at: number) => {
  const d = new Date(at);
  const time = [d.getUTCHours(), d.getUTCMinutes(), d.getUTCSeconds()].map(twoDigits).join("");
  const date = [d.getUTCDate(), d.getUTCMonth() + 1, d.getUTCFullYear() % 100].map(twoDigits).join("");
  return { time: `${time}.${String(d.getUTCMilliseconds()).padStart(3, "0")}`, date };
};

const coordinate = (value: number, width: number, positive: string, negative: string): string => {
  const absolute = Math.abs(value);
  const degrees = Math.floor(absolute);
  const minutes = ((absolute - degrees) * 60).toFixed(5).padStart(8, "0");
  // 59.999996 rounds up to a minute that does not exist.
  const fixed = minutes.startsWith("60") ? "59.99999" : minutes;
  return `${String(degrees).padStart(width, "0")}${fixed},${value < 0 ? negative : positive}`;
};

/** The sentences of each second, from a start time (UTC milliseconds). Never ends: the route is a round. */
export function* driveRoute(route: readonly Leg[], startAt: number, seed = 1): Generator<string> {
  const random = createRandom(seed);
  const car: Car = { leg: 0, alongM: 0, kmh: 0, parkedS: route[0]?.parkS ?? 0 };
  const error = { north: 0, east: 0 };
  for (let second = 0; ; second++) {
    const from = route[car.leg]!;
    const to = route[(car.leg + 1) % route.length]!;
    const legM = distanceM(from, to);
    const sigma = SIGMA_M[from.sky];
    const kick = sigma * Math.sqrt(1 - WANDER ** 2);
    error.north = error.north * WANDER + normal(random) * kick;
    error.east = error.east * WANDER + normal(random) * kick;

    const share = car.alongM / legM;
    const lat = from.lat + (to.lat - from.lat) * share + error.north / METRES_PER_DEGREE;
    const scale = METRES_PER_DEGREE * Math.cos((from.lat * Math.PI) / 180);
    const lon = from.lon + (to.lon - from.lon) * share + error.east / scale;
    const bearing =
      (Math.atan2((to.lon - from.lon) * scale, (to.lat - from.lat) * METRES_PER_DEGREE) * 180) / Math.PI;
    const course = ((bearing % 360) + 360) % 360;

    yield sentences(startAt + second * 1000, {
      lat,
      lon,
      kmh: car.kmh,
      course,
      sigma,
      fixed: second >= COLD_START_S && from.sky !== "covered",
      dated: second >= COLD_START_S / 2,
    });
    advance(car, route, legM);
  }
}

const advance = (car: Car, route: readonly Leg[], legM: number): void => {
  if (car.parkedS > 0) {
    car.parkedS--;
    car.kmh = 0;
    return;
  }
  const leg = route[car.leg]!;
  const next = route[(car.leg + 1) % route.length]!;
  const cornerKmh = next.parkS ? 4 : CORNER_KMH;
  const leftM = legM - car.alongM;
  // v² = v₀² + 2as, in km/h: how fast the car may be now to be slow enough at the corner.
  const brakingKmh = Math.sqrt(cornerKmh ** 2 + 2 * ACCELERATION_KMH_S * leftM * 3.6);
  car.kmh = Math.min(leg.limitKmh, brakingKmh, car.kmh + ACCELERATION_KMH_S);
  car.alongM += car.kmh / 3.6;
  if (car.alongM < legM) return;
  car.alongM = 0;
  car.leg = (car.leg + 1) % route.length;
  car.parkedS = next.parkS ?? 0;
};

type Epoch = {
  lat: number;
  lon: number;
  kmh: number;
  course: number;
  sigma: number;
  fixed: boolean;
  dated: boolean;
};

const sentences = (at: number, e: Epoch): string => {
  const { time, date } = clockFields(at);
  const day = e.dated ? date : "";
  if (!e.fixed) {
    return [
      `GPRMC,${e.dated ? time : ""},V,,,,,,,${day},,,N`,
      `GPGGA,${e.dated ? time : ""},,,,,0,00,,,M,,M,,`,
      "GPGSA,A,1,,,,,,,,,,,,,,,",
    ]
      .map(formatSentence)
      .join("");
  }
  const place = `${coordinate(e.lat, 2, "N", "S")},${coordinate(e.lon, 3, "E", "W")}`;
  const satellites = e.sigma > 3 ? "06" : "09";
  const hdop = (e.sigma / 2.5 + 0.4).toFixed(1);
  const sigma = (e.sigma / Math.SQRT2).toFixed(1);
  return [
    `GPRMC,${time},A,${place},${(e.kmh / 1.852).toFixed(2)},${e.kmh > 1 ? e.course.toFixed(1) : ""},${day},,,A`,
    `GPGGA,${time},${place},1,${satellites},${hdop},80.0,M,44.0,M,,`,
    `GPGSA,A,3,05,07,08,09,13,15,21,27,30,,,,${(Number(hdop) * 1.6).toFixed(1)},${hdop},${(Number(hdop) * 1.2).toFixed(1)}`,
    `GPGST,${time},${sigma},,,,${sigma},${sigma},${sigma}`,
  ]
    .map(formatSentence)
    .join("");
};
