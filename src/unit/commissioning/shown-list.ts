import { currentButton } from "../../commissioning/buttons.ts";
import { nextInstruction } from "../../commissioning/instruct.ts";
import { isWaiting, type Entry, type List } from "../../commissioning/list.ts";
import { whyItWaits } from "../../commissioning/waiting.ts";
import type { ListSnapshot, StepSnapshot } from "../../domain/snapshot/commissioning.ts";

/** A list as the page shows it. */

const shownStep = ({ step, progress }: Entry): StepSnapshot => {
  const { id, kind, subject } = step;
  const named = { id, kind, ...(subject === undefined ? {} : { subject }), state: progress.state };
  if (isWaiting(progress)) return { ...named, says: whyItWaits(step, progress) };
  return {
    ...named,
    ...(progress.state === "not-fitted" ? { cause: progress.cause } : {}),
    ...(progress.state === "pass" ? {} : { says: progress.reason }),
    ...(progress.figures === undefined ? {} : { figures: progress.figures }),
  };
};

/** The step of the button for which a drill is armed when somebody says that he is ready. Undefined: none can be. */
export const readyStep = (list: List, mono: number): string | undefined =>
  nextInstruction(list, mono).action === "ready" ? currentButton(list)?.step.id : undefined;

/** `about`: what the list itself does not know. */
export const shownList = (
  list: List,
  mono: number,
  about: Pick<ListSnapshot, "technician" | "leftS" | "over">,
): ListSnapshot => {
  const ready = readyStep(list, mono);
  const { who, says: now } = nextInstruction(list, mono);
  return {
    ...about,
    now,
    who,
    ...(ready === undefined ? {} : { ready }),
    steps: list.entries.map((entry) => shownStep(entry)),
  };
};
