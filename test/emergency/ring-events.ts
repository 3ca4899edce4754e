import type { Stage } from "../../src/domain/episode.ts";
import type { Memory } from "../../src/domain/memory.ts";
import type { BoardPress } from "../../src/domain/panic.ts";
import type { RingEffect, RingEvent } from "../../src/emergency/events.ts";
import { advance } from "../../src/emergency/ring.ts";
import { NO_RING, toMemory, type Ring, type RingStep } from "../../src/emergency/ring-state.ts";
import { keptEpisode } from "../outbox/kept-episode.ts";

/** The broker that the link is connected to. */
export const BROKER = "mqtts://a:8883";
export const OTHER = "mqtts://b:8883";
export const BOARD = "0badcafe";

type PressEvent = RingEvent & { kind: "press" };

export const boardPress = (number: number, extra: Partial<BoardPress> = {}): BoardPress => ({
  board: BOARD,
  number,
  loop: 0,
  count: 1,
  ageMs: 0,
  ...extra,
});
export const pressedAt = (mono: number) => ({ boot: 1, mono, at: mono, clock: "ntp" as const });

/** The press with this number opens the episode `P<number>`, if it opens one. */
export const press = (number: number, mono = 0, extra: Partial<PressEvent> = {}): PressEvent => ({
  kind: "press",
  press: boardPress(number),
  id: `P${number}`,
  spareId: `S${number}`,
  button: "dash",
  silent: false,
  dark: false,
  pressed: pressedAt(mono),
  mono,
  broker: BROKER,
  ...extra,
});
export const ack = (id: string, stage: Exclude<Stage, "active">, mono = 0): RingEvent & { kind: "ack" } => ({
  kind: "ack",
  id,
  stage,
  by: "operator",
  at: "2026-11-24T08:00:00.000Z",
  mono,
  broker: BROKER,
});
export const stored = (generation: number): RingEvent => ({ kind: "stored", generation });
export const notStored = (generation: number): RingEvent => ({ kind: "not-stored", generation });
export const sent = (id: string, revision = 1): RingEvent => ({ kind: "sent", id, revision });
export const tick = (mono: number, connected = true): RingEvent => ({ kind: "tick", mono, connected });
export const connected = (mono: number, broker = BROKER): RingEvent => ({ kind: "connected", broker, mono });
export const drill = (mono: number, askedAt?: number): RingEvent => ({ kind: "drill", mono, askedAt });

const timeOf = (event: RingEvent): number => ("mono" in event ? event.mono : 0);

/** The ring after these events, and the effects of the last. */
export const after = (...events: RingEvent[]): RingStep => from(NO_RING, ...events);
export const from = (ring: Ring, ...events: RingEvent[]): RingStep =>
  events.reduce<RingStep>((step, event) => advance(step.ring, event, timeOf(event)), { ring, effects: [] });

export const only = <K extends RingEffect["kind"]>(
  effects: readonly RingEffect[],
  kind: K,
): (RingEffect & { kind: K })[] =>
  effects.filter((effect): effect is RingEffect & { kind: K } => effect.kind === kind);
/** The kinds of effects but for the lamp, which has tests of its own. */
export const kindsOf = (effects: readonly RingEffect[]): string[] =>
  effects.map(({ kind }) => kind).filter((kind) => kind !== "lamp");
export const lampOf = (ring: Ring) => ring.lamp?.pattern;

/** What a restart finds if everything was on disk. */
export const memoryOf = (ring: Ring): Memory["emergency"] => ({
  ...toMemory(ring),
  episodes: ring.emergency.episodes.map((episode) => ({ ...keptEpisode(), episode })),
});
