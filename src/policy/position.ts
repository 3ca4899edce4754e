import type { Fix } from "../domain/fix.ts";
import { distanceM, turnDeg } from "../domain/geodesy.ts";
import type { PositionData } from "../domain/report.ts";
import type { VehicleMotion } from "./vehicle.ts";

/** Which fixes become reports. All times are the fixes' own; there is no other clock. */
export type PositionPolicySettings = {
  /** Seconds between reports in movement; 0 reports every fix. */
  readonly movingS: number;
  readonly distanceM: number;
  readonly headingDeg: number;
  /** Seconds between reports when standing. */
  readonly standingS: number;
  /** Seconds between reports when standing with the ignition off. */
  readonly parkedS: number;
  /** Seconds between reports while an emergency is open. */
  readonly emergencyS: number;
};

/** What else is known at the time of a fix. */
export type Circumstances = {
  readonly emergency: boolean;
  /** The vehicle's own ignition and speed, if its bus is read. */
  readonly vehicle?: VehicleMotion | undefined;
};

export type PositionPolicy = {
  /** The reason to report this fix, or undefined if it is not reported. */
  decide(fix: Fix, circumstances: Circumstances): PositionData["reason"] | undefined;
};

/**
 * Movement begins with two fixes in a row at START_KMH or more, and ends after STOP_AFTER_MS below
 * STOP_KMH.
 */
export const START_KMH = 8;
const STOP_KMH = 3;
const STOP_AFTER_MS = 5_000;
/**
 * A slow roll counts as movement when it is this far from its place: metres, and standard deviations of
 * the fix.
 */
const ROLL_M = 50;
const ROLL_SIGMAS = 5;
/** Below this a course is too noisy to call a turn. */
const HEADING_KMH = 10;
/** Receivers do not tick exactly: an interval is due this much early. */
const EARLY_MS = 50;

type Motion =
  | { readonly kind: "standing"; readonly anchor: Fix; readonly fastFixes: number }
  | { readonly kind: "moving"; readonly slowSince: number | undefined };

/** The receiver's speed, or what two fixes imply if it gives none. */
const speedOf = (fix: Fix, previous: Fix | undefined): number => {
  if (fix.speedKmh !== undefined) return fix.speedKmh;
  const elapsedMs = previous ? fix.at - previous.at : 0;
  return previous && elapsedMs > 0 ? (distanceM(previous, fix) / elapsedMs) * 3600 : 0;
};

const standing = (anchor: Fix): Motion => ({ kind: "standing", anchor, fastFixes: 0 });
const moving: Motion = { kind: "moving", slowSince: undefined };

/** The receiver's speed, and the vehicle's own if it gives one. */
type Speeds = {
  readonly receiverKmh: number;
  readonly vehicleKmh: number | undefined;
  readonly parked: boolean;
};

const move = (motion: Motion, fix: Fix, { receiverKmh, vehicleKmh, parked }: Speeds): Motion => {
  if (motion.kind === "standing") {
    // The vehicle's own speed decides a start; with the ignition off, the receiver's speed is noise. But the
    // signal may be dead or the car may be towed: a car that is far from its place moves, whatever the bus
    // says.
    const startKmh = vehicleKmh ?? (parked ? 0 : receiverKmh);
    const fastFixes = startKmh >= START_KMH ? motion.fastFixes + 1 : 0;
    const awayM = Math.max(ROLL_M, ROLL_SIGMAS * (fix.accuracyM ?? 0));
    const rolled = receiverKmh >= STOP_KMH && distanceM(motion.anchor, fix) > awayM;
    return fastFixes >= 2 || rolled ? moving : { ...motion, fastFixes };
  }
  if (Math.max(receiverKmh, vehicleKmh ?? 0) >= STOP_KMH)
    return motion.slowSince === undefined ? motion : moving;
  // A receiver whose date steps back begins to count anew: until that date the car would count as moving.
  const slowSince = Math.min(motion.slowSince ?? fix.at, fix.at);
  return fix.at - slowSince >= STOP_AFTER_MS ? standing(fix) : { kind: "moving", slowSince };
};

/** `current`: the settings, which may change from fix to fix. */
export const createPositionPolicy = (current: () => PositionPolicySettings): PositionPolicy => {
  let motion: Motion | undefined;
  let previous: Fix | undefined;
  let reported: Fix | undefined;
  /** The first usable course since the last report. */
  let heading: number | undefined;

  const reasonFor = (
    fix: Fix,
    before: Motion | undefined,
    now: Motion,
    speedKmh: number,
    parked: boolean,
  ) => {
    const settings = current();
    if (before && before.kind !== now.kind) return now.kind === "moving" ? "start" : "stop";
    if (!reported) return "interval";
    const sinceMs = Math.abs(fix.at - reported.at);
    const restingS = parked ? settings.parkedS : settings.standingS;
    const dueS = now.kind === "moving" || settings.movingS === 0 ? settings.movingS : restingS;
    const turning = speedKmh >= HEADING_KMH && fix.courseDeg !== undefined && heading !== undefined;
    if (now.kind === "moving") {
      if (turning && turnDeg(fix.courseDeg, heading!) >= settings.headingDeg) return "heading";
      if (distanceM(reported, fix) >= settings.distanceM) return "distance";
    }
    return sinceMs >= dueS * 1000 - EARLY_MS ? "interval" : undefined;
  };

  return {
    decide(fix, { emergency, vehicle }) {
      const speedKmh = speedOf(fix, previous);
      const parked = vehicle?.ignition === "off";
      const before = motion;
      const speeds = { receiverKmh: speedKmh, vehicleKmh: vehicle?.speedKmh, parked };
      const begin = () => ((speeds.vehicleKmh ?? speedKmh) >= START_KMH ? moving : standing(fix));
      const now = before ? move(before, fix, speeds) : begin();
      const sinceMs = reported ? Math.abs(fix.at - reported.at) : Infinity;
      const urgent = emergency && sinceMs >= current().emergencyS * 1000 - EARLY_MS;
      const reason = reasonFor(fix, before, now, speedKmh, parked) ?? (urgent ? "emergency" : undefined);
      motion = now;
      previous = fix;
      const courseKnown = speedKmh >= HEADING_KMH && fix.courseDeg !== undefined;
      if (reason !== undefined) {
        reported = fix;
        heading = courseKnown ? fix.courseDeg : undefined;
      } else if (courseKnown) heading ??= fix.courseDeg;
      return reason;
    },
  };
};
