import { isWaiting, type Progress, type Waiting } from "./list.ts";
import type { Step } from "./plan.ts";
import { say, type Saying } from "./saying.ts";

const ofDrill = (subject: string, { drill }: Waiting & { on: "button" }): Saying => {
  if (drill.phase === "not-armed") return drill.refusal?.why ?? say("press-none", subject);
  if (drill.phase !== "pressed") return say("press-none", subject);
  return drill.legs.received === undefined && drill.legs.accepted === undefined
    ? say("drill-unanswered")
    : say("drill-uncleared");
};

/** Why a step has not ended yet. */
export const whyItWaits = ({ subject = "" }: Step, progress: Waiting): Saying => {
  switch (progress.on) {
    case "status":
    case "fix":
    case "broker":
      return progress.why;
    case "signal":
      return progress.first === undefined
        ? say("signal-none", subject)
        : say("signal-same", subject, `${progress.first}`);
    case "power-off":
      return say(progress.ignition === "on" ? "power-unscheduled" : "power-uncancelled");
    case "button":
      return ofDrill(subject, progress);
  }
};

/** What of a step's wait is worth a line when it changes: no counters. */
export const phaseOf = (progress: Progress): string => {
  if (!isWaiting(progress)) return progress.state;
  switch (progress.on) {
    case "status":
      return JSON.stringify(progress.why);
    case "fix":
      return progress.since === undefined ? "not good" : "good";
    case "signal":
      return "signal";
    case "broker":
      return `${progress.tries}`;
    case "power-off":
      return progress.ignition;
    case "button":
      return JSON.stringify(ofDrill("", progress));
  }
};
