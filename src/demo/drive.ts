import { distanceM } from "../domain/geodesy.ts";
import { createRandom, normal } from "./random.ts";
import type { Leg } from "./route.ts";

/**
 * A model of a car that is driven along a route: acceleration, braking, corners, parking. With it, what its
 * receiver knows: a cold start, an error that wanders, and no fix under cover. One moment a second. Pure.
 */
const COLD_START_S = 6;
const ACCELERATION_KMH_S = 7;
const CORNER_KMH = 18;
const METRES_PER_DEGREE = 111_195;
const SIGMA_M: Record<Leg["sky"], number> = { open: 1.5, urban: 6, covered: 25 };
/** The share of its error that a receiver keeps from one second to the next. */
const WANDER = 0.95;

/** The car and its receiver at one second. */
export type Moment = {
  /** UTC milliseconds. */
  readonly at: number;
  /** The receiver's position, with its error. */
  readonly lat: number;
  readonly lon: number;
  readonly kmh: number;
  /** Since the second before. */
  readonly gainedKmh: number;
  /** Degrees. */
  readonly course: number;
  /** The error of the position, metres, 1σ. */
  readonly sigma: number;
  readonly fixed: boolean;
  /** The receiver knows the date. */
  readonly dated: boolean;
  /** Seconds for which the car will still be parked. */
  readonly parkedS: number;
  /** Metres since the start. */
  readonly drivenM: number;
  readonly leg: Leg;
};

type Car = { leg: number; alongM: number; drivenM: number; kmh: number; parkedS: number };

/** Each second of a drive, from a start time (UTC milliseconds). Never ends: the route is a round. */
export function* drive(route: readonly Leg[], startAt: number, seed = 1): Generator<Moment, never> {
  const random = createRandom(seed);
  const car: Car = { leg: 0, alongM: 0, drivenM: 0, kmh: 0, parkedS: route[0]?.parkS ?? 0 };
  const error = { north: 0, east: 0 };
  let beforeKmh = 0;
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

    yield {
      at: startAt + second * 1000,
      lat,
      lon,
      kmh: car.kmh,
      gainedKmh: car.kmh - beforeKmh,
      course: ((bearing % 360) + 360) % 360,
      sigma,
      fixed: second >= COLD_START_S && from.sky !== "covered",
      dated: second >= COLD_START_S / 2,
      parkedS: car.parkedS,
      drivenM: car.drivenM,
      leg: from,
    };
    beforeKmh = car.kmh;
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
  car.drivenM += car.kmh / 3.6;
  if (car.alongM < legM) return;
  car.alongM = 0;
  car.leg = (car.leg + 1) % route.length;
  car.parkedS = next.parkS ?? 0;
};
