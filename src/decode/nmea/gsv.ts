import type { Constellation, Satellite } from "../../domain/satellite.ts";
import type { GsvGroup } from "./satellites.ts";
import { formatSentence } from "./sentence.ts";

/**
 * Satellites are only shown to people, so the library `nmea-simple` decodes them. It reads an empty field
 * as 0 and the signal id of NMEA 4.1 as a satellite. So it gets only sentences with a valid frame and
 * checksum, without the signal id, and its values for empty fields are ignored.
 */

const HEAD_FIELDS = 3;
const SATELLITE_FIELDS = 4;

const BY_TALKER = new Map<string, Constellation>([
  ["GP", "gps"],
  ["GL", "glonass"],
  ["GA", "galileo"],
  ["GB", "beidou"],
  ["BD", "beidou"],
  ["GQ", "qzss"],
  ["QZ", "qzss"],
  ["GI", "navic"],
]);
/** NMEA 0183 v4.11 table 20 and receivers' habits: number ranges that tell the constellation. */
const BY_NUMBER: readonly (readonly [from: number, to: number, Constellation])[] = [
  [1, 32, "gps"],
  [33, 64, "sbas"],
  [65, 96, "glonass"],
  [120, 158, "sbas"],
  [193, 202, "qzss"],
  [203, 235, "beidou"],
  [301, 336, "galileo"],
  [401, 463, "beidou"],
];

/** GPS and mixed (GN) groups carry the satellites of others, under numbers of their own. */
const constellationOf = (talker: string, prn: number): Constellation => {
  const named = BY_TALKER.get(talker);
  if (named !== undefined && named !== "gps" && named !== "glonass") return named;
  const numbered = BY_NUMBER.find(([from, to]) => prn >= from && prn <= to)?.[2];
  if (named === "glonass") return numbered === "sbas" ? "sbas" : "glonass";
  return numbered ?? "gps";
};

const whole = /^-?\d{1,3}$/;
/** A decoded number, if its field is a number within the range. */
const within = (field: string | undefined, value: number, low: number, high: number): number | undefined =>
  field !== undefined && whole.test(field) && value >= low && value <= high ? value : undefined;

type Decoded = {
  readonly prnNumber: number;
  readonly elevationDegrees: number;
  readonly azimuthTrue: number;
  readonly SNRdB: number;
};

const satelliteOf = (talker: string, raw: readonly string[], decoded: Decoded): Satellite | undefined => {
  const prn = within(raw[0], decoded.prnNumber, 1, 999);
  if (prn === undefined) return undefined;
  const elevationDeg = within(raw[1], decoded.elevationDegrees, -90, 90);
  const azimuthDeg = within(raw[2], decoded.azimuthTrue, 0, 360);
  const signalDbHz = within(raw[3], decoded.SNRdB, 1, 99);
  return {
    constellation: constellationOf(talker, prn),
    prn,
    ...(elevationDeg === undefined ? {} : { elevationDeg }),
    ...(azimuthDeg === undefined ? {} : { azimuthDeg: azimuthDeg % 360 }),
    ...(signalDbHz === undefined ? {} : { signalDbHz }),
  };
};

/** One satellite from two signals: the stronger one counts, and a place if either has one. */
const merge = (one: Satellite | undefined, other: Satellite): Satellite => {
  if (!one) return other;
  const signalDbHz = Math.max(one.signalDbHz ?? 0, other.signalDbHz ?? 0);
  return { ...other, ...one, ...(signalDbHz > 0 ? { signalDbHz } : {}) };
};

/**
 * The satellites of whole groups, each once, in the order of the groups. The first call loads the library
 * (9 ms): most units never need it.
 */
export const readSatellites = async (groups: readonly GsvGroup[]): Promise<readonly Satellite[]> => {
  const { parseNmeaSentence } = await import("nmea-simple");
  const found = new Map<string, Satellite>();
  for (const { talker, bodies } of groups) {
    for (const body of bodies) {
      const fields = body.split(",");
      const count = Math.floor((fields.length - HEAD_FIELDS) / SATELLITE_FIELDS);
      const raw = fields.slice(0, HEAD_FIELDS + count * SATELLITE_FIELDS);
      const packet = parseNmeaSentence(formatSentence(`${talker}GSV,${raw.join(",")}`));
      if (packet.sentenceId !== "GSV") continue;
      packet.satellites.forEach((decoded, n) => {
        const from = HEAD_FIELDS + n * SATELLITE_FIELDS;
        const satellite = satelliteOf(talker, raw.slice(from, from + SATELLITE_FIELDS), decoded);
        if (!satellite) return;
        const key = `${satellite.constellation} ${satellite.prn}`;
        found.set(key, merge(found.get(key), satellite));
      });
    }
  }
  return [...found.values()];
};
