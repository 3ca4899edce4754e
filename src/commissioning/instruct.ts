import { VSS } from "../domain/vss.ts";
import { currentButton, whyNoDrill } from "./buttons.ts";
import { entriesOf, isOver, isWaiting, type List } from "./list.ts";
import { isTried } from "./plan.ts";
import { quote, say, type Saying } from "./saying.ts";
import { isEmergency } from "./seen.ts";
import { howToChange } from "./signals.ts";
import { whyItWaits } from "./waiting.ts";

/**
 * What is to be done next. `who`: `person` has to do something, `nobody` waits. `action`: what a person is asked for
 * that the list has an event for.
 */
export type Instruction = {
  readonly who: "person" | "nobody";
  readonly says: Saying;
  readonly action?: "ready";
};

const DRILL_ENDS_S = 600;

const seconds = (ms: number): number => Math.max(0, Math.ceil(ms / 1_000));

const nobody = (says: Saying): Instruction => ({ who: "nobody", says });
const person = (says: Saying): Instruction => ({ who: "person", says });

const forButton = (list: List, mono: number): Instruction | undefined => {
  const current = currentButton(list);
  if (!current || !list.seen) return undefined;
  const { subject: button = "" } = current.step;
  const { drill } = current.progress;
  if (drill.phase === "pressed") {
    const { received, accepted } = drill.legs;
    const leftS = Math.max(0, DRILL_ENDS_S - seconds(mono - drill.at));
    return nobody(
      received === undefined && accepted === undefined
        ? say("pressed", button)
        : say("received", button, leftS),
    );
  }
  if (drill.phase === "armed") return person(say("press", button));
  if (drill.phase === "asking") return nobody(say("drill-arming"));
  const why = whyNoDrill(list.seen.status) ?? drill.refusal?.why;
  if (why !== undefined) return nobody([...quote(button), ...why]);
  return list.asks ? { ...person(say("go", button)), action: "ready" } : nobody(say("drill-arming"));
};

const meaningOf = (path: string): string => VSS.find((signal) => signal.path === path)?.meaning ?? "";

const forSignal = (list: List): Instruction | undefined => {
  const waiting = entriesOf(list, "signal").filter(({ progress }) => isWaiting(progress));
  // What nobody can change ends by itself.
  const next = waiting.find(({ step }) => isTried(list.plan.fitted, step.subject ?? "")) ?? waiting[0];
  if (!next) return undefined;
  const path = next.step.subject ?? "";
  const first =
    next.progress.state === "waiting" && next.progress.on === "signal" ? next.progress.first : undefined;
  return person(
    first === undefined
      ? say("signal-ask", path, meaningOf(path))
      : [...say("signal-change", path, meaningOf(path), `${first}`), ...howToChange(path)],
  );
};

const forPower = (list: List): Instruction | undefined => {
  const [entry] = entriesOf(list, "power-off");
  if (!entry || !isWaiting(entry.progress) || entry.progress.on !== "power-off") return undefined;
  const { power } = list.plan.fitted;
  const afterS = power.kind === "declared" ? power.offAfterS : 0;
  return person(entry.progress.ignition === "on" ? say("power-off", afterS) : say("power-on"));
};

const forRest = ({ entries }: List): Instruction => {
  const waiting = entries.find(({ progress }) => isWaiting(progress));
  if (!waiting || !isWaiting(waiting.progress)) return nobody(say("over"));
  return nobody(whyItWaits(waiting.step, waiting.progress));
};

/** What a technician does next. Buttons first, then signals: what a press needs comes first. */
export const nextInstruction = (list: List, mono: number): Instruction => {
  if (list.broken !== undefined) return person(list.broken);
  if (isOver(list)) return nobody(say("over"));
  if (list.seen && isEmergency(list.seen.status)) return person(say("emergency-stop"));
  return forButton(list, mono) ?? forSignal(list) ?? forPower(list) ?? forRest(list);
};
