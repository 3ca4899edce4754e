import { isWaiting, type Entry, type List, type Progress } from "../../commissioning/list.ts";
import { nextInstruction } from "../../commissioning/instruct.ts";
import { textOf } from "../../commissioning/saying.ts";
import { phaseOf, whyItWaits } from "../../commissioning/waiting.ts";
import { outcomeOf, titleOf } from "../../commissioning/words.ts";
import { ENGLISH } from "../../commissioning/words/english.ts";
import type { Figures } from "../../domain/commissioning.ts";

/** Shows a list while it is worked through. */
export type Display = Disposable & {
  /** The list has changed from `before` to `after`. */
  changed(before: List | undefined, after: List): void;
  /** What is to be done now. */
  instruct(list: List, mono: number): void;
};

const figureText = (figures: Figures): string =>
  Object.entries(figures)
    .map(([name, value]) => `${name} ${value}`)
    .join(", ");

const detailOf = ({ step, progress }: Entry): string => {
  if (isWaiting(progress)) return textOf(whyItWaits(step, progress), ENGLISH);
  if (progress.state === "pass") return figureText(progress.figures ?? {});
  return textOf(progress.reason, ENGLISH);
};

/** One step in a line. */
export const stepLine = (entry: Entry): string => {
  const detail = detailOf(entry);
  return `${outcomeOf(entry.progress).padEnd(10)}  ${titleOf(entry.step)}${detail === "" ? "" : `: ${detail}`}`;
};

/** The steps that are worth a line. */
export const newsIn = (before: List | undefined, { entries }: List): readonly Entry[] =>
  entries.filter(({ progress }, n) => {
    const known = before?.entries[n]?.progress;
    return known === undefined || phaseOf(known) !== phaseOf(progress);
  });

const recordOf = (progress: Progress): object => {
  if (isWaiting(progress)) return {};
  const { state: _, ...rest } = progress;
  return "reason" in rest ? { ...rest, reason: textOf(rest.reason, ENGLISH) } : rest;
};

/** One step as JSON. */
const stepJson = ({ step, progress }: Entry): string =>
  JSON.stringify({
    step: step.id,
    state: progress.state,
    ...(isWaiting(progress) ? { reason: textOf(whyItWaits(step, progress), ENGLISH) } : recordOf(progress)),
  });

/** A line for each change of a step, and for each thing that a person has to do. */
export const plainDisplay = (json: boolean, write: (text: string) => void): Display => {
  let said = "";
  return {
    changed(before, after) {
      for (const entry of newsIn(before, after)) write(`${json ? stepJson(entry) : stepLine(entry)}\n`);
    },
    instruct(list, mono) {
      const { who, says: saying } = nextInstruction(list, mono);
      const says = textOf(saying, ENGLISH);
      if (who !== "person" || says === said) return;
      said = says;
      write(json ? `${JSON.stringify({ do: says })}\n` : `${"now".padEnd(10)}  ${says}\n`);
    },
    [Symbol.dispose]: () => undefined,
  };
};
