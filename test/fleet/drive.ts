import { formatSentence } from "../../src/decode/nmea/sentence.ts";
import type { PositionData } from "../../src/domain/report.ts";

/** Where each car of the fleet is, and what its receiver says. Each drives north at 50 km/h. Pure. */

const KMH = 50;
const COURSE = 0;
const SOUTH = 44.5;
const WEST = 19;
/** Cars are so many degrees of longitude apart. */
const APART = 0.0007;
const METRES_PER_DEGREE = 111_195;
/** After so long it is in the south again: the jump happens once a day. */
const ROUND_S = 86_400;

const latOf = (at: number): number => SOUTH + (((at / 1000) % ROUND_S) * (KMH / 3.6)) / METRES_PER_DEGREE;
const lonOf = (car: number): number => WEST + car * APART;

/** `at`: UTC milliseconds. */
export const positionAt = (car: number, at: number): PositionData => ({
  lat: Math.round(latOf(at) * 1e7) / 1e7,
  lon: Math.round(lonOf(car) * 1e7) / 1e7,
  altM: 80,
  speedKmh: KMH,
  courseDeg: COURSE,
  fix: "3d",
  quality: 1,
  satellites: 9,
  hdop: 0.9,
  accuracyM: 2.3,
  reason: "interval",
});

const angle = (degrees: number, width: number): string => {
  const whole = Math.floor(degrees);
  const minutes = ((degrees - whole) * 60).toFixed(4).padStart(7, "0");
  // 59.99999 rounds up to a minute that does not exist.
  return `${String(whole).padStart(width, "0")}${minutes.startsWith("60") ? "59.9999" : minutes}`;
};

/** RMC, GGA and GSA of one epoch. `at`: UTC milliseconds. */
export const sentencesAt = (car: number, at: number): string => {
  const iso = new Date(at).toISOString();
  const time = `${iso.slice(11, 13)}${iso.slice(14, 16)}${iso.slice(17, 23)}`;
  const date = `${iso.slice(8, 10)}${iso.slice(5, 7)}${iso.slice(2, 4)}`;
  const place = `${angle(latOf(at), 2)},N,${angle(lonOf(car), 3)},E`;
  return [
    `GPRMC,${time},A,${place},${(KMH / 1.852).toFixed(2)},${COURSE.toFixed(1)},${date},,,A`,
    `GPGGA,${time},${place},1,09,0.9,80.0,M,44.0,M,,`,
    "GPGSA,A,3,05,07,08,09,13,15,21,27,30,,,,1.6,0.9,1.2",
  ]
    .map((body) => formatSentence(body))
    .join("");
};
