/** Where a satellite is in a sky view of radius 1: the zenith in the middle, north up, east right. */
export const skyPoint = (
  elevationDeg: number,
  azimuthDeg: number,
): { readonly x: number; readonly y: number } => {
  const r = (90 - Math.max(0, Math.min(90, elevationDeg))) / 90;
  const a = (azimuthDeg * Math.PI) / 180;
  return { x: r * Math.sin(a), y: -r * Math.cos(a) };
};

/** How good a signal is, dB-Hz: below 25 it hardly counts, from 35 it is good. Undefined: not tracked. */
export const signalLevel = (dbHz: number | undefined): "none" | "weak" | "fair" | "strong" => {
  if (dbHz === undefined || dbHz <= 0) return "none";
  if (dbHz < 25) return "weak";
  return dbHz < 35 ? "fair" : "strong";
};
