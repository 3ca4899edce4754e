import type { CommissioningReport, StepReport } from "../domain/commissioning.ts";
import { REASON_LETTERS } from "../domain/commissioning.ts";
import { isWaiting, type Entry, type List } from "./list.ts";
import { textOf } from "./saying.ts";
import { ENGLISH } from "./words/english.ts";

/** What the report takes from a list that has ended. */

const shortened = (text: string): string =>
  text.length > REASON_LETTERS ? `${text.slice(0, REASON_LETTERS - 1)}…` : text;

const stepOf = ({ step, progress, endedAt }: Entry, { beganAt }: List): StepReport => {
  const { id, kind, subject } = step;
  const named = { id, kind, ...(subject === undefined ? {} : { subject }) };
  const endedS = Math.round(((endedAt ?? beganAt) - beganAt) / 100) / 10;
  if (isWaiting(progress)) return { ...named, outcome: "fail", reason: ENGLISH.says["not-ended"], endedS };
  const { state: outcome, figures } = progress;
  return {
    ...named,
    outcome,
    ...(progress.state === "not-fitted" ? { cause: progress.cause } : {}),
    ...(progress.state === "pass" ? {} : { reason: shortened(textOf(progress.reason, ENGLISH)) }),
    ...(figures === undefined ? {} : { figures }),
    endedS,
  };
};

const resultIn = (steps: readonly StepReport[]): CommissioningReport["result"] => {
  if (steps.some(({ outcome }) => outcome === "fail")) return "failed";
  return steps.some(({ cause }) => cause === "skipped") ? "incomplete" : "passed";
};

/** Steps, result, limits and duration of a list at `mono`. A step that still waits has failed. */
export const resultOf = (
  list: List,
  mono: number,
): Pick<CommissioningReport, "steps" | "result" | "limits" | "seconds"> => {
  const steps = list.entries.map((entry) => stepOf(entry, list));
  return {
    result: resultIn(steps),
    seconds: Math.round((mono - list.beganAt) / 100) / 10,
    limits: { ...list.plan.limits },
    steps,
  };
};
