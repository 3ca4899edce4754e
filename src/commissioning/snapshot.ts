import type { Snapshot } from "../domain/snapshot.ts";
import type { Seen, SeenEpisode, SignalValue } from "./seen.ts";

/** The unit's status as the list needs it. */

const clockIn = (trust: string): Seen["clock"] => (trust === "gnss" || trust === "ntp" ? trust : "unset");

const signalsIn = ({ can }: Snapshot): Record<string, SignalValue | undefined> =>
  Object.fromEntries((can?.signals ?? []).map(({ path, value, stale }) => [path, stale ? undefined : value]));

const episodesIn = ({ emergency }: Snapshot): SeenEpisode[] =>
  emergency.episodes.map(({ episode, test, state = "active", button = "", legs }) => ({
    episode,
    test,
    state,
    button,
    legs,
  }));

export const seenIn = (snapshot: Snapshot): Seen => {
  const { boot, config = "", clock, at, position, panicBoard, emergency, certificateExpiresAt } = snapshot;
  return {
    boot,
    config,
    clock: at === undefined ? "unset" : clockIn(clock),
    at: Date.parse(at ?? ""),
    position,
    signals: signalsIn(snapshot),
    board: panicBoard,
    drillArmed: emergency.drillArmed,
    episodes: episodesIn(snapshot),
    ...(certificateExpiresAt === undefined ? {} : { certificateExpiresAt: Date.parse(certificateExpiresAt) }),
  };
};
