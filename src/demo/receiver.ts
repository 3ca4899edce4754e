import { formatSentence } from "../decode/nmea/sentence.ts";
import { drive, type Moment } from "./drive.ts";
import type { Leg } from "./route.ts";

/** The demo's receiver: the drive as NMEA, one epoch a second. Pure. */

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

/** What the receiver says of one second: RMC, GGA, GSA and GST. */
export const epochOf = (e: Moment): string => {
  const { time, date } = clockFields(e.at);
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

/** The sentences of each second, from a start time (UTC milliseconds). Never ends: the route is a round. */
export function* driveRoute(route: readonly Leg[], startAt: number, seed = 1): Generator<string> {
  for (const moment of drive(route, startAt, seed)) yield epochOf(moment);
}
