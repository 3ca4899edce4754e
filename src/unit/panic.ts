import type { CodeOf } from "../domain/faults.ts";
import { buttonOnLoop, type BoardListener, type PanicBoard } from "../domain/panic.ts";
import type { HealthData } from "../domain/report.ts";
import type { BoardSnapshot } from "../domain/snapshot.ts";
import type { UnitSettings } from "../settings/load.ts";
import { conditionHealth, TROUBLE_AT } from "./board-condition.ts";
import type { EmergencyPart } from "./emergency.ts";
import type { Faults } from "./faults.ts";

type Buttons = Readonly<Record<string, { readonly loop: number }>>;

type ButtonSettings = Pick<Exclude<UnitSettings["panic"], "none" | undefined>, "buttons" | "testEveryDays">;

/** The buttons as configured. Without a board there are none. */
export const buttonSettings = ({ panic }: Pick<UnitSettings, "panic">): ButtonSettings =>
  typeof panic === "object" ? panic : { buttons: {}, testEveryDays: 0 };

/** Codes of the loop itself. */
const LOOP_CODES = ["open", "short", "stuck", "degraded"] as const satisfies CodeOf<"panic-loop">[];

/** What is wrong with a loop, for a technician. */
const LOOP_FAULTS: Readonly<Record<Exclude<(typeof LOOP_CODES)[number], "degraded">, string>> = {
  open: "is cut: look for a broken wire or a loose plug",
  short: "is shorted: look for a crushed cable",
  stuck: "has been pressed for 60 s: the button is stuck",
};

/** Volts of a loop at rest that is normal (firmware-bridge/PROTOCOL.md). */
const NORMAL_V = { from: 2.1, to: 2.77 };

/** What is wrong with a loop that is neither normal nor broken. More volts: resistance has been added. */
const degradedBy = (level: number | undefined): string => {
  const corrosion = "corrosion in its plugs, or a loose one";
  const moisture = "moisture in its plugs, cable or button";
  if (level === undefined) return `is degraded: look for ${corrosion}, or ${moisture}`;
  const measured = `reads ${level.toFixed(1)} V`;
  if (level >= NORMAL_V.from && level <= NORMAL_V.to)
    return `${measured}, and comes and goes: look for a loose plug, or a wire that touches ground`;
  return `${measured} instead of 2.5 V: look for ${level > NORMAL_V.to ? corrosion : moisture}`;
};

/**
 * Passes on the board's messages: presses to the emergency ring, everything else as faults and health. `buttons`: by
 * configured name.
 */
export const listenToBoard = (buttons: Buttons, emergency: EmergencyPart, faults: Faults): BoardListener => ({
  hello: (board, lastNumber) => emergency.give({ kind: "hello", board, lastNumber }),
  press: (press) => emergency.press(press),
  released: (release) => emergency.released(release),
  loop(index, state, level) {
    // What was wrong with the loop before shows again when the button is released.
    if (state === "pressed") return;
    const where = buttonOnLoop(buttons, index)[0];
    const trouble = state === "normal" ? undefined : state;
    const what = `${where} (loop ${index})`;
    emergency.give({ kind: "fault", part: `loop ${index}`, faulty: trouble !== undefined });
    const says = trouble === "degraded" ? degradedBy(level) : trouble && LOOP_FAULTS[trouble];
    // The loop says nothing about the button's contact: `untested` stays.
    for (const code of LOOP_CODES) {
      const ended = trouble ? `it is now ${trouble}: ${what} ${says}` : `${what} is normal again`;
      if (code !== trouble) faults.clear({ part: "panic-loop", where, code }, ended);
    }
    if (trouble) faults.add({ part: "panic-loop", code: trouble, where }, `${what} ${says}`);
  },
  fault: (code, detail) => faults.raise({ part: "panic-board", code }, detail),
  recovered: (detail) => faults.clear({ part: "panic-board" }, detail),
  trouble(code, faulty, detail) {
    const where = TROUBLE_AT[code];
    // A board that was reset works again: for an hour the lamp has more to say than that.
    if (code !== "resets") emergency.give({ kind: "fault", part: `board ${where}`, faulty });
    if (faulty) faults.raise({ part: "panic-board", code, where }, detail);
    else faults.clear({ part: "panic-board", where }, detail);
  },
});

/** What of a list by loop belongs to a button, by the button's name. */
const byButton = <T>(buttons: Buttons, values: readonly T[] | undefined): Record<string, T> =>
  Object.fromEntries(
    Object.entries(buttons).flatMap(([name, { loop }]) => {
      const value = values?.[loop];
      return value === undefined ? [] : [[name, value] as const];
    }),
  );

/** The board's part of the snapshot besides `health`: what is measured at each loop. */
export const boardLoops = (
  { health: { levelsV } }: Pick<PanicBoard, "health">,
  buttons: Buttons,
): Pick<BoardSnapshot, "loopNumbers" | "levelsV"> => ({
  loopNumbers: Object.fromEntries(Object.entries(buttons).map(([name, { loop }]) => [name, loop])),
  ...(levelsV
    ? {
        levelsV: byButton(
          buttons,
          levelsV.map((volts) => Math.round(volts * 100) / 100),
        ),
      }
    : {}),
});

/**
 * The board's part of `health`. Loops have the names of their buttons; a loop without a button is left
 * out.
 */
export const boardHealth = (
  { health }: Pick<PanicBoard, "health">,
  buttons: Buttons,
): NonNullable<HealthData["panicBoard"]> & Pick<BoardSnapshot, "loops"> => {
  const { connected, firmware, degraded, supplyMv, loops, uptimeS, resetCause } = health;
  return {
    connected,
    ...(firmware === undefined ? {} : { firmware }),
    ...(degraded ? { degraded } : {}),
    ...(supplyMv === undefined ? {} : { supplyMv }),
    ...(uptimeS === undefined ? {} : { uptimeS }),
    ...(resetCause === undefined ? {} : { resetCause }),
    ...conditionHealth(health),
    ...(loops ? { loops: byButton(buttons, loops) } : {}),
  };
};
