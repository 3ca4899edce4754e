import type { Sentence } from "./sentence.ts";
import {
  course,
  integer,
  latitude,
  longDate,
  longitude,
  nonNegative,
  number,
  shortDate,
  timeOfDay,
} from "./fields.ts";

/**
 * What one sentence states. The epoch decides what is used. Field numbers are those of NMEA 0183 v4.11;
 * an empty or impossible field is absent.
 */
export type Statement = {
  /** Milliseconds of the UTC day. */
  readonly tod?: number | undefined;
  /** Midnight UTC of the sentence's own date. */
  readonly date?: number | undefined;
  readonly place?: { readonly lat: number; readonly lon: number } | undefined;
  /** The receiver itself says that this is no position. */
  readonly verdict?: "void" | "simulated" | undefined;
  /** A field that must be readable in a valid position is not. */
  readonly malformed?: boolean | undefined;
  readonly quality?: number | undefined;
  readonly satellites?: number | undefined;
  readonly hdop?: number | undefined;
  readonly altM?: number | undefined;
  readonly speedKmh?: number | undefined;
  readonly courseDeg?: number | undefined;
  /** 2 or 3 from GSA. */
  readonly dimension?: 2 | 3 | undefined;
  /** Metres, 1σ horizontal, from GST. */
  readonly sigmaM?: number | undefined;
};

const KMH_PER_KNOT = 1.852;
/** Receivers print 99.99 (u-blox), 99.0 (Telit) or 50.0 (MediaTek) for a DOP they do not have. */
const DOP_UNKNOWN = 50;

const place = (
  lat: string | undefined,
  ns: string | undefined,
  lon: string | undefined,
  ew: string | undefined,
): Statement => {
  if (lat === "" && lon === "") return {};
  const latitudeDeg = latitude(lat, ns);
  const longitudeDeg = longitude(lon, ew);
  return latitudeDeg === undefined || longitudeDeg === undefined
    ? { malformed: true }
    : { place: { lat: latitudeDeg, lon: longitudeDeg } };
};

/** RMC field 12, GLL field 7, VTG field 9: the mode of the positioning system. */
const modeVerdict = (mode: string | undefined): Statement["verdict"] =>
  mode === "N" ? "void" : mode === "S" || mode === "M" ? "simulated" : undefined;

const statusVerdict = (status: string | undefined, mode: string | undefined) =>
  status === "A" ? modeVerdict(mode) : "void";

const dop = (field: string | undefined): number | undefined => {
  const value = nonNegative(field);
  return value !== undefined && value > 0 && value < DOP_UNKNOWN ? value : undefined;
};

/** A sentence whose time cannot be read belongs to no epoch: it is malformed. */
const time = (field: string | undefined): Statement => {
  if (field === "" || field === undefined) return {};
  const tod = timeOfDay(field);
  return tod === undefined ? { malformed: true } : { tod };
};

const rmc = (f: readonly string[]): Statement => {
  const knots = nonNegative(f[6]);
  return {
    ...time(f[0]),
    ...place(f[2], f[3], f[4], f[5]),
    verdict: statusVerdict(f[1], f[11]),
    date: shortDate(f[8]),
    speedKmh: knots === undefined ? undefined : knots * KMH_PER_KNOT,
    courseDeg: course(f[7]),
  };
};

const GGA_MANUAL = 7;

const gga = (f: readonly string[]): Statement => {
  const quality = integer(f[5]);
  return {
    ...time(f[0]),
    ...place(f[1], f[2], f[3], f[4]),
    verdict:
      quality === 0 ? "void" : quality !== undefined && quality >= GGA_MANUAL ? "simulated" : undefined,
    quality,
    satellites: integer(f[6]),
    hdop: dop(f[7]),
    altM: f[9] === "M" ? number(f[8]) : undefined,
  };
};

/** GNS field 6: one letter for each constellation. The best one is the mode of the fix. */
const GNS_QUALITY: readonly (readonly [string, number])[] = [
  ["R", 4],
  ["F", 5],
  ["P", 3],
  ["D", 2],
  ["A", 1],
  ["E", 6],
];

const gns = (f: readonly string[]): Statement => {
  const modes = f[5] ?? "";
  const quality = GNS_QUALITY.find(([letter]) => modes.includes(letter))?.[1];
  const simulated = /^[MSN]+$/.test(modes) && /[MS]/.test(modes);
  return {
    ...time(f[0]),
    ...place(f[1], f[2], f[3], f[4]),
    verdict: simulated ? "simulated" : quality === undefined ? "void" : undefined,
    quality,
    satellites: integer(f[6]),
    hdop: dop(f[7]),
    altM: number(f[8]),
  };
};

const gll = (f: readonly string[]): Statement => ({
  ...time(f[4]),
  ...place(f[0], f[1], f[2], f[3]),
  // Before NMEA 2.0 the sentence ends after the time, and there is no status.
  verdict: f[5] === undefined ? undefined : statusVerdict(f[5], f[6]),
});

const gsa = (f: readonly string[]): Statement => ({
  dimension: f[1] === "2" ? 2 : f[1] === "3" ? 3 : undefined,
  hdop: dop(f[15]),
});

const gst = (f: readonly string[]): Statement => {
  const north = nonNegative(f[5]);
  const east = nonNegative(f[6]);
  return {
    ...time(f[0]),
    // No position is exact: receivers without an estimate print zeros.
    sigmaM: north === undefined || east === undefined ? undefined : Math.hypot(north, east) || undefined,
  };
};

const vtg = (f: readonly string[]): Statement => {
  const knots = nonNegative(f[4]);
  return {
    courseDeg: course(f[0]),
    speedKmh: nonNegative(f[6]) ?? (knots === undefined ? undefined : knots * KMH_PER_KNOT),
  };
};

const zda = (f: readonly string[]): Statement => ({ ...time(f[0]), date: longDate(f[1], f[2], f[3]) });

const readers = new Map<string, (fields: readonly string[]) => Statement>([
  ["RMC", rmc],
  ["GGA", gga],
  ["GNS", gns],
  ["GLL", gll],
  ["GSA", gsa],
  ["GST", gst],
  ["VTG", vtg],
  ["ZDA", zda],
]);

/** The statement of a sentence, or undefined if the sentence says nothing about position. */
export const readStatement = (sentence: Sentence): Statement | undefined => {
  if (sentence.talker === "P") return undefined;
  return readers.get(sentence.formatter)?.(sentence.body.split(","));
};
