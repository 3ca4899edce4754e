import type { Episode, Pressed, Stage } from "../domain/episode.ts";
import type { Copy, CountedPresses, EmergencyMemory } from "../domain/memory.ts";
import type { BoardPress } from "../domain/panic.ts";
import { lampOf, type LampWish } from "./lamp.ts";
import {
  advance as advanceEpisodes,
  isOpen,
  NO_EMERGENCY,
  restore as restoreEpisodes,
  type Emergency,
  type EpisodeEffect,
  type EpisodeEvent,
} from "./machine.ts";
import { count, isCounted, meet } from "./presses.ts";

/**
 * The ring from a button to dispatch and back to its lamp: everything that is decided about a press.
 * Pure: (state, event) -> (state, effects). What must survive a restart has a generation: it counts the
 * changes, and `stored` says which generation is on disk. A press is confirmed to its board only as an
 * effect of `stored`: nothing else can confirm it.
 */
export type Ring = {
  readonly emergency: Emergency;
  readonly presses: readonly CountedPresses[];
  /** Counted presses that are not known to be on disk. At most one entry a press. */
  readonly waiting: readonly Waiting[];
  readonly copies: readonly Copy[];
  readonly airbags: readonly string[];
  /** When dispatch last asked for a drill, UTC milliseconds. */
  readonly drillAskedAt?: number | undefined;
  /** Changes of what must survive a restart. */
  readonly generation: number;
  /** Revisions that are not known to be on disk. */
  readonly unstored: readonly Unstored[];
  /** What a press depends on and does not work: parts of the unit by name. */
  readonly faults: readonly string[];
  /** Since when nobody has listened; undefined: somebody does. */
  readonly unheardSince?: number | undefined;
  /** The lamp as it was last shown. */
  readonly lamp?: LampWish | undefined;
};

type Waiting = { readonly press: BoardPress; readonly generation: number };
type Unstored = {
  readonly id: string;
  readonly revision: number;
  readonly generation: number;
  /** When it is published although it is not stored, on the clock of `mono`. */
  readonly publishAt: number;
};

export type RingEvent =
  | {
      readonly kind: "press";
      readonly press: BoardPress;
      /** The id of the episode that this press may open. */
      readonly id: string;
      readonly button: string;
      readonly silent: boolean;
      readonly dark: boolean;
      readonly pressed?: Pressed | undefined;
      readonly mono: number;
      /** The broker that the link is connected to: a copy may stand there. */
      readonly broker?: string | undefined;
    }
  /** An airbag has fired: nobody pressed. `path`: its VSS path. */
  | {
      readonly kind: "airbag";
      readonly path: string;
      readonly id: string;
      readonly pressed: Pressed;
      readonly mono: number;
      readonly broker?: string | undefined;
    }
  | { readonly kind: "airbag-rearmed"; readonly path: string }
  /** A board says which number it gave last. */
  | { readonly kind: "hello"; readonly board: string; readonly lastNumber: number }
  /** `askedAt`: dispatch asks, at this time (UTC milliseconds); else somebody in the car does. */
  | { readonly kind: "drill"; readonly mono: number; readonly askedAt?: number | undefined }
  | { readonly kind: "no-drill" }
  /** What the ring must remember is on disk up to this generation; or cannot be stored now. */
  | { readonly kind: "stored"; readonly generation: number }
  | { readonly kind: "not-stored"; readonly generation: number }
  /** A broker with a subscriber has acknowledged the report of a revision. */
  | { readonly kind: "sent"; readonly id: string; readonly revision: number }
  | {
      readonly kind: "ack";
      readonly id: string;
      readonly stage: Exclude<Stage, "active">;
      readonly by?: string | undefined;
      readonly at?: string | undefined;
      readonly mono: number;
      /** The broker that the link is connected to. */
      readonly broker?: string | undefined;
    }
  /** An episode is about to be published to a broker. */
  | { readonly kind: "publishing"; readonly id: string; readonly broker: string }
  /** Nothing of an episode is left on a broker. */
  | { readonly kind: "removed"; readonly id: string; readonly broker: string }
  | { readonly kind: "connected"; readonly mono: number }
  /** Somebody listens, or nobody does. */
  | { readonly kind: "listening"; readonly listening: boolean; readonly mono: number }
  | { readonly kind: "fault"; readonly part: string; readonly faulty: boolean }
  /** `connected`: something can be published now. */
  | { readonly kind: "tick"; readonly mono: number; readonly connected: boolean };

export type RingEffect =
  /** Make a new report of an episode; it is published once it is stored. */
  | { readonly kind: "report"; readonly episode: Episode }
  /** Put what the ring must remember on disk, then say `stored` or `not-stored` with this generation. */
  | { readonly kind: "store"; readonly generation: number }
  /** Publish the report of an episode as it stands. */
  | { readonly kind: "publish"; readonly id: string }
  /** The report as it stands, with this attempt, is published again. */
  | { readonly kind: "repeat"; readonly episode: Episode }
  /** The press is on disk: the board need not keep it. */
  | { readonly kind: "confirm"; readonly press: BoardPress }
  /** What led up to a press is kept: it opened this episode or counts in it. */
  | { readonly kind: "evidence"; readonly id: string; readonly test: boolean }
  | { readonly kind: "lamp"; readonly lamp: LampWish }
  /** Remove what is left of an episode from a broker. */
  | { readonly kind: "remove"; readonly id: string; readonly broker: string }
  | { readonly kind: "forget"; readonly id: string }
  | { readonly kind: "refused"; readonly why: string };

export type RingStep = { readonly ring: Ring; readonly effects: readonly RingEffect[] };

const NO_RING: Ring = {
  emergency: NO_EMERGENCY,
  presses: [],
  waiting: [],
  copies: [],
  airbags: [],
  generation: 0,
  unstored: [],
  faults: [],
};

/** A disk that has not answered by then is not waited for: the report goes out from memory. */
const STORE_MS = 1_000;
/** Without a listener for this long the lamp says so (contract §5). */
const NO_LINK_MS = 60_000;
/** Dispatch may ask for one drill in this time. */
const DRILL_EVERY_MS = 600_000;
const AIRBAG = "airbag";

export const isEmergencyOpen = ({ emergency }: Ring): boolean => emergency.episodes.some(isOpen);

/** A real one: a drill does not count. */
const isRealEmergencyOpen = ({ emergency }: Ring): boolean =>
  emergency.episodes.some((episode) => isOpen(episode) && !episode.test);

export const copiesOf = ({ copies }: Ring, id: string): string[] =>
  copies.filter(({ episode }) => episode === id).map(({ broker }) => broker);

/** The memory's section, but for the reports, which the caller keeps. */
export const toMemory = (ring: Ring): Omit<EmergencyMemory, "episodes"> => ({
  presses: [...ring.presses],
  copies: [...ring.copies],
  airbags: [...ring.airbags],
  ...(ring.drillAskedAt === undefined ? {} : { drillAskedAt: ring.drillAskedAt }),
});

/** The ring after a restart at `mono`. */
export const restore = (memory: EmergencyMemory, mono: number): Ring => ({
  ...NO_RING,
  emergency: restoreEpisodes(
    memory.episodes.map(({ episode }) => episode),
    mono,
  ),
  presses: memory.presses,
  copies: memory.copies,
  airbags: memory.airbags,
  drillAskedAt: memory.drillAskedAt,
  unheardSince: mono,
});

const noted = (ring: Ring, id: string, broker: string | undefined): Ring => {
  if (broker === undefined || ring.copies.some((one) => one.episode === id && one.broker === broker))
    return ring;
  return { ...ring, copies: [...ring.copies, { episode: id, broker }] };
};

/** A change that must survive a restart. */
const toStore = (ring: Ring, effects: readonly RingEffect[]): RingStep => {
  const generation = ring.generation + 1;
  return { ring: { ...ring, generation }, effects: [...effects, { kind: "store", generation }] };
};

type Changing = { readonly mono: number; readonly broker?: string | undefined };

/** Lets the episodes advance. What is reported anew is stored, and published once that is done. */
const episodes = (ring: Ring, event: EpisodeEvent, { mono, broker }: Changing): RingStep => {
  const step = advanceEpisodes(ring.emergency, event);
  let now: Ring = { ...ring, emergency: step.emergency };
  const effects: RingEffect[] = [];
  let kept = false;
  for (const effect of step.effects) {
    effects.push(effect);
    if (effect.kind === "report") now = withUnstored(noted(now, effect.episode.id, broker), effect, mono);
    if (effect.kind === "report" || effect.kind === "forget") kept = true;
    if (effect.kind === "forget") effects.push(...removals(now, effect.id));
  }
  return kept ? toStore(now, effects) : { ring: now, effects };
};

const withUnstored = (ring: Ring, { episode }: EpisodeEffect & { kind: "report" }, mono: number): Ring => ({
  ...ring,
  unstored: [
    ...ring.unstored.filter(({ id }) => id !== episode.id),
    {
      id: episode.id,
      revision: episode.revision,
      generation: ring.generation + 1,
      publishAt: mono + STORE_MS,
    },
  ],
});

/** Removes what is left of an episode that is over. */
const removals = (ring: Ring, id: string): RingEffect[] =>
  copiesOf(ring, id).map((broker) => ({ kind: "remove", id, broker }));

const press = (ring: Ring, event: RingEvent & { kind: "press" }): RingStep => {
  if (isCounted(ring.presses, event.press)) {
    const waits = ring.waiting.some(({ press: one }) => samePress(one, event.press));
    // Not on disk yet: the board repeats, and storing is tried again. Else it has not heard that it is.
    return waits
      ? { ring, effects: [{ kind: "store", generation: ring.generation }] }
      : { ring, effects: [{ kind: "confirm", press: event.press }] };
  }
  const { id, button, silent, dark, pressed, mono } = event;
  const counted: Ring = {
    ...ring,
    presses: count(ring.presses, event.press),
    waiting: [...ring.waiting, { press: event.press, generation: ring.generation + 1 }],
  };
  const { count: presses } = event.press;
  const rest = { id, button, silent, dark, pressed, mono, count: presses, automatic: false } as const;
  return withEvidence(episodes(counted, { kind: "press", ...rest }, event));
};

const samePress = (one: BoardPress, other: BoardPress): boolean =>
  one.board === other.board && one.number === other.number;

const withEvidence = ({ ring, effects }: RingStep): RingStep => ({
  ring,
  effects: effects.flatMap((effect): RingEffect[] =>
    effect.kind === "report"
      ? [effect, { kind: "evidence", id: effect.episode.id, test: effect.episode.test }]
      : [effect],
  ),
});

const airbag = (ring: Ring, event: RingEvent & { kind: "airbag" }): RingStep => {
  if (ring.airbags.includes(event.path)) return { ring, effects: [] };
  const { id, pressed, mono } = event;
  const fired = { ...ring, airbags: [...ring.airbags, event.path] };
  const rest = { id, pressed, mono, button: AIRBAG, count: 1, automatic: true } as const;
  return withEvidence(episodes(fired, { kind: "press", silent: false, dark: false, ...rest }, event));
};

/** What is on disk now: its presses are confirmed, its reports are published. */
const stored = (ring: Ring, generation: number): RingStep => {
  const onDisk = (one: { readonly generation: number }) => one.generation <= generation;
  const done = ring.unstored.filter(onDisk);
  let { emergency } = ring;
  for (const { id, revision } of done)
    ({ emergency } = advanceEpisodes(emergency, { kind: "stored", id, revision }));
  return {
    ring: {
      ...ring,
      emergency,
      waiting: ring.waiting.filter((one) => !onDisk(one)),
      unstored: ring.unstored.filter((one) => !onDisk(one)),
    },
    effects: [
      ...ring.waiting.filter(onDisk).map(({ press: one }): RingEffect => ({ kind: "confirm", press: one })),
      ...done.map(({ id }): RingEffect => ({ kind: "publish", id })),
    ],
  };
};

/** The disk refuses, or does not answer: what waits for it goes out from memory. */
const fromMemory = (ring: Ring, due: (one: Unstored) => boolean): RingStep => ({
  ring: {
    ...ring,
    unstored: ring.unstored.map((one) => (due(one) ? { ...one, publishAt: Infinity } : one)),
  },
  effects: ring.unstored.filter(due).map(({ id }): RingEffect => ({ kind: "publish", id })),
});

/** Why no drill may begin now; undefined: it may. */
const whyNoDrill = (ring: Ring, askedAt: number | undefined): string | undefined => {
  if (isRealEmergencyOpen(ring)) return "an emergency is open: no press is a drill now";
  const since = askedAt === undefined ? Infinity : askedAt - (ring.drillAskedAt ?? -Infinity);
  return Math.abs(since) < DRILL_EVERY_MS ? "dispatch may ask for one drill in 10 minutes" : undefined;
};

const drill = (ring: Ring, { mono, askedAt }: RingEvent & { kind: "drill" }): RingStep => {
  const why = whyNoDrill(ring, askedAt);
  if (why !== undefined) return { ring, effects: [{ kind: "refused", why }] };
  const { emergency } = advanceEpisodes(ring.emergency, { kind: "drill", mono });
  const armed = { ...ring, emergency };
  return askedAt === undefined
    ? { ring: armed, effects: [] }
    : toStore({ ...armed, drillAskedAt: askedAt }, []);
};

const acknowledge = (ring: Ring, event: RingEvent & { kind: "ack" }): RingStep => {
  const { id, stage, by, at, mono, broker } = event;
  const step = episodes(ring, { kind: "ack", id, stage, by, at, mono }, event);
  // An episode that this unit knows nothing of any more can still be removed from the broker that shows it.
  const known = ring.emergency.episodes.some((episode) => episode.id === id);
  if (known || stage !== "cleared" || broker === undefined) return step;
  return { ...step, effects: [...step.effects, { kind: "remove", id, broker }] };
};

const tick = (ring: Ring, { mono, connected }: RingEvent & { kind: "tick" }): RingStep => {
  const ticked = episodes(ring, { kind: "tick", mono, connected }, { mono });
  const late = fromMemory(ticked.ring, ({ publishAt }) => publishAt <= mono);
  return { ring: late.ring, effects: [...ticked.effects, ...late.effects] };
};

/** Copies of episodes that are over: they are removed at each new connection. */
const sweep = (ring: Ring): RingEffect[] =>
  ring.copies
    .filter(({ episode }) => !ring.emergency.episodes.some(({ id }) => id === episode))
    .map(({ episode, broker }) => ({ kind: "remove", id: episode, broker }));

const without = (ring: Ring, id: string, broker: string): RingStep => {
  const copies = ring.copies.filter((one) => one.episode !== id || one.broker !== broker);
  return copies.length === ring.copies.length ? { ring, effects: [] } : toStore({ ...ring, copies }, []);
};

const publishing = (ring: Ring, id: string, broker: string): RingStep => {
  const now = noted(ring, id, broker);
  return now === ring ? { ring, effects: [] } : toStore(now, []);
};

const withFault = (ring: Ring, part: string, faulty: boolean): Ring => {
  const others = ring.faults.filter((one) => one !== part);
  return { ...ring, faults: faulty ? [...others, part] : others };
};

const decide = (ring: Ring, event: RingEvent): RingStep => {
  switch (event.kind) {
    case "press":
      return press(ring, event);
    case "airbag":
      return airbag(ring, event);
    case "airbag-rearmed":
      return ring.airbags.includes(event.path)
        ? toStore({ ...ring, airbags: ring.airbags.filter((path) => path !== event.path) }, [])
        : { ring, effects: [] };
    case "hello": {
      const presses = meet(ring.presses, event.board, event.lastNumber);
      return presses === ring.presses ? { ring, effects: [] } : toStore({ ...ring, presses }, []);
    }
    case "drill":
      return drill(ring, event);
    case "no-drill":
      return {
        ring: { ...ring, emergency: advanceEpisodes(ring.emergency, { kind: "no-drill" }).emergency },
        effects: [],
      };
    case "stored":
      return stored(ring, event.generation);
    case "not-stored":
      return fromMemory(ring, (one) => one.generation <= event.generation && Number.isFinite(one.publishAt));
    case "sent":
      return episodes(ring, event, { mono: 0 });
    case "ack":
      return acknowledge(ring, event);
    case "publishing":
      return publishing(ring, event.id, event.broker);
    case "removed":
      return without(ring, event.id, event.broker);
    case "connected": {
      const step = episodes(ring, event, event);
      return { ring: step.ring, effects: [...step.effects, ...sweep(step.ring)] };
    }
    case "listening": {
      const since = event.listening ? undefined : (ring.unheardSince ?? event.mono);
      return { ring: { ...ring, unheardSince: since }, effects: [] };
    }
    case "fault":
      return { ring: withFault(ring, event.part, event.faulty), effects: [] };
    case "tick":
      return tick(ring, event);
  }
};

const sameLamp = (one: LampWish | undefined, other: LampWish): boolean =>
  one?.pattern === other.pattern && one.quiet === other.quiet && one.drill === other.drill;

/** `mono`: now, milliseconds on the clock that never jumps. */
export const advance = (before: Ring, event: RingEvent, mono: number): RingStep => {
  const { ring, effects } = decide(before, event);
  const unreachable = ring.unheardSince !== undefined && mono - ring.unheardSince >= NO_LINK_MS;
  const lamp = lampOf(ring.emergency, { faulty: ring.faults.length > 0, unreachable });
  return sameLamp(ring.lamp, lamp)
    ? { ring, effects }
    : { ring: { ...ring, lamp }, effects: [...effects, { kind: "lamp", lamp }] };
};
