import {
  advance,
  NO_EMERGENCY,
  type Emergency,
  type EpisodeEffect,
  type EpisodeEvent,
} from "../../src/emergency/machine.ts";

/** Events of episodes, for the tests of the machine. */
export type PressEvent = EpisodeEvent & { kind: "press" };

export const pressedAt = (mono: number) => ({ boot: 1, mono, at: 0, clock: "ntp" as const });
export const pressEvent = (id: string, mono: number, extra: Partial<PressEvent> = {}): PressEvent => ({
  kind: "press",
  id,
  button: "dash",
  count: 1,
  silent: false,
  dark: false,
  pressed: pressedAt(mono),
  automatic: false,
  mono,
  ...extra,
});
export const drill = (mono: number): EpisodeEvent => ({ kind: "drill", mono });
export const ack = (id: string, stage: "received" | "accepted" | "cleared", mono = 0): EpisodeEvent => ({
  kind: "ack",
  id,
  stage,
  by: "operator",
  at: "2026-11-24T08:00:00.000Z",
  mono,
});
export const tick = (mono: number, connected = true): EpisodeEvent => ({ kind: "tick", mono, connected });

/** Runs events in order; the effects of the last one. */
export const after = (
  ...events: EpisodeEvent[]
): { emergency: Emergency; effects: readonly EpisodeEffect[] } =>
  events.reduce<{ emergency: Emergency; effects: readonly EpisodeEffect[] }>(
    ({ emergency }, event) => advance(emergency, event),
    { emergency: NO_EMERGENCY, effects: [] },
  );
export const stored = (id: string, revision = 1): EpisodeEvent => ({ kind: "stored", id, revision });
export const sent = (id: string, revision = 1): EpisodeEvent => ({ kind: "sent", id, revision, mono: 0 });
