import type { Episode } from "../domain/episode.ts";
import type { EmergencyUpdate } from "../domain/report.ts";
import { DRILL_ENDS_MS, REPEAT_MS } from "./machine.ts";

/** A boot that is none: the time of the press is known by itself, not by this computer's clock. */
const NO_BOOT = 0;

/**
 * The episode of which only a report is left, because the memory was lost or could not be written: it goes on as
 * the same episode (contract §5). `dark`: as its button is set up. `mono`: now. Pure.
 */
export const episodeOf = ({ data, clock }: EmergencyUpdate, dark: boolean, mono: number): Episode => {
  const { episode: id, test, silent = false, button, buttons = [button], presses, heldMs, state } = data;
  const { by, ackAt } = data;
  const at = data.pressedAt === undefined ? Number.NaN : Date.parse(data.pressedAt);
  return {
    id,
    test,
    button,
    buttons,
    silent,
    dark,
    ...(Number.isNaN(at) || clock === "unset"
      ? {}
      : { pressed: { boot: NO_BOOT, mono: 0, at, clock: "gnss" as const } }),
    ...(heldMs === undefined ? {} : { heldMs }),
    presses,
    state,
    ...(by === undefined ? {} : { by }),
    ...(ackAt === undefined ? {} : { ackAt }),
    revision: 1,
    safe: false,
    reach: "made",
    attempt: data.attempt,
    repeatAt: mono + REPEAT_MS,
    ...(test ? { endsAt: mono + DRILL_ENDS_MS } : {}),
  };
};
