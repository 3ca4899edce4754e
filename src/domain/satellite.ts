export type Constellation = "gps" | "sbas" | "glonass" | "galileo" | "beidou" | "qzss" | "navic";

/** A satellite in view, as a receiver reports it. What it does not report is absent. */
export type Satellite = {
  readonly constellation: Constellation;
  /** The receiver's own number for it: NMEA's, or within its constellation. */
  readonly prn: number;
  /** Degrees above the horizon. */
  readonly elevationDeg?: number;
  /** Degrees true, 0 up to but not including 360. */
  readonly azimuthDeg?: number;
  /** C/N0 in dB-Hz, the best of its signals; absent if it is not tracked. */
  readonly signalDbHz?: number;
};
