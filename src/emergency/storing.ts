import type { RingEffect } from "./events.ts";
import { advance as advanceEpisodes, type Emergency, type EpisodeEffect } from "./machine.ts";
import type { Ring, RingStep, Unstored } from "./ring-state.ts";

/**
 * The ring and the disk: what is stored, what happens once it is on disk, and what happens if the disk
 * fails or does not answer. A press is confirmed to its board only once `stored` has removed it from
 * `waiting`.
 */

/** If the disk has not answered by then, the report is published from memory. */
const STORE_MS = 1_000;
/** How often storing is retried after a failure. */
const RETRY_MS = 1_000;

/** Adds a change that must survive a restart. */
export const toStore = (ring: Ring, effects: readonly RingEffect[]): RingStep => {
  const generation = ring.generation + 1;
  return { ring: { ...ring, generation }, effects: [...effects, { kind: "store", generation }] };
};

/** The report of an episode has changed: it is published once it is on disk, or after STORE_MS. */
export const withUnstored = (
  ring: Ring,
  { episode }: EpisodeEffect & { kind: "report" },
  mono: number,
): Ring => {
  const { id, revision } = episode;
  const generation = ring.generation + 1;
  const before = ring.unstored.find((one) => one.id === id);
  const others = ring.unstored.filter((one) => one.id !== id);
  const first = before?.first ?? generation;
  // A further press must not put off the report that already waits for the disk.
  const waits = before !== undefined && Number.isFinite(before.publishAt);
  const publishAt = waits ? before.publishAt : mono + STORE_MS;
  return { ...ring, unstored: [...others, { id, revision, generation, first, publishAt }] };
};

/** A generation is on disk: confirms its presses and publishes its reports. */
export const stored = (ring: Ring, generation: number): RingStep => {
  const onDisk = (one: { readonly generation: number }) => one.generation <= generation;
  const done = ring.unstored.filter(onDisk);
  let { emergency } = ring;
  for (const { id, revision } of done)
    ({ emergency } = advanceEpisodes(emergency, { kind: "stored", id, revision }));
  const safe = ring.unstored.filter(({ first }) => first <= generation).map(({ id }) => id);
  emergency = withSafe(emergency, safe);
  // Publish only what is stored and not sent: a report published from memory may already be at a broker.
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

/** Marks these episodes as safe: a report of each, perhaps an earlier one, is on disk. */
const withSafe = (emergency: Emergency, ids: readonly string[]): Emergency => ({
  ...emergency,
  episodes: emergency.episodes.map((one) => (ids.includes(one.id) ? { ...one, safe: true } : one)),
});

/** A generation cannot be stored now: it is tried again, and its reports are published from memory. */
export const notStored = (ring: Ring, generation: number, mono: number): RingStep => {
  const asked = ring.waiting.length + ring.unstored.length > 0;
  const retrying = asked ? { ...ring, retryAt: mono + RETRY_MS } : ring;
  return fromMemory(retrying, (one) => one.generation <= generation && Number.isFinite(one.publishAt));
};

/** The disk fails or does not answer: the reports that wait for it are published from memory. */
export const fromMemory = (ring: Ring, due: (one: Unstored) => boolean): RingStep => ({
  ring: {
    ...ring,
    unstored: ring.unstored.map((one) => (due(one) ? { ...one, publishAt: Infinity } : one)),
  },
  effects: ring.unstored.filter(due).map(({ id }): RingEffect => ({ kind: "publish", id })),
});
