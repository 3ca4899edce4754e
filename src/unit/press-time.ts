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

/** The same press with its time, if that was not known when it was made, in this boot, and is now. */
export const timed = (pressed: Pressed | undefined, boot: number, clock: Clock): Pressed | undefined => {
  if (pressed?.clock !== "unset" || pressed.boot !== boot) return undefined;
  const now = pressedAt(pressed.mono, boot, clock);
  return now.clock === "unset" ? undefined : now;
};

/**
 * The best known time of a press. `boot`: the present boot. Empty if the press was made before a restart and the
 * clock is unset, or was then: all times of a report are on one clock, which is put right as a whole.
 */
export const pressTime = (
  pressed: Pressed | undefined,
  boot: number,
  clock: Clock,
): Pick<EmergencyData, "pressedAt"> => {
  if (!pressed) return {};
  if (pressed.boot === boot) return { pressedAt: isoInstant(clock.when(pressed.mono).at) };
  if (pressed.clock === "unset" || clock.now().clock === "unset") return {};
  return { pressedAt: isoInstant(pressed.at) };
};
