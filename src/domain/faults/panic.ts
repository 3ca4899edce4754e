import type { FaultRow } from "./row.ts";

/** Faults of the panic board and of the loops to its buttons. */

const NO_BOARD = "`health.panicBoard.connected` is false. A press does not reach dispatch while this lasts.";

export const PANIC_BOARD = {
  "not-configured": {
    sentence: "No panic board is configured.",
    lamp: "no-host",
    dispatch: "No `health.panicBoard`. No button of this car works.",
    cause: "The configuration has no `panic` block.",
    remedy: "Add the block. If the car has no board, write `panic: none`.",
  },
  programming: {
    sentence: "The panic board is being programmed.",
    lamp: "fault",
    dispatch: `${NO_BOARD} An event \`firmware\` says for how long at most, and another one that it is over.`,
    cause: "A technician runs `flash firmware`.",
    remedy:
      "None: it ends after about 12 s, and after 120 s at the latest. If the board does not answer then, run `flash firmware` again.",
  },
  absent: {
    sentence: "The panic board's device is not there.",
    lamp: "no-host",
    dispatch: NO_BOARD,
    cause: "The board is unplugged, or `panic.port` names another device.",
    remedy:
      "Check the plug. Compare `ls -l /dev/serial/by-id/` with `panic.port`. A board without power shows no light.",
  },
  denied: {
    sentence: "The service may not open the panic board's device.",
    lamp: "no-host",
    dispatch: NO_BOARD,
    cause: "The service's user is not in the group that owns the device.",
    remedy:
      "The supplied service file already adds the service to group dialout. If you run by hand: `usermod -aG dialout USER`, then log in again.",
  },
  unplugged: {
    sentence: "The panic board was lost while it was in use.",
    lamp: "off",
    dispatch: NO_BOARD,
    cause: "The USB plug came loose, or the cable is broken. A board with its own supply shows `no-host`.",
    remedy: "Plug it in again. Presses that the board has latched reach the unit then.",
  },
  silent: {
    sentence: "The panic board's port is open, but the board does not answer.",
    lamp: "no-host",
    dispatch: NO_BOARD,
    cause:
      "The board hangs, it has neither firmware nor boot loader, another device is on this port, or the line drops bytes.",
    remedy:
      "Run `doctor` again; then unplug the board and plug it in again. If that does not help, program it (firmware-bridge/PROTOCOL.md).",
  },
  "boot-loader": {
    sentence: "The panic board answers with its boot loader, and has no firmware that it could start.",
    lamp: "fault",
    dispatch: NO_BOARD,
    cause: "`flash firmware` was killed, or the power was cut while it wrote.",
    remedy: "Run `patrol-unit flash firmware` again.",
  },
  "not-ours": {
    sentence:
      "The panic board runs another firmware. Presses are read, but not latched, and loops are not supervised.",
    lamp: "off",
    dispatch: "`health.panicBoard.degraded` is true. Presses arrive while the service runs; others are lost.",
    cause: "The board was never programmed with this project's firmware.",
    remedy: "Run `patrol-unit flash firmware`: it programs the board, or says how.",
  },
  protocol: {
    sentence: "The panic board speaks another version of the protocol.",
    lamp: "unchanged",
    dispatch: "`health.panicBoard.firmware` has the board's version.",
    cause: "The board's firmware and the unit's software are of different releases.",
    remedy: "Program the board with the image of the installed release (firmware-bridge/PROTOCOL.md).",
  },
  "reset-by-opening": {
    sentence: "Opening the port has reset the panic board. It sees no press for about a second.",
    lamp: "unchanged",
    dispatch: "Nothing else.",
    cause:
      "The board's DTR capacitor, which resets the board when its port is opened, is still connected. This happens once after the board is plugged in.",
    remedy: "Cut the trace of the DTR capacitor, or remove the reset jumper (firmware-bridge/PROTOCOL.md).",
  },
  failed: {
    sentence: "The panic board's device cannot be used.",
    lamp: "no-host",
    dispatch: NO_BOARD,
    cause: "Another program uses the device, it is not a serial port, or the driver reports an error.",
    remedy:
      "Read the event's `detail`. Stop the other program (`fuser -v DEVICE` names it), or correct `panic.port`.",
  },
  "supply-low": {
    sentence: "The panic board's supply is too low. It may stop when the engine is started.",
    lamp: "fault",
    dispatch: "`health.panicBoard.supplyMv` has the millivolts, `supplyCalibrated` whether they are right.",
    cause:
      "The board is fed by USB instead of a regulated 5 V, the regulator or a wire is weak, or the board was calibrated wrongly. Below 4.3 V the board stops.",
    remedy:
      "Measure between 5V and GND of the board: 4.8 to 5.2 V is right. Feed it from a 5 V regulator (firmware-bridge/PROTOCOL.md). If it measures well: `patrol-unit board calibrate`.",
  },
  "lamp-cut": {
    sentence:
      "No current flows through the panic board's lamp. The officer does not see what becomes of a press.",
    lamp: "off",
    dispatch: "Nothing else. Presses work.",
    cause: "A broken wire or a loose plug between board and lamp, or a dead LED.",
    remedy:
      "Check plug, wires and LED. If the car has no sense resistor at A6, remove `panic.lampSense` from the configuration.",
  },
  resets: {
    sentence:
      "The panic board was reset more than three times within an hour. It sees no press while it starts.",
    lamp: "unchanged",
    dispatch: "`health.panicBoard.resetsInHour` has the number, `resetCause` the cause of the last one.",
    cause:
      "`brown-out`, `power`: a loose plug or a weak supply. `reset-line`: the port is opened again and again, with the DTR capacitor connected. `watchdog`: the firmware hangs.",
    remedy:
      "Check plug and supply. Cut the trace of the DTR capacitor. Update the firmware. The fault ends after an hour without a reset.",
  },
} as const satisfies Record<string, FaultRow>;

const LOOP = "`where` names the button. `health.panicBoard.loops` has the state of each.";

export const PANIC_LOOP = {
  open: {
    sentence: "The loop to a button is cut. A press of this button is not seen.",
    lamp: "fault",
    dispatch: LOOP,
    cause:
      "A broken wire or a loose plug. Loops that are not wired need the end-of-line resistor (10 kΩ from loop to ground) too.",
    remedy: "Measure at the board: 2.5 V is normal, 5 V is cut. Repair the wire.",
  },
  short: {
    sentence: "The loop to a button is shorted. A press of this button is not seen.",
    lamp: "fault",
    dispatch: LOOP,
    cause: "A crushed cable, or water in a plug.",
    remedy: "Measure at the board: 2.5 V is normal, 0 V is a short. Repair the cable.",
  },
  degraded: {
    sentence: "The loop to a button is not as it should be. A press may not be seen.",
    lamp: "fault",
    dispatch: `${LOOP} The fault's \`detail\` has the voltage.`,
    cause: "More than 2.5 V: a corroded plug. Less: moisture in a plug, in the cable or in the button.",
    remedy:
      "Measure at the board: 2.1 to 2.7 V is normal. Clean or replace the plugs, dry the button, then press it once.",
  },
  stuck: {
    sentence: "A button has been pressed for 60 s.",
    lamp: "fault",
    dispatch: `${LOOP} The press itself has opened an emergency.`,
    cause: "The button is jammed, or something leans on it.",
    remedy: "Free the button. The loop is normal again once it is released.",
  },
  untested: {
    sentence: "A button has not been pressed for a long time. It may no longer work.",
    lamp: "unchanged",
    dispatch:
      "`where` names the button. `health.panicBoard.buttons` has the days since each was last pressed, and for how long it has been watched.",
    cause:
      "`panic.testEveryDays` (90 by default) have passed without an emergency or a drill from this button. No current flows through its contact at rest, so only a press shows that it works.",
    remedy:
      "Press it as a drill: `patrol-unit drill`, then the button within 60 s. If nothing arrives, replace the button.",
  },
} as const satisfies Record<string, FaultRow>;
