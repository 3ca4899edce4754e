import { ALL_FAULTS } from "../plan.ts";

/** What the fake unit copes with. */
const KINDS = new Set([
  "press",
  "short press",
  "burst of presses",
  "board reset",
  "board unplugged",
  "link reset",
  "unit killed",
  "power cut",
  "receiver silent",
  "door",
]);

export const FAKE_FAULTS = ALL_FAULTS.filter(({ kind }) => KINDS.has(kind));
