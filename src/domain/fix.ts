/**
 * One position fix: everything that a receiver reported for one instant.
 * What it did not report is absent, never zero.
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

/**
 * How far the time of a live fix can be trusted. `trusted`: the time is right. `unconfirmed`: the
 * position is used, the time is not used yet. `misdated`: the position is used, the time is wrong.
 * `disputed` (a possible time) and `implausible` (an impossible one): the time contradicts a trusted
 * clock, and the fix is rejected.
 */
export type TimeVerdict = "trusted" | "unconfirmed" | "misdated" | "disputed" | "implausible";

/** When the first sentence of a fix's epoch arrived, and how far its time can be trusted. */
export type Arrival = {
  /** Milliseconds on the clock that never jumps. */
  readonly mono: number;
  readonly time: Exclude<TimeVerdict, "disputed" | "implausible">;
};
