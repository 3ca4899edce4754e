import type { PressLeg, Said, Step, Trouble } from "../domain/demo.ts";

/**
 * What the demo tells of what happens: the lines of its log and the steps of its guided path. Pure: (story, happening)
 * gives the next story and what is said. Times are milliseconds of a clock that never jumps.
 */

export type Happening =
  /** The visitor presses the drawn button. */
  | { readonly kind: "press" }
  /** The board's lamp changes. */
  | { readonly kind: "lamp"; readonly lamp: string }
  | { readonly kind: "trouble"; readonly trouble: Trouble; readonly on: boolean }
  /** The unit's process runs. */
  | { readonly kind: "started" }
  /** It has ended, and nobody has cut its power. */
  | { readonly kind: "died" }
  /** Dispatch hears a live position. */
  | { readonly kind: "position"; readonly kmh: number }
  /** Dispatch hears an emergency. */
  | { readonly kind: "emergency"; readonly episode: string; readonly presses: number }
  | { readonly kind: "answer"; readonly stage: string; readonly by?: string | undefined }
  | { readonly kind: "state"; readonly state: "online" | "offline" }
  | { readonly kind: "fault"; readonly part: string; readonly code: string; readonly over: boolean }
  | { readonly kind: "history"; readonly reports: number };

/** The newest press that the board has seen. */
type Press = {
  readonly at: number;
  /** The legs that are behind it. */
  readonly legs: readonly PressLeg[];
  /** It was made while dispatch could not be reached. */
  readonly cutOff: boolean;
};

export type Story = {
  readonly troubles: readonly Trouble[];
  readonly done: readonly Step[];
  readonly lamp: string;
  readonly press: Press | undefined;
  /** When the oldest press was made that dispatch does not have. */
  readonly unheardSince: number | undefined;
  /** Presses that dispatch has, by episode, oldest first. */
  readonly heard: readonly (readonly [episode: string, presses: number])[];
  /** When the unit was started. */
  readonly startedAt: number;
  readonly online: boolean | undefined;
};

export type Told = { readonly story: Story; readonly said: readonly Said[] };

export const FIRST: Story = {
  troubles: [],
  done: [],
  lamp: "off",
  press: undefined,
  unheardSince: undefined,
  heard: [],
  startedAt: 0,
  online: undefined,
};

/** Faster than this the car counts as moving, km/h. */
const MOVING_KMH = 5;
/** Episodes that are remembered. The oldest is forgotten. */
const MOST_EPISODES = 50;

const done = (story: Story, ...steps: readonly Step[]): Story => {
  const fresh = steps.filter((step) => !story.done.includes(step));
  return fresh.length === 0 ? story : { ...story, done: [...story.done, ...fresh] };
};

const isLeg = (lamp: string): lamp is PressLeg => lamp === "latched" || lamp === "stored" || lamp === "sent";

const isAnswer = (lamp: string): boolean => lamp === "received" || lamp === "accepted";

/** Whether what the car sends arrives nowhere. */
const isCutOff = ({ troubles }: Story): boolean => troubles.includes("tunnel") || troubles.includes("broker");

const pressed = (story: Story, now: number): Told => {
  const why = (["power", "loop"] as const).find((trouble) => story.troubles.includes(trouble));
  if (why !== undefined) return { story, said: [{ kind: "unseen", why }] };
  const press = { at: now, legs: [], cutOff: isCutOff(story) };
  const next = { ...story, press, unheardSince: story.unheardSince ?? now };
  return { story: done(next, "press"), said: [{ kind: "pressed" }] };
};

const shown = (story: Story, lamp: string, now: number): Told => {
  if (lamp === story.lamp) return { story, said: [] };
  const { press } = story;
  let next: Story = { ...story, lamp };
  if (isAnswer(lamp)) next = done(next, "answer");
  // Until then a further press belongs to the emergency that dispatch has answered, and the lamp says so.
  if (isAnswer(story.lamp) && lamp === "idle") next = done(next, "clear");
  // A leg is a part of a press only once: after a restart the lamp shows the same for the open emergency.
  if (!press || !isLeg(lamp) || press.legs.includes(lamp))
    return { story: next, said: [{ kind: "lamp", lamp }] };
  next = { ...next, press: { ...press, legs: [...press.legs, lamp] } };
  if (lamp === "stored" && press.cutOff) next = done(next, "tunnel");
  return { story: next, said: [{ kind: "leg", leg: lamp, ms: now - press.at }] };
};

const emergency = (story: Story, episode: string, presses: number, now: number): Told => {
  const before = story.heard.find(([known]) => known === episode)?.[1] ?? 0;
  if (presses <= before) return { story, said: [] };
  const others = story.heard.filter(([known]) => known !== episode);
  const heard = [...others, [episode, presses] as const].slice(-MOST_EPISODES);
  const { unheardSince, press } = story;
  let next: Story = { ...story, heard, unheardSince: undefined };
  // The broker sends an emergency that it has kept to a console that connects again: no press waits then.
  if (unheardSince === undefined) return { story: next, said: [] };
  next = done(next, "heard", ...(press?.cutOff && story.done.includes("tunnel") ? (["leave"] as const) : []));
  return { story: next, said: [{ kind: "leg", leg: "dispatch", ms: now - unheardSince }] };
};

const troubled = (story: Story, trouble: Trouble, on: boolean, now: number): Told => {
  if (story.troubles.includes(trouble) === on) return { story, said: [] };
  const troubles = on ? [...story.troubles, trouble] : story.troubles.filter((one) => one !== trouble);
  const startedAt = trouble === "power" && !on ? now : story.startedAt;
  return { story: { ...story, troubles, startedAt }, said: [{ kind: "trouble", trouble, on }] };
};

const moved = (story: Story, kmh: number): Told => {
  const next = kmh < MOVING_KMH ? story : done(story, "moves");
  return { story: next, said: next === story ? [] : [{ kind: "moves", kmh: Math.round(kmh) }] };
};

/** What happens next. `now`: milliseconds of a clock that never jumps. */
export const tell = (story: Story, happening: Happening, now: number): Told => {
  switch (happening.kind) {
    case "press":
      return pressed(story, now);
    case "lamp":
      return shown(story, happening.lamp, now);
    case "trouble":
      return troubled(story, happening.trouble, happening.on, now);
    case "started":
      return { story, said: [{ kind: "starts", ms: now - story.startedAt }] };
    case "died":
      return { story: { ...story, troubles: [...story.troubles, "power"] }, said: [{ kind: "died" }] };
    case "position":
      return moved(story, happening.kmh);
    case "emergency":
      return emergency(story, happening.episode, happening.presses, now);
    case "state": {
      const online = happening.state === "online";
      if (online === story.online) return { story, said: [] };
      return { story: { ...story, online }, said: [{ kind: "unit", state: happening.state }] };
    }
    case "answer":
    case "fault":
    case "history":
      return { story, said: [happening] };
  }
};
