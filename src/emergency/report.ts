import type { Episode } from "../domain/episode.ts";
import type { EmergencyData, EmergencyUpdate } from "../domain/report.ts";
import { leaveOut } from "../domain/shortened.ts";
import type { Instant } from "../domain/time.ts";

/** What the report of an episode says, and how much of it the memory keeps. */

/** The car's position and signals. */
export type Scene = Pick<EmergencyData, "position" | "track" | "vehicle">;

/** Bytes of an open episode's report that are kept in the memory. The whole report is in the outbox. */
const KEPT_BYTES = 8_192;

/**
 * Fields that the memory leaves out of a report, in this order, if the report is too large or the episode
 * has ended.
 */
const LEFT_OUT = ["track", "vehicle"] as const;

const bytesOf = (value: unknown): number => new TextEncoder().encode(JSON.stringify(value)).length;

/**
 * A report as the memory keeps it: shortened, because the memory's file has a fixed size, which commands
 * and copies share.
 */
export const kept = (report: EmergencyUpdate): EmergencyUpdate => {
  const now = structuredClone(report);
  for (const field of LEFT_OUT) {
    const fits = report.data.state !== "cleared" && bytesOf(now) <= KEPT_BYTES;
    if (!fits) now.data = leaveOut(now.data, field);
  }
  return now;
};

/** The `data` of a report of an episode as it stands. */
export const dataOf = (
  episode: Episode,
  pressTime: Pick<EmergencyData, "pressedAt">,
  scene: Scene,
): EmergencyData => {
  const { id, state, test, silent, button, buttons, heldMs, presses, attempt, by, ackAt } = episode;
  return {
    episode: id,
    state,
    test,
    silent,
    button,
    buttons,
    ...pressTime,
    ...(heldMs === undefined ? {} : { heldMs }),
    presses,
    attempt,
    ...scene,
    ...(by === undefined ? {} : { by }),
    ...(ackAt === undefined ? {} : { ackAt }),
  };
};

/**
 * The position and track of an episode's last report as they stand `now`: older, and not trusted. Used
 * after a restart until the first fix. Empty if it is not known how much older.
 */
export const lastSeen = (
  report: EmergencyUpdate | undefined,
  now: Instant,
): Pick<Scene, "position" | "track"> => {
  if (!report || report.clock === "unset" || now.clock === "unset") return {};
  const passedMs = Math.max(0, now.at - Date.parse(report.at));
  const older = <T extends { ageMs?: number | undefined }>(place: T) => ({
    ...place,
    ...(place.ageMs === undefined ? {} : { ageMs: place.ageMs + passedMs }),
    trusted: false,
  });
  const { position, track } = report.data;
  return {
    ...(position ? { position: { ...older(position), ageMs: position.ageMs + passedMs } } : {}),
    ...(track ? { track: track.map(older) } : {}),
  };
};
