import type { BoardPress } from "../domain/panic.ts";
import { isAt, withCopy, withLeft, withoutCopy } from "./copies.ts";
import type { RingEffect, RingEvent } from "./events.ts";
import { lampOf, type LampWish } from "./lamp.ts";
import {
  advance as advanceEpisodes,
  handed,
  refusedAt,
  isOpen,
  type Emergency,
  type EpisodeEffect,
  type EpisodeEvent,
} from "./machine.ts";
import { count, isCounted, meet, uncounted } from "./presses.ts";
import { adopt, recalled } from "./recalled.ts";
import {
  AIRBAGS_MAX,
  copiesOf,
  REMOVED_MAX,
  HELLOS_MAX,
  isEmergencyOpen,
  isKnown,
  isRealEmergencyOpen,
  type Ring,
  type RingStep,
} from "./ring-state.ts";
import { fromMemory, notStored, stored, toStore, withUnstored } from "./storing.ts";

/**
 * The ring from a button to dispatch and back to its lamp: everything that is decided about a press.
 * Pure: (state, event) -> (state, effects).
 */

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
const AIRBAG = "airbag";

/** Notes that a broker may get a copy. The caller stores it with the next generation. */
const noted = (ring: Ring, episode: string, broker: string | undefined): Ring => {
  if (broker === undefined) return ring;
  const copies = withCopy(ring.copies, { episode, broker }, (id) => isKnown(ring, id));
  return copies === ring.copies ? ring : { ...ring, copies, notedAt: ring.generation + 1 };
};

type Changing = { readonly mono: number; readonly broker?: string | undefined };

/** Advances the episodes. A new report is stored first, and then published. */
const episodes = (ring: Ring, event: EpisodeEvent, { mono, broker }: Changing): RingStep => {
  const step = advanceEpisodes(ring.emergency, event);
  let now: Ring = { ...ring, emergency: step.emergency };
  const effects: RingEffect[] = [];
  let kept = false;
  for (const effect of [...step.effects, ...beyondLimit(step.emergency)]) {
    if (effect.kind === "keep") {
      kept = true;
      continue;
    }
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

/** Removes the retained copies of an episode that is over. */
const removals = (ring: Ring, id: string): RingEffect[] =>
  copiesOf(ring, id).map((broker) => ({ kind: "remove", id, broker }));

const samePress = (one: BoardPress, other: BoardPress): boolean =>
  one.board === other.board && one.number === other.number;

const press = (ring: Ring, event: RingEvent & { kind: "press" }): RingStep => {
  const { press: now } = event;
  const waits = ring.waiting.some((one) => samePress(one.press, now));
  const fresh = uncounted(ring.presses, now);
  // The board repeats it. If it is not on disk yet, storing is tried again.
  if (fresh === 0)
    return waits
      ? { ring, effects: [{ kind: "store", generation: ring.generation }] }
      : countedBefore(ring, now);
  if (!waits && ring.waiting.length >= WAITING_MAX) return { ring, effects: [] };
  // The board has counted further presses in one that was not confirmed, or whose confirmation was lost.
  const isFurther = isCounted(ring.presses, now);
  const id = isFurther || isKnown(ring, event.id) ? event.spareId : event.id;
  return counted({ ...ring, presses: count(ring.presses, now) }, { ...event, id }, fresh);
};

/** Its confirmation did not reach the board. It is confirmed at once, unless only a recalled memory has it. */
const countedBefore = (ring: Ring, now: BoardPress): RingStep => {
  const { recalledAt: generation, durable, waiting } = ring;
  if (durable >= generation) return { ring, effects: [{ kind: "confirm", press: now }] };
  if (waiting.length >= WAITING_MAX) return { ring, effects: [] };
  return { ring: { ...ring, waiting: [...waiting, { press: now, generation }] }, effects: [] };
};

/** `presses`: how many are new. */
const counted = (ring: Ring, event: RingEvent & { kind: "press" }, presses: number): RingStep => {
  const { press: one, id, button, silent, dark, pressed, mono } = event;
  const others = ring.waiting.filter(({ press: other }) => !samePress(one, other));
  const waits = { press: one, generation: ring.generation + 1 };
  // A board without a latch gives no numbers: it repeats nothing and waits for no confirmation.
  const waiting = one.number === 0 ? ring.waiting : [...others, waits];
  const name = one.number === 0 ? undefined : { board: one.board, number: one.number };
  const rest = { id, button, name, silent, dark, pressed, mono, automatic: false } as const;
  const happened = { kind: "press", ...rest, count: presses } as const;
  return withEvidence(episodes({ ...ring, waiting }, happened, event));
};

const released = (ring: Ring, { release, mono }: RingEvent & { kind: "released" }): RingStep => {
  const { board, number, heldMs } = release;
  return episodes(ring, { kind: "released", name: { board, number }, heldMs, mono }, { mono });
};

/** It is stored, because only this boot can say it: its reports after a restart have the time from the memory. */
const timed = (ring: Ring, { id, pressed }: RingEvent & { kind: "timed" }): RingStep => {
  const { emergency } = ring;
  const all = emergency.episodes.map((one) => (one.id === id ? { ...one, pressed } : one));
  return toStore({ ...ring, emergency: { ...emergency, episodes: all } }, []);
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

const DRILL_IS_OPEN =
  "a drill is open: it ends when dispatch clears it (on the bench: `dispatch --ack cleared`), or by itself after 10 minutes";

/** Why a drill must not be armed now. Undefined: it may be armed. */
const whyNoDrill = (ring: Ring, askedAt: number | undefined): string | undefined => {
  if (isRealEmergencyOpen(ring)) return "an emergency is open, so no press can be a drill";
  // A technician would wait for a new drill, but the press would count in the open one.
  if (askedAt === undefined && isEmergencyOpen(ring)) return DRILL_IS_OPEN;
  const since = askedAt === undefined ? Infinity : askedAt - (ring.drillAskedAt ?? -Infinity);
  return Math.abs(since) < DRILL_EVERY_MS ? "dispatch may ask for one drill in 10 minutes" : undefined;
};

const drill = (ring: Ring, { mono, askedAt }: RingEvent & { kind: "drill" }): RingStep => {
  const why = whyNoDrill(ring, askedAt);
  if (why !== undefined) return { ring, effects: [{ kind: "drill-refused", why }] };
  const { emergency } = advanceEpisodes(ring.emergency, { kind: "drill", mono });
  const armed = { ...ring, emergency };
  return askedAt === undefined
    ? { ring: armed, effects: [] }
    : toStore({ ...armed, drillAskedAt: askedAt }, []);
};

const acknowledge = (ring: Ring, event: RingEvent & { kind: "ack" }): RingStep => {
  const { broker, retained, ...ack } = event;
  const { id, stage } = ack;
  const step = episodes(ring, ack, event);
  // The unit no longer knows this episode, but can still remove the copy from the broker that sent the
  // acknowledgement. Not if that is retained: it would come again with the connection that removes the copy, for ever.
  if (isKnown(ring, id) || stage !== "cleared" || broker === undefined || retained) return step;
  return { ...step, effects: [...step.effects, { kind: "remove", id, broker }] };
};

const tick = (ring: Ring, event: RingEvent & { kind: "tick" }): RingStep => {
  const { mono, connected } = event;
  const ticked = episodes(ring, event, { mono });
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
    .map(({ episode, broker, prefix }) => ({ kind: "remove", id: episode, broker, prefix })),
});

const removed = (before: Ring, { id, broker, prefix }: RingEvent & { kind: "removed" }): RingStep => {
  const place = { episode: id, broker, prefix };
  const others = before.removed.filter((one) => !isAt(one, place));
  const ring = prefix === undefined ? { ...before, removed: [...others, place].slice(-REMOVED_MAX) } : before;
  const copies = withoutCopy(ring.copies, place);
  return copies === ring.copies ? { ring, effects: [] } : toStore({ ...ring, copies }, []);
};

/** The broker may have crashed since its last connection, and have again what it had saved before. */
const connected = (ring: Ring, { broker, mono }: RingEvent & { kind: "connected" }): RingStep => {
  const swept = sweep(ring, mono);
  const again = ring.removed
    .filter((one) => one.broker === broker && !isKnown(ring, one.episode))
    .filter((one) => !ring.copies.some((copy) => isAt(copy, one)))
    .map(({ episode }) => ({ kind: "remove", id: episode, broker }) as const);
  return { ring: swept.ring, effects: [...swept.effects, ...again] };
};

/** The copy stays noted: it is removed if its broker is configured again. */
const left = (ring: Ring, { id, broker, prefix }: RingEvent & { kind: "left" }): RingStep => {
  const copies = withLeft(ring.copies, { episode: id, broker, prefix });
  if (copies === ring.copies) return { ring, effects: [] };
  return toStore({ ...ring, copies }, [{ kind: "left", id, broker, prefix }]);
};

type Publishing = RingEvent & { kind: "publishing" };

const publishing = (before: Ring, event: Publishing, mono: number): RingStep => {
  const ring = { ...before, emergency: handed(before.emergency, event, mono) };
  const now = noted(ring, event.id, event.broker);
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
  const others = ring.hellos.filter((one) => one.board !== board);
  const met = { ...ring, hellos: [...others, { board, lastNumber }].slice(-HELLOS_MAX) };
  const presses = meet(ring.presses, board, lastNumber);
  if (presses === ring.presses) return { ring: met, effects: [] };
  const begun = { ...ring.begun, presses: ring.begun.presses.filter((one) => one.board !== board) };
  return toStore({ ...met, presses, begun }, []);
};

const decide = (ring: Ring, event: RingEvent, mono: number): RingStep => {
  switch (event.kind) {
    case "press":
      return press(ring, event);
    case "adopt":
      return adopt(ring, event);
    case "recalled":
      return recalled(ring, event);
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
    case "shown":
      return episodes(ring, { ...event, mono }, { mono });
    case "timed":
      return timed(ring, event);
    case "released":
      return released(ring, event);
    case "ack":
      return acknowledge(ring, event);
    case "publishing":
      return publishing(ring, event, mono);
    case "refused":
      return { ring: { ...ring, emergency: refusedAt(ring.emergency, event.broker) }, effects: [] };
    case "removed":
      return removed(ring, event);
    case "left":
      return left(ring, event);
    case "connected":
      // The next repetition is not put off, though the connection publishes every episode: it goes to other brokers.
      return connected(ring, event);
    case "listening": {
      const since = event.listening ? undefined : (ring.unheardSince ?? event.mono);
      return { ring: { ...ring, unheardSince: since }, effects: [] };
    }
    case "fault":
      return { ring: withFault(ring, event.part, event.faulty), effects: [] };
    case "bundle":
      return { ring: { ...ring, sign: { sign: event.sign, until: event.until } }, effects: [] };
    case "tick":
      return tick(ring, event);
  }
};

/** The ring without the result of a bundle, if its time is over or an episode is open. */
const withoutOldSign = (ring: Ring, mono: number): Ring =>
  ring.sign && (mono >= ring.sign.until || isEmergencyOpen(ring)) ? { ...ring, sign: undefined } : ring;

const sameLamp = (one: LampWish | undefined, other: LampWish): boolean =>
  one?.pattern === other.pattern && one.quiet === other.quiet && one.drill === other.drill;

/** `mono`: now, milliseconds on the clock that never jumps. */
export const advance = (before: Ring, event: RingEvent, mono: number): RingStep => {
  const { ring: decided, effects } = decide(before, event, mono);
  const ring = withoutOldSign(decided, mono);
  const unreachable = ring.unheardSince !== undefined && mono - ring.unheardSince >= NO_LINK_MS;
  const lamp = lampOf(ring.emergency, {
    faulty: ring.faults.length > 0,
    unreachable,
    sign: ring.sign?.sign,
  });
  return sameLamp(ring.lamp, lamp)
    ? { ring, effects }
    : { ring: { ...ring, lamp }, effects: [...effects, { kind: "lamp", lamp }] };
};
