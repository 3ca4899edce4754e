import { CATALOGUE } from "../domain/faults.ts";
import type { ActiveFault, Snapshot } from "../domain/snapshot.ts";
import type { Fitted, Power } from "./plan.ts";
import type { Seen, SeenEpisode, SignalValue } from "./seen.ts";

/** The unit's status as the list needs it: for the command and for the page. */

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

const isOfConfiguration = ({ part, code }: ActiveFault): boolean =>
  CATALOGUE.some((row) => row.part === part && row.code === code && row.about === "configuration");

const buttonsIn = ({ panicBoard, faults }: Snapshot): Fitted["buttons"] => {
  if (panicBoard) return Object.keys(panicBoard.loopNumbers ?? panicBoard.loops ?? {});
  const isMissing = faults.some(({ part, code }) => part === "panic-board" && code === "not-configured");
  return isMissing ? "missing" : "none";
};

/** What a unit's status says of its configuration, for the page: it does not say whether the power-off is configured. */
export const fittedIn = (snapshot: Snapshot, power: Power): Fitted => ({
  signals: snapshot.can?.signals,
  buttons: buttonsIn(snapshot),
  brokers: (snapshot.link.brokers ?? []).map(({ url }) => url),
  power,
  faults: snapshot.faults
    .filter((fault) => isOfConfiguration(fault))
    .map(({ part, detail }) => ({ part, says: detail })),
});
