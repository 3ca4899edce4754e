import type { Fix } from "../../domain/fix.ts";
import type { Statement } from "./statement.ts";

/** Below this a course over ground is noise: a standing car has none. */
const STANDING_KMH = 1.5;
/**
 * Metres of horizontal 1σ error per unit of HDOP, if the receiver sends no GST: user equivalent
 * range error of the civil service with today's space segment, autonomous and with corrections.
 */
const RANGE_ERROR_M = { autonomous: 3, differential: 1.5, rtkFloat: 0.3, rtkFixed: 0.02 };

/** Accuracies are rounded to it. 0 would say that the position is exact. */
const LEAST_ACCURACY_M = 0.01;

const rangeErrorM = (quality: number | undefined): number => {
  if (quality === 4) return RANGE_ERROR_M.rtkFixed;
  if (quality === 5) return RANGE_ERROR_M.rtkFloat;
  return quality === 2 ? RANGE_ERROR_M.differential : RANGE_ERROR_M.autonomous;
};

const round = (value: number, places: number) => Math.round(value * 10 ** places) / 10 ** places;

/**
 * The fix of an epoch, from its statements by formatter, best source first. `at`: UTC
 * milliseconds. A field that no statement gives is absent.
 */
export const describeFix = (
  at: number,
  place: { readonly lat: number; readonly lon: number },
  by: ReadonlyMap<string, Statement>,
): Fix => {
  const gga = by.get("GGA");
  const gns = by.get("GNS");
  const gsa = by.get("GSA");
  const source = gga?.place ? gga : gns?.place ? gns : undefined;
  const altM = source?.altM;
  const satellites = source?.satellites;
  const hdop = source?.hdop ?? gsa?.hdop;
  const quality = source?.quality;
  const inferred = altM !== undefined && (satellites ?? 4) >= 4 ? 3 : 2;
  const dimension = gsa?.dimension ?? inferred;
  const motion = by.get("RMC")?.speedKmh === undefined ? by.get("VTG") : by.get("RMC");
  const speedKmh = motion?.speedKmh;
  const moving = speedKmh === undefined || speedKmh >= STANDING_KMH;
  const courseDeg = moving ? motion?.courseDeg : undefined;
  const accuracyM = by.get("GST")?.sigmaM ?? (hdop === undefined ? undefined : hdop * rangeErrorM(quality));
  return {
    at,
    lat: place.lat,
    lon: place.lon,
    fix: dimension === 3 ? "3d" : "2d",
    ...(dimension === 3 && altM !== undefined ? { altM } : {}),
    ...(speedKmh === undefined ? {} : { speedKmh: round(speedKmh, 2) }),
    ...(courseDeg === undefined ? {} : { courseDeg }),
    ...(quality === undefined ? {} : { quality }),
    ...(satellites === undefined ? {} : { satellites }),
    ...(hdop === undefined ? {} : { hdop }),
    ...(accuracyM === undefined ? {} : { accuracyM: Math.max(LEAST_ACCURACY_M, round(accuracyM, 2)) }),
  };
};
