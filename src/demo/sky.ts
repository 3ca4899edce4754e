import { formatSentence } from "../decode/nmea/sentence.ts";
import type { Moment } from "./drive.ts";

/** The satellites above the demo's car, as GSV sentences. Pure: a made-up sky that turns slowly. */

/** Number, elevation, azimuth (degrees) at the start, and how strong it is under an open sky, dB-Hz. */
const SKY: readonly (readonly [prn: number, elevation: number, azimuth: number, dbHz: number])[] = [
  [5, 71, 62, 47],
  [7, 38, 291, 43],
  [8, 54, 178, 45],
  [9, 22, 244, 37],
  [13, 31, 108, 41],
  [15, 63, 318, 46],
  [21, 12, 35, 33],
  [27, 45, 136, 44],
  [30, 26, 205, 39],
  [14, 8, 81, 26],
  [22, 5, 349, 22],
  [36, 33, 164, 38],
];
const PER_SENTENCE = 4;
const DAY_MS = 86_400_000;
/** What houses take from the signal of a satellite, by its elevation. */
const HOUSES_DB = 14;

/** C/N0 of a satellite; undefined: it is not tracked. */
const signalOf = (
  { leg, at }: Moment,
  elevation: number,
  dbHz: number,
  covered: boolean,
): number | undefined => {
  if (covered || leg.sky === "covered") return undefined;
  const flutter = Math.sin(at / 3_000 + elevation) * 2;
  const loss = leg.sky === "urban" ? HOUSES_DB * (1 - elevation / 90) : 0;
  const left = Math.round(dbHz - loss + flutter);
  return left < 15 ? undefined : left;
};

/** The sky of one second. `covered`: the car is under cover, wherever the route says it is. */
export const skyOf = (moment: Moment, covered: boolean): string => {
  const turned = (moment.at % DAY_MS) / 240_000; // 15 degrees an hour, as the stars
  const fields = SKY.map(([prn, elevation, azimuth, dbHz]) =>
    [
      String(prn).padStart(2, "0"),
      String(elevation).padStart(2, "0"),
      String(Math.floor((azimuth + turned) % 360)).padStart(3, "0"),
      signalOf(moment, elevation, dbHz, covered) ?? "",
    ].join(","),
  );
  const count = Math.ceil(fields.length / PER_SENTENCE);
  return Array.from({ length: count }, (_, n) =>
    formatSentence(
      `GPGSV,${count},${n + 1},${fields.length},${fields.slice(n * PER_SENTENCE, (n + 1) * PER_SENTENCE).join(",")}`,
    ),
  ).join("");
};
