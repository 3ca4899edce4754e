import { loopWord } from "../lib/active-fault.ts";
import { cureOf } from "./cure.ts";
import { sound, trouble, type Finding } from "./finding.ts";

/** What a receiver or a board that was tried, or that the service has open, is found to be. */

/** A device's own fault: its code, and a sentence for this case. */
export type DeviceFault = { readonly code: string; readonly detail: string };

/** `heard`: sentences; `fix`: `none`, or which. */
export const gpsFinding = (
  heard: number,
  fix: string,
  fault: DeviceFault | undefined,
  port: string,
): Finding => {
  if (fault !== undefined || heard === 0)
    return trouble(
      "gps",
      fault?.detail ?? `${port} sends nothing`,
      cureOf("gps", fault?.code ?? "silent") ?? "check its plug, gps.port and gps.baud",
      true,
    );
  return fix === "none"
    ? trouble(
        "gps",
        `${heard} sentences, no fix`,
        "put the antenna under the open sky; a cold start takes minutes",
      )
    : sound("gps", `${heard} sentences, fix ${fix}`);
};

/** `loops`: the state of the loop of each button. */
export const boardFinding = (loops: Readonly<Record<string, string>>): Finding => {
  const bad = Object.entries(loops).filter(([, state]) => state !== "normal" && state !== "pressed");
  if (bad.length === 0) return sound("panic", `the board answers; ${Object.keys(loops).join(", ")}: normal`);
  const remedies = new Set(bad.map(([, state]) => cureOf("panic-loop", state) ?? "Check the loop."));
  return trouble(
    "panic",
    bad.map(([name, state]) => `${name}: ${loopWord(state)}`).join(", "),
    [...remedies].join(" "),
  );
};
