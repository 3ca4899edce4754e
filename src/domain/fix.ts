/**
 * One position fix: everything a receiver said about one instant.
 * What the receiver did not say is absent, never zero.
 */
export type Fix = {
  /** UTC, milliseconds since 1970, the receiver's own time of fix. */
  readonly at: number;
  /** Degrees WGS 84, south negative. */
  readonly lat: number;
  /** Degrees WGS 84, west negative. */
  readonly lon: number;
  readonly fix: "2d" | "3d";
  /** Metres above mean sea level; only with a 3d fix. */
  readonly altM?: number;
  readonly speedKmh?: number;
  /** Degrees true, 0 up to but not including 360; absent when standing. */
  readonly courseDeg?: number;
  /** GGA field 6: 1 autonomous, 2 differential, 4 RTK fixed, 5 RTK float, 6 dead reckoning. */
  readonly quality?: number;
  readonly satellites?: number;
  readonly hdop?: number;
  /** Metres, horizontal, 1σ: from GST, else estimated from HDOP. */
  readonly accuracyM?: number;
};
