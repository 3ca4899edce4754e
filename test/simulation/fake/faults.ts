import { ALL_FAULTS } from "../plan.ts";

/** What the fake unit copes with. */
const KINDS = new Set([
  "press",
  "short press",
  "held press",
  "burst of presses",
  "press and drill",
  "command",
  "sloppy dispatch",
  "ignition off",
  "door",
  "board reset",
  "board unplugged",
  "board without power",
  "noise on the line",
  "loop broken",
  "link reset",
  "dead address",
  "broker restarts",
  "bus silent",
  "bus away",
  "receiver silent",
  "position jumps",
  "host clock jumps",
  "unit killed",
  "unit restarted",
  "power cut",
]);

export const FAKE_FAULTS = ALL_FAULTS.filter(({ kind }) => KINDS.has(kind));
