import type { Copy, CountedPresses, EmergencyMemory } from "../domain/memory.ts";
import type { BoardPress } from "../domain/panic.ts";
import { brokersOf, withCopy, withoutCopy } from "./copies.ts";
import type { RingEffect, RingEvent } from "./events.ts";
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

export type { RingEffect, RingEvent } from "./events.ts";

/**
 * The ring from a button to dispatch and back to its lamp: everything that is decided about a press.
 * Pure: (state, event) -> (state, effects). `generation` counts the changes of what must survive a
 * restart, and `stored` says which generation is on disk. A press is confirmed to its board only as an
 * effect of `stored`: nothing else can confirm it.
 */
export type Ring = {
  /**
   * At most one open episode of each kind (real, drill), and ENDED_MAX episodes whose end is not
   * delivered.
   */
  readonly emergency: Emergency;
  readonly presses: readonly CountedPresses[];
  /**
   * Counted presses that are not known to be on disk: at most one entry for each press, and WAITING_MAX
   * entries.
   */
  readonly waiting: readonly Waiting[];
  readonly copies: readonly Copy[];
  /** Paths of the airbags that have fired: at most AIRBAGS_MAX, the oldest goes first. */
  readonly airbags: readonly string[];
  /** When dispatch last asked for a drill, UTC milliseconds. */
  readonly drillAskedAt?: number | undefined;
  /** Changes of what must survive a restart. */
  readonly generation: number;
  /** The newest generation that is known to be on disk. */
  readonly durable: number;
  /** When storing is tried again after a failure, on the clock of `mono`. */
  readonly retryAt?: number | undefined;
  /** Revisions that are not known to be on disk: at most one for each episode. */
  readonly unstored: readonly Unstored[];
  /** The parts that a press depends on and that fail now, by name: the outbox and the loops. */
  readonly faults: readonly string[];
  /**
   * Since when no broker with a subscriber has been connected, on the clock of `mono`. Undefined: one is
   * connected.
   */
  readonly unheardSince?: number | undefined;
  /** When copies of ended episodes were last looked for, on the clock of `mono`. */
  readonly sweptAt: number;
  /** What the lamp shows now. */
  readonly lamp?: LampWish | undefined;
};

type Waiting = { readonly press: BoardPress; readonly generation: number };
type Unstored = {
  readonly id: string;
  readonly revision: number;
  readonly generation: number;
  /** The generation with its earliest revision that was not on disk: with it the episode is safe. */
  readonly first: number;
  /** When it is published even though it is not stored, on the clock of `mono`. Infinity: it has been. */
  readonly publishAt: number;
};

export type RingStep = { readonly ring: Ring; readonly effects: readonly RingEffect[] };

export const NO_RING: Ring = {
  emergency: NO_EMERGENCY,
  presses: [],
  waiting: [],
  copies: [],
  airbags: [],
  generation: 0,
  durable: 0,
  unstored: [],
  faults: [],
  sweptAt: 0,
};

/** If the disk has not answered by then, the report is published from memory. */
const STORE_MS = 1_000;
/** How often storing is retried after a failure. */
const RETRY_MS = 1_000;
/** Without a subscriber for this long, the lamp shows `no-link` (contract §5). */
const NO_LINK_MS = 60_000;
/** Dispatch may ask for one drill in this time. */
const DRILL_EVERY_MS = 600_000;
/** Copies of ended episodes are removed at each new connection, and again after this. */
const SWEEP_MS = 30_000;
/** A board keeps sixteen. At the limit a press is not counted, so the board keeps it and repeats it. */
export const WAITING_MAX = 64;
/** At the limit the oldest is forgotten: its last report is in the outbox and is sent from there. */
export const ENDED_MAX = 8;
export const AIRBAGS_MAX = 32;
const AIRBAG = "airbag";

/** Whether any episode is open, real or drill. */
export const isEmergencyOpen = ({ emergency }: Ring): boolean => emergency.episodes.some(isOpen);

/** Whether a real emergency is open. A drill does not count. */
export const isRealEmergencyOpen = ({ emergency }: Ring): boolean =>
  emergency.episodes.some((episode) => isOpen(episode) && !episode.test);

/** An episode is open, or its end is not delivered. */
const isKnown = ({ emergency }: Ring, id: string): boolean =>
  emergency.episodes.some((episode) => episode.id === id);

/** The URLs of the brokers that may have a retained copy of an episode. */
export const copiesOf = ({ copies }: Ring, id: string): string[] => brokersOf(copies, id);

/** Whether everything that must survive a restart is known to be on disk. */
export const isDurable = ({ durable, generation }: Ring): boolean => durable >= generation;

/** The ring's section of the memory, without the episodes: the caller has their reports. */
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

const noted = (ring: Ring, episode: string, broker: string | undefined): Ring => {
  if (broker === undefined) return ring;
  const copies = withCopy(ring.copies, { episode, broker }, (id) => isKnown(ring, id));
  return copies === ring.copies ? ring : { ...ring, copies };
};

/** Adds a change that must survive a restart. */
const toStore = (ring: Ring, effects: readonly RingEffect[]): RingStep => {
  const generation = ring.generation + 1;
  return { ring: { ...ring, generation }, effects: [...effects, { kind: "store", generation }] };
};

type Changing = { readonly mono: number; readonly broker?: string | undefined };

/** Advances the episodes. A new report is stored first, and then published. */
const episodes = (ring: Ring, event: EpisodeEvent, { mono, broker }: Changing): RingStep => {
  const step = advanceEpisodes(ring.emergency, event);
  let now: Ring = { ...ring, emergency: step.emergency };
  const effects: RingEffect[] = [];
  let kept = false;
  for (const effect of [...step.effects, ...beyondLimit(step.emergency)]) {
    effects.push(effect);
    if (effect.kind === "report") now = withUnstored(noted(now, effect.episode.id, broker), effect, mono);
    if (effect.kind === "report" || effect.kind === "forget") kept = true;
    if (effect.kind !== "forget") continue;
    now = forgotten(now, effect.id);
    effects.push(...removals(now, effect.id));
  }
  return kept ? toStore(now, effects) : { ring: now, effects };
};

/** If too many ended episodes wait for a broker, the oldest are forgotten. */
const beyondLimit = ({ episodes: all }: Emergency): EpisodeEffect[] =>
  all
    .filter((one) => !isOpen(one))
    .slice(0, -ENDED_MAX)
    .map(({ id }) => ({ kind: "forget", id }));

const forgotten = (ring: Ring, id: string): Ring => ({
  ...ring,
  emergency: { ...ring.emergency, episodes: ring.emergency.episodes.filter((one) => one.id !== id) },
  unstored: ring.unstored.filter((one) => one.id !== id),
});

const withUnstored = (ring: Ring, { episode }: EpisodeEffect & { kind: "report" }, mono: number): Ring => {
  const { id, revision } = episode;
  const generation = ring.generation + 1;
  const first = ring.unstored.find((one) => one.id === id)?.first ?? generation;
  const others = ring.unstored.filter((one) => one.id !== id);
  return { ...ring, unstored: [...others, { id, revision, generation, first, publishAt: mono + STORE_MS }] };
};

/** Removes the retained copies of an episode that is over. */
const removals = (ring: Ring, id: string): RingEffect[] =>
  copiesOf(ring, id).map((broker) => ({ kind: "remove", id, broker }));

const samePress = (one: BoardPress, other: BoardPress): boolean =>
  one.board === other.board && one.number === other.number;

const press = (ring: Ring, event: RingEvent & { kind: "press" }): RingStep => {
  const { press: now } = event;
  const before = ring.waiting.find((one) => samePress(one.press, now))?.press;
  if (!isCounted(ring.presses, now)) {
    if (ring.waiting.length >= WAITING_MAX) return { ring, effects: [] };
    const id = isKnown(ring, event.id) ? event.spareId : event.id;
    return counted({ ...ring, presses: count(ring.presses, now) }, { ...event, id }, now.count);
  }
  // The confirmation did not reach the board.
  if (!before) return { ring, effects: [{ kind: "confirm", press: now }] };
  // The board's sixteen places are full: it counts further presses in the newest one.
  if (now.count > before.count)
    return counted(ring, { ...event, id: event.spareId }, now.count - before.count);
  // The board repeats it: storing is tried again.
  return { ring, effects: [{ kind: "store", generation: ring.generation }] };
};

/** `presses`: how many are new. */
const counted = (ring: Ring, event: RingEvent & { kind: "press" }, presses: number): RingStep => {
  const { press: one, id, button, silent, dark, pressed, mono } = event;
  const others = ring.waiting.filter(({ press: other }) => !samePress(one, other));
  const waits = { press: one, generation: ring.generation + 1 };
  // A board without a latch gives no numbers: it repeats nothing and waits for no confirmation.
  const waiting = one.number === 0 ? ring.waiting : [...others, waits];
  const rest = { id, button, silent, dark, pressed, mono, automatic: false } as const;
  const happened = { kind: "press", ...rest, count: Math.max(1, presses) } as const;
  return withEvidence(episodes({ ...ring, waiting }, happened, event));
};

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
  const fired = { ...ring, airbags: [...ring.airbags, event.path].slice(-AIRBAGS_MAX) };
  const rest = { id, pressed, mono, button: AIRBAG, count: 1, automatic: true } as const;
  return withEvidence(episodes(fired, { kind: "press", silent: false, dark: false, ...rest }, event));
};

/** A generation is on disk: confirms its presses and publishes its reports. */
const stored = (ring: Ring, generation: number): RingStep => {
  const onDisk = (one: { readonly generation: number }) => one.generation <= generation;
  const done = ring.unstored.filter(onDisk);
  let { emergency } = ring;
  for (const { id, revision } of done)
    ({ emergency } = advanceEpisodes(emergency, { kind: "stored", id, revision }));
  const safe = ring.unstored.filter(({ first }) => first <= generation).map(({ id }) => id);
  emergency = withSafe(emergency, safe);
  // A report that was published from memory may already be at a broker.
  const reached = new Set(emergency.episodes.filter(({ reach }) => reach === "stored").map(({ id }) => id));
  return {
    ring: {
      ...ring,
      emergency,
      durable: Math.max(ring.durable, generation),
      retryAt: undefined,
      waiting: ring.waiting.filter((one) => !onDisk(one)),
      unstored: ring.unstored.filter((one) => !onDisk(one)),
    },
    effects: [
      ...ring.waiting.filter(onDisk).map(({ press: one }): RingEffect => ({ kind: "confirm", press: one })),
      ...done.filter(({ id }) => reached.has(id)).map(({ id }): RingEffect => ({ kind: "publish", id })),
    ],
  };
};

/** Of these episodes a report, perhaps an earlier one, is on disk. */
const withSafe = (emergency: Emergency, ids: readonly string[]): Emergency => ({
  ...emergency,
  episodes: emergency.episodes.map((one) => (ids.includes(one.id) ? { ...one, safe: true } : one)),
});

const notStored = (ring: Ring, generation: number, mono: number): RingStep => {
  const asked = ring.waiting.length + ring.unstored.length > 0;
  const retrying = asked ? { ...ring, retryAt: mono + RETRY_MS } : ring;
  return fromMemory(retrying, (one) => one.generation <= generation && Number.isFinite(one.publishAt));
};

/** The disk fails or does not answer: the reports that wait for it are published from memory. */
const fromMemory = (ring: Ring, due: (one: Unstored) => boolean): RingStep => ({
  ring: {
    ...ring,
    unstored: ring.unstored.map((one) => (due(one) ? { ...one, publishAt: Infinity } : one)),
  },
  effects: ring.unstored.filter(due).map(({ id }): RingEffect => ({ kind: "publish", id })),
});

/** Why a drill must not be armed now. Undefined: it may be armed. */
const whyNoDrill = (ring: Ring, askedAt: number | undefined): string | undefined => {
  if (isRealEmergencyOpen(ring)) return "an emergency is open, so no press can be a drill";
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
  // The unit no longer knows this episode, but can still remove the copy from the broker that sent the
  // acknowledgement.
  if (isKnown(ring, id) || stage !== "cleared" || broker === undefined) return step;
  return { ...step, effects: [...step.effects, { kind: "remove", id, broker }] };
};

const tick = (ring: Ring, { mono, connected }: RingEvent & { kind: "tick" }): RingStep => {
  const ticked = episodes(ring, { kind: "tick", mono, connected }, { mono });
  const late = fromMemory(ticked.ring, ({ publishAt }) => publishAt <= mono);
  const again = mono >= (late.ring.retryAt ?? Infinity);
  const retried = again ? { ...late.ring, retryAt: undefined } : late.ring;
  const swept = connected && mono - ring.sweptAt >= SWEEP_MS ? sweep(retried, mono) : undefined;
  return {
    ring: swept?.ring ?? retried,
    effects: [
      ...ticked.effects,
      ...late.effects,
      ...(again ? [{ kind: "store", generation: retried.generation } as const] : []),
      ...(swept?.effects ?? []),
    ],
  };
};

/** Removes copies of episodes that are over. */
const sweep = (ring: Ring, mono: number): RingStep => ({
  ring: { ...ring, sweptAt: mono },
  effects: ring.copies
    .filter(({ episode }) => !isKnown(ring, episode))
    .map(({ episode, broker }) => ({ kind: "remove", id: episode, broker })),
});

const removed = (ring: Ring, episode: string, broker: string): RingStep => {
  const copies = withoutCopy(ring.copies, { episode, broker });
  return copies === ring.copies ? { ring, effects: [] } : toStore({ ...ring, copies }, []);
};

const publishing = (ring: Ring, id: string, broker: string): RingStep => {
  const now = noted(ring, id, broker);
  return now === ring ? { ring, effects: [] } : toStore(now, []);
};

const withFault = (ring: Ring, part: string, faulty: boolean): Ring => {
  const others = ring.faults.filter((one) => one !== part);
  return { ...ring, faults: faulty ? [...others, part] : others };
};

const rearmed = (ring: Ring, path: string): RingStep =>
  ring.airbags.includes(path)
    ? toStore({ ...ring, airbags: ring.airbags.filter((one) => one !== path) }, [])
    : { ring, effects: [] };

const hello = (ring: Ring, board: string, lastNumber: number): RingStep => {
  const presses = meet(ring.presses, board, lastNumber);
  return presses === ring.presses ? { ring, effects: [] } : toStore({ ...ring, presses }, []);
};

const decide = (ring: Ring, event: RingEvent, mono: number): RingStep => {
  switch (event.kind) {
    case "press":
      return press(ring, event);
    case "airbag":
      return airbag(ring, event);
    case "airbag-rearmed":
      return rearmed(ring, event.path);
    case "hello":
      return hello(ring, event.board, event.lastNumber);
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
      return notStored(ring, event.generation, mono);
    case "sent":
      return episodes(ring, event, { mono });
    case "ack":
      return acknowledge(ring, event);
    case "publishing":
      return publishing(ring, event.id, event.broker);
    case "removed":
      return removed(ring, event.id, event.broker);
    case "connected": {
      const step = episodes(ring, event, event);
      const swept = sweep(step.ring, event.mono);
      return { ring: swept.ring, effects: [...step.effects, ...swept.effects] };
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
  const { ring, effects } = decide(before, event, mono);
  const unreachable = ring.unheardSince !== undefined && mono - ring.unheardSince >= NO_LINK_MS;
  const lamp = lampOf(ring.emergency, { faulty: ring.faults.length > 0, unreachable });
  return sameLamp(ring.lamp, lamp)
    ? { ring, effects }
    : { ring: { ...ring, lamp }, effects: [...effects, { kind: "lamp", lamp }] };
};
