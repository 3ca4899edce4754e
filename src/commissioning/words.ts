import { VSS } from "../domain/vss.ts";
import { currentButton, whyNoDrill } from "./buttons.ts";
import { entriesOf, isOver, isWaiting, type List, type Progress, type Waiting } from "./list.ts";
import { isTried, type Step } from "./plan.ts";
import { isEmergency } from "./seen.ts";
import { howToChange } from "./signals.ts";

/** The list in English. The page has its own words for the same states. */

const TITLES = {
  configuration: "the configuration has no fault",
  clock: "the time is trusted",
  certificate: "the certificate is valid for long enough",
  firmware: "the panic board has the current firmware",
  fix: "the position is accurate",
  broker: "broker",
  button: "button",
  signal: "signal",
  "power-off": "the computer is switched off after the ignition",
} as const;

/** What a step shows. */
export const titleOf = ({
  kind,
  subject,
}: {
  readonly kind: Step["kind"];
  readonly subject?: string | undefined;
}): string => (subject === undefined ? TITLES[kind] : `${TITLES[kind]} ${subject}`);

const seconds = (ms: number): number => Math.max(0, Math.ceil(ms / 1_000));

/** Why a step has not ended yet. */
export const whyItWaits = ({ subject = "" }: Step, progress: Waiting): string => {
  switch (progress.on) {
    case "status":
    case "fix":
    case "broker":
      return progress.why;
    case "signal":
      return progress.first === undefined
        ? `no value of ${subject} has come`
        : `${subject} has not changed: it reads ${progress.first}`;
    case "power-off":
      return progress.ignition === "on" ? "no power-off was scheduled" : "the power-off was not cancelled";
    case "button": {
      const { drill } = progress;
      if (drill.phase === "not-armed") return drill.refusal?.why ?? `${subject} was not pressed`;
      if (drill.phase !== "pressed") return `${subject} was not pressed`;
      return drill.legs.received === undefined && drill.legs.accepted === undefined
        ? "dispatch has not answered the drill"
        : "dispatch has answered the drill, and has not cleared it";
    }
  }
};

/** What of a step's wait is worth a line when it changes: no counters. */
export const phaseOf = (progress: Progress): string => {
  if (!isWaiting(progress)) return progress.state;
  switch (progress.on) {
    case "status":
      return progress.why;
    case "fix":
      return progress.since === undefined ? "not good" : "good";
    case "signal":
      return "signal";
    case "broker":
      return `${progress.tries}`;
    case "power-off":
      return progress.ignition;
    case "button":
      return whyItWaits({ id: "", kind: "button" }, progress);
  }
};

/** How a step ended, in one or two words. */
export const outcomeOf = (progress: Progress): string => {
  switch (progress.state) {
    case "waiting":
      return "waits";
    case "pass":
      return "pass";
    case "fail":
      return "FAIL";
    case "not-fitted":
      return { "not-configured": "not fitted", "cannot-be-tried": "not tried", skipped: "skipped" }[
        progress.cause
      ];
  }
};

/**
 * What is to be done next. `who`: `person` has to do something, `nobody` waits. `action`: what a person is asked for
 * that the list has an event for.
 */
export type Instruction = {
  readonly who: "person" | "nobody";
  readonly says: string;
  readonly action?: "ready";
};

const DRILL_ENDS_S = 600;

const forButton = (list: List, mono: number): Instruction | undefined => {
  const current = currentButton(list);
  if (!current || !list.seen) return undefined;
  const { subject: button } = current.step;
  const { drill } = current.progress;
  if (drill.phase === "pressed") {
    const { received, accepted } = drill.legs;
    const left = DRILL_ENDS_S - seconds(mono - drill.at);
    return received === undefined && accepted === undefined
      ? { who: "nobody", says: `${button} was pressed; dispatch has not answered yet` }
      : {
          who: "nobody",
          says: `${button}: dispatch has received it; it must now clear the drill (else it ends by itself in ${Math.max(0, left)} s)`,
        };
  }
  if (drill.phase === "armed") return { who: "person", says: `press ${button} now, once: it is a drill` };
  if (drill.phase === "asking") return { who: "nobody", says: "a drill is being armed" };
  const why = whyNoDrill(list.seen.status) ?? drill.refusal?.why;
  if (why !== undefined) return { who: "nobody", says: `${button}: ${why}` };
  return list.asks
    ? { who: "person", says: `go to ${button}; say when you are ready to press it`, action: "ready" }
    : { who: "nobody", says: "a drill is being armed" };
};

const meaningOf = (path: string): string | undefined => VSS.find((signal) => signal.path === path)?.meaning;

const forSignal = (list: List): Instruction | undefined => {
  const waiting = entriesOf(list, "signal").filter(({ progress }) => isWaiting(progress));
  // What nobody can change ends by itself.
  const next = waiting.find(({ step }) => isTried(list.plan.fitted, step.subject ?? "")) ?? waiting[0];
  if (!next) return undefined;
  const path = next.step.subject ?? "";
  const meaning = meaningOf(path);
  const what = meaning === undefined ? path : `${path} (${meaning})`;
  const first =
    next.progress.state === "waiting" && next.progress.on === "signal" ? next.progress.first : undefined;
  if (first === undefined) return { who: "person", says: `${what}: no value has come; is the ignition on?` };
  return { who: "person", says: `${what} reads ${first}: ${howToChange(path)}` };
};

const forPower = (list: List): Instruction | undefined => {
  const [entry] = entriesOf(list, "power-off");
  if (!entry || !isWaiting(entry.progress) || entry.progress.on !== "power-off") return undefined;
  const { power } = list.plan.fitted;
  const afterS = power.kind === "declared" ? power.offAfterS : 0;
  return entry.progress.ignition === "on"
    ? {
        who: "person",
        says: `switch the ignition off and leave everything alone: after ${afterS} s a power-off must be scheduled`,
      }
    : { who: "person", says: "switch the ignition ON within a minute: the power-off must be cancelled" };
};

const forRest = ({ entries }: List): Instruction => {
  const waiting = entries.find(({ progress }) => isWaiting(progress));
  if (!waiting || !isWaiting(waiting.progress)) return { who: "nobody", says: "every step has ended" };
  return { who: "nobody", says: whyItWaits(waiting.step, waiting.progress) };
};

/** What a technician does next. Buttons first, then signals: what a press needs comes first. */
export const nextInstruction = (list: List, mono: number): Instruction => {
  if (list.broken !== undefined) return { who: "person", says: list.broken };
  if (isOver(list)) return { who: "nobody", says: "every step has ended" };
  if (list.seen && isEmergency(list.seen.status))
    return { who: "person", says: "a REAL emergency is open: do not press again, and call dispatch" };
  return forButton(list, mono) ?? forSignal(list) ?? forPower(list) ?? forRest(list);
};
