import { STAGES, type CarSummary, type EpisodeView } from "../../domain/fleet.ts";
import type { StoredReport } from "../report.ts";
import type { EmergencyData } from "./data.ts";
import { stampOf, timeOf, type Correction, type Stamp } from "./stamp.ts";

/** One emergency as the console knows it. It never changes: each report makes a new one. Pure. */
export type Episode = {
  readonly unit: string;
  readonly stamp: Stamp;
  readonly data: EmergencyData;
  /** When the console first knew of it, UTC milliseconds of this machine. */
  readonly firstAt: number;
  /** What the unit reported, as the console saw it. */
  readonly steps: EpisodeView["steps"];
  readonly wasAccepted: boolean;
  readonly ended: EpisodeView["ended"];
  /** The broker had no copy of it after a lost connection: it may have ended. */
  readonly isUnconfirmed?: boolean;
};

/** Steps that are kept of an episode. Beyond it the oldest go. */
const STEPS = 20;

/** A state that comes again with another number is a step only if it says something new. */
const stepsAfter = (known: Episode | undefined, { state, by }: EmergencyData, now: number) => {
  const last = known?.steps.at(-1);
  if (known && last && last.stage === state && last.by === by) return known.steps;
  return [...(known?.steps ?? []), { stage: state, at: now, ...(by === undefined ? {} : { by }) }].slice(
    -STEPS,
  );
};

/**
 * Whether a report replaces the known one: a higher number of its store, a repetition, or a fuller copy of the
 * same number (contract §3).
 */
const replaces = (known: Episode, stamp: Stamp, data: EmergencyData): boolean => {
  if (stamp.store !== known.stamp.store) return stamp.at > known.stamp.at;
  if (stamp.seq !== known.stamp.seq) return stamp.seq > known.stamp.seq;
  const left = data.shortened.length - known.data.shortened.length;
  return left < 0 || (left === 0 && data.attempt >= known.data.attempt);
};

/** The episode after a report of it; the same one if the report is an older one. `now`: UTC milliseconds. */
export const afterEmergency = (
  known: Episode | undefined,
  report: StoredReport,
  data: EmergencyData,
  now: number,
): Episode => {
  const stamp = stampOf(report);
  if (known && (!replaces(known, stamp, data) || known.ended?.why === "cleared")) return known;
  return {
    unit: report.unit,
    stamp,
    data,
    firstAt: known?.firstAt ?? now,
    steps: stepsAfter(known, data, now),
    wasAccepted: known?.wasAccepted === true || STAGES.indexOf(data.state) >= STAGES.indexOf("accepted"),
    ended: data.state === "cleared" ? { at: now, why: "cleared" } : undefined,
  };
};

/** The broker's copy of the episode was removed: it has ended (contract §2). */
export const afterRemoval = (known: Episode, now: number): Episode =>
  known.ended ? known : { ...known, ended: { at: now, why: "removed" } };

/** When the button was pressed. The press is on the same clock as the report: what corrects one corrects both. */
const pressOf = ({ stamp, data }: Episode, corrections: readonly Correction[]) => {
  const { at, isKnown } = timeOf(stamp, corrections);
  const said = data.pressedAt === undefined ? undefined : Date.parse(data.pressedAt);
  if (said === undefined) return { at, isKnown: false };
  return { at: said + at - stamp.at, isKnown };
};

/** Where the car was when the episode was reported, and when that was. */
export const episodePlace = (
  { stamp, data }: Episode,
  corrections: readonly Correction[],
): CarSummary["position"] => {
  if (!data.position) return undefined;
  const { ageMs = 0, trusted: _, ...place } = data.position;
  const { at, isKnown } = timeOf(stamp, corrections);
  return { ...place, at: Math.max(0, Math.min(at, at - ageMs)), isTimeKnown: isKnown };
};

export const episodeView = (episode: Episode, corrections: readonly Correction[]): EpisodeView => {
  const { unit, data, steps, wasAccepted, ended, isUnconfirmed = false } = episode;
  const press = pressOf(episode, corrections);
  const { heldMs, position, by } = data;
  return {
    unit,
    episode: data.episode,
    state: data.state,
    test: data.test,
    silent: data.silent,
    buttons: data.buttons ?? [data.button],
    presses: data.presses,
    attempt: data.attempt,
    pressedAt: press.at,
    isPressTimeKnown: press.isKnown,
    heldMs,
    position,
    track: data.track,
    vehicle: data.vehicle?.signals ?? {},
    by,
    shortened: data.shortened,
    steps,
    wasAccepted,
    ended,
    ...(isUnconfirmed ? { isUnconfirmed } : {}),
  };
};
