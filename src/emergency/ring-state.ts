import type { Episode } from "../domain/episode.ts";
import type { Copy, CountedPresses, EmergencyMemory } from "../domain/memory.ts";
import type { BoardPress, BundleSign } from "../domain/panic.ts";
import { brokersOf, type CopyPlace } from "./copies.ts";
import type { RingEffect } from "./events.ts";
import type { LampWish } from "./lamp.ts";
import { isOpen, NO_EMERGENCY, restore as restoreEpisodes, type Emergency } from "./machine.ts";

/**
 * What is known of the presses, the episodes and their copies, and what of it is on disk. `generation`
 * counts the changes of what must survive a restart, and `stored` says which generation is on disk.
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
  /**
   * Copies that their brokers have removed in this life, oldest first: at most REMOVED_MAX. A broker that crashes may have
   * them again.
   */
  readonly removed: readonly CopyPlace[];
  /** The generation of the newest note of a copy. */
  readonly notedAt: number;
  /** The presses and the episodes of the memory with which this life began. The store may have a newer one. */
  readonly begun: { readonly presses: readonly CountedPresses[]; readonly episodes: readonly Episode[] };
  /** The last `hello` of each board in this life: at most HELLOS_MAX, the oldest goes first. */
  readonly hellos: readonly Hello[];
  /** The generation with the presses of a newer memory (event `recalled`); 0: there was none. */
  readonly recalledAt: number;
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
  /** The result of a bundle, and until when the lamp shows it, on the clock of `mono`. An episode ends it for good. */
  readonly sign?: { readonly sign: BundleSign; readonly until: number } | undefined;
  /** What the lamp shows now. */
  readonly lamp?: LampWish | undefined;
};

/** A board reported the number of its newest press. */
type Hello = { readonly board: string; readonly lastNumber: number };
/** A press, and the generation that has to be on disk before it is confirmed. */
type Waiting = { readonly press: BoardPress; readonly generation: number };
/** A report, and the generation that has to be on disk before it is published. */
export type Unstored = {
  readonly id: string;
  readonly revision: number;
  readonly generation: number;
  /** The generation of its earliest revision that is not on disk. Once that is stored, the episode is safe. */
  readonly first: number;
  /** When it is published even if it is not stored, on the clock of `mono`. Infinity: it was published. */
  readonly publishAt: number;
};

export const AIRBAGS_MAX = 32;
export const REMOVED_MAX = 16;
export const HELLOS_MAX = 16;

/** The ring after an event, and the effects to perform in order. */
export type RingStep = { readonly ring: Ring; readonly effects: readonly RingEffect[] };

/** A unit that has never met a board. */
export const NO_RING: Ring = {
  emergency: NO_EMERGENCY,
  presses: [],
  waiting: [],
  copies: [],
  removed: [],
  notedAt: 0,
  begun: { presses: [], episodes: [] },
  hellos: [],
  recalledAt: 0,
  airbags: [],
  generation: 0,
  durable: 0,
  unstored: [],
  faults: [],
  sweptAt: 0,
};

/** Whether any episode is open, real or drill. */
export const isEmergencyOpen = ({ emergency }: Ring): boolean => emergency.episodes.some(isOpen);

/** Whether a real emergency is open. A drill does not count. */
export const isRealEmergencyOpen = ({ emergency }: Ring): boolean =>
  emergency.episodes.some((episode) => isOpen(episode) && !episode.test);

/** Whether an episode is open, or its end is not delivered. */
export const isKnown = ({ emergency }: Ring, id: string): boolean =>
  emergency.episodes.some((episode) => episode.id === id);

/** The URLs of the brokers that may have a retained copy of an episode. */
export const copiesOf = ({ copies }: Ring, id: string): string[] => brokersOf(copies, id);

/** Whether every copy that a broker may have is known to be on disk. */
export const areCopiesNoted = ({ durable, notedAt }: Ring): boolean => durable >= notedAt;

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
  begun: {
    presses: memory.presses,
    episodes: memory.episodes.map(({ episode }) => episode),
  },
  unheardSince: mono,
});
