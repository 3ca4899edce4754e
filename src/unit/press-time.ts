import type { Pressed } from "../domain/episode.ts";
import type { EmergencyData } from "../domain/report.ts";
import { isoInstant, type Clock } from "../domain/time.ts";

/** A press that was made at `mono` of this boot, with the time as it is known now. */
export const pressedAt = (mono: number, boot: number, clock: Clock): Pressed => {
  const { at, clock: trust } = clock.when(mono);
  // JSON has no NaN and no infinity: the memory could not be read after a restart.
  const instant = Number.isFinite(at) ? { at, clock: trust } : ({ at: 0, clock: "unset" } as const);
  return { boot, mono, ...instant };
};

/**
 * The best known time of a press. `boot`: the present boot. Empty if the time is not known, or if the press
 * was made before a restart while the clock was unset.
 */
export const pressTime = (
  pressed: Pressed | undefined,
  boot: number,
  clock: Clock,
): Pick<EmergencyData, "pressedAt"> => {
  if (!pressed || (pressed.boot !== boot && pressed.clock === "unset")) return {};
  const better = pressed.boot === boot ? clock.when(pressed.mono) : pressed;
  return { pressedAt: isoInstant(better.at) };
};
