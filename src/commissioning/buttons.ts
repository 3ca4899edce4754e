import type { Figures } from "../domain/commissioning.ts";
import {
  fail,
  isWaiting,
  pass,
  type Drill,
  type Entry,
  type List,
  type Progress,
  type Waiting,
} from "./list.ts";
import { quote, say, type Saying } from "./saying.ts";
import { isEmergency, isOpen, type Legs, type Seen, type SeenEpisode } from "./seen.ts";

/**
 * Each button is pressed as a drill. The unit allows one drill at a time (contract §5): the next one is armed when
 * the last has ended, because dispatch has cleared it, or by itself after 10 minutes. A technician cannot end one.
 */

type OnButton = Waiting & { readonly on: "button" };

/** Drills that are armed for one button, 60 s each. If none of them brings a press, the button has failed. */
export const ARMED_MAX = 3;
/** After a refusal the unit is asked again after this time. */
const ASK_AGAIN_MS = 3_000;
/** A status that was read before the drill was armed does not know it yet. */
const ARMING_MS = 2_000;

const isButton = (progress: Progress): progress is OnButton =>
  isWaiting(progress) && progress.on === "button";

/** The button whose turn it is: the one that was pressed, else the first that waits. */
export const currentButton = ({ entries }: List): (Entry & { readonly progress: OnButton }) | undefined => {
  const waiting = entries.flatMap((entry) =>
    isButton(entry.progress) ? [{ ...entry, progress: entry.progress }] : [],
  );
  return waiting.find(({ progress }) => progress.drill.phase === "pressed") ?? waiting[0];
};

const figuresOf = (legs: Legs): Figures =>
  Object.fromEntries(
    Object.entries(legs).flatMap(([stage, ms]) => (ms === undefined ? [] : [[`${stage}Ms`, ms] as const])),
  );

/** A stage counts as reached when a later one is. */
const isReceived = ({ received, accepted }: Legs): boolean =>
  received !== undefined || accepted !== undefined;

const ofEpisode = (found: SeenEpisode, at: number): Progress => {
  const { legs, episode } = found;
  if (isOpen(found))
    return { state: "waiting", on: "button", drill: { phase: "pressed", episode, at, legs } };
  return isReceived(legs) ? pass(figuresOf(legs)) : fail(say("drill-nobody"), figuresOf(legs));
};

/** The drill that this button has begun since the list began. */
const drillOf = (button: string, { before }: List, { episodes }: Seen): SeenEpisode | undefined =>
  episodes.findLast((one) => one.test && one.button === button && !before.includes(one.episode));

const missedOne = (missed: number): Progress =>
  missed >= ARMED_MAX
    ? fail(say("press-never", ARMED_MAX))
    : { state: "waiting", on: "button", drill: { phase: "not-armed", missed } };

/** What a status says of one button. A drill that is not armed any more without a press was missed. */
export const observeButton = (
  before: OnButton,
  button: string,
  list: List,
  seen: Seen,
  mono: number,
): Progress => {
  const { drill } = before;
  const found = drillOf(button, list, seen);
  if (found) return ofEpisode(found, drill.phase === "pressed" ? drill.at : mono);
  if (drill.phase === "pressed") return fail(say("drill-unknown"));
  if (drill.phase !== "armed" || seen.drillArmed || mono - drill.at < ARMING_MS) return before;
  // Another button was pressed: that is its drill.
  const isElsewhere = seen.episodes.some((one) => one.test && isOpen(one));
  return missedOne(isElsewhere ? drill.missed : drill.missed + 1);
};

/** Why no drill can be armed now, for a person. Undefined: one can be. */
export const whyNoDrill = (seen: Seen): Saying | undefined => {
  if (isEmergency(seen)) return say("emergency");
  if (seen.episodes.some(isOpen)) return say("drill-open");
  return seen.board?.connected === true ? undefined : say("board-away");
};

const withDrill = (list: List, id: string, drill: Drill): List => ({
  ...list,
  entries: list.entries.map((entry) =>
    entry.step.id === id ? { ...entry, progress: { state: "waiting", on: "button", drill } } : entry,
  ),
});

/** Arms a drill for the button whose turn it is, if that can be done now. Undefined: it cannot. */
export const arm = (list: List, mono: number): List | undefined => {
  const current = currentButton(list);
  const { drill } = current?.progress ?? {};
  if (!current || drill?.phase !== "not-armed" || !list.seen) return undefined;
  if (whyNoDrill(list.seen.status) !== undefined || list.seen.status.drillArmed) return undefined;
  if (!list.asks && drill.refusal && mono - drill.refusal.at < ASK_AGAIN_MS) return undefined;
  return withDrill(list, current.step.id, { phase: "asking", missed: drill.missed });
};

/** The unit's answer to an order to arm a drill. */
export const armed = (list: List, why: string | undefined, mono: number): List => {
  const current = list.entries.find(
    ({ progress }) => isButton(progress) && progress.drill.phase === "asking",
  );
  if (!current || !isButton(current.progress) || current.progress.drill.phase !== "asking") return list;
  const { missed } = current.progress.drill;
  return withDrill(
    list,
    current.step.id,
    why === undefined
      ? { phase: "armed", missed, at: mono }
      : { phase: "not-armed", missed, refusal: { why: quote(why), at: mono } },
  );
};

/** Whether a drill is armed, or is being armed, for this list. */
export const isArmed = ({ entries }: List): boolean =>
  entries.some(({ progress }) => isButton(progress) && ["asking", "armed"].includes(progress.drill.phase));
