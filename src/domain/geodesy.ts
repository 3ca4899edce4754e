/** Mean Earth radius, metres (IUGG). */
const EARTH_M = 6_371_008.8;
const RADIANS = Math.PI / 180;

type Place = { readonly lat: number; readonly lon: number };

/** Great-circle distance in metres (haversine: exact enough at any distance, stable at zero). */
export const distanceM = (a: Place, b: Place): number => {
  const halfLat = ((b.lat - a.lat) * RADIANS) / 2;
  const halfLon = ((b.lon - a.lon) * RADIANS) / 2;
  const h =
    Math.sin(halfLat) ** 2 + Math.cos(a.lat * RADIANS) * Math.cos(b.lat * RADIANS) * Math.sin(halfLon) ** 2;
  return 2 * EARTH_M * Math.asin(Math.min(1, Math.sqrt(h)));
};

/** The smaller angle between two courses, 0 to 180 degrees. */
export const turnDeg = (a: number, b: number): number => {
  const turn = Math.abs(a - b) % 360;
  return turn > 180 ? 360 - turn : turn;
};
