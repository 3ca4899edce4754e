import type { BoardHealth, BoardTrouble } from "../domain/panic.ts";

/** A board that works and is not well: the places of its faults, and its part of `health`. */

/** The `where` of a trouble's fault. Each has its own, so that one does not end another. */
export const TROUBLE_AT: Readonly<Record<BoardTrouble, string>> = {
  "supply-low": "supply",
  "lamp-cut": "lamp",
  resets: "resets",
};

type ConditionHealth = Pick<BoardHealth, "supplyCalibrated" | "resetsInHour">;

/** `health.panicBoard`, as far as supply and resets are concerned. Unknown is absent. */
export const conditionHealth = ({ supplyCalibrated, resetsInHour }: ConditionHealth): ConditionHealth => ({
  ...(supplyCalibrated === undefined ? {} : { supplyCalibrated }),
  ...(resetsInHour === undefined ? {} : { resetsInHour }),
});
