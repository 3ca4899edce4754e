import * as z from "zod";
import { Episode } from "./episode.ts";
import { EmergencyUpdate } from "./report.ts";

/**
 * What survives a restart, besides the reports: one typed, versioned value. Its home is the vital
 * file beside the outbox; the store has a copy in case that is lost. Each section has one owner, which replaces it
 * as a whole.
 */

/** An episode and its report as it now stands. */
export const KeptEpisode = z.object({ episode: Episode, report: EmergencyUpdate });
export type KeptEpisode = z.infer<typeof KeptEpisode>;

/** The presses of one board that have been counted: all numbers up to `below`, and those in `numbers` (ascending). */
export const CountedPresses = z.object({
  board: z.string(),
  below: z.int().nonnegative(),
  numbers: z.array(z.int().positive()),
  /** Those of `numbers` that stand for more than one press. Absent in a memory of an older release. */
  several: z.array(z.object({ number: z.int().positive(), count: z.int().positive() })).optional(),
});
export type CountedPresses = z.infer<typeof CountedPresses>;

/** A broker that may hold a retained copy of an episode. */
export const Copy = z.object({
  episode: z.string(),
  broker: z.string(),
  /**
   * The prefix of the topic that has the copy. Absent in the memory of an older release, and in the ring:
   * the prefix of the present configuration.
   */
  prefix: z.string().optional(),
  /** The broker is not configured any more, and dispatch has been told that the copy is left there. */
  left: z.literal(true).optional(),
});
export type Copy = z.infer<typeof Copy>;

const EmergencyMemory = z.object({
  /** Episodes that are open, or ended and not yet published as such. */
  episodes: z.array(KeptEpisode),
  presses: z.array(CountedPresses),
  copies: z.array(Copy),
  /** VSS paths of the airbags that have fired. */
  airbags: z.array(z.string()),
  /** When dispatch last asked for a drill, UTC milliseconds. */
  drillAskedAt: z.number().optional(),
});
export type EmergencyMemory = z.infer<typeof EmergencyMemory>;

/** A command that was run or refused: the same id gets the same answer until `until` (UTC milliseconds). */
const DoneCommand = z.object({
  id: z.string(),
  ok: z.boolean(),
  error: z.string().optional(),
  until: z.number(),
});
export type DoneCommand = z.infer<typeof DoneCommand>;

/**
 * A command that waits until the time is known, as it was received. `payload` and `correlation` are
 * base64.
 */
const HeldCommand = z.object({
  payload: z.string(),
  responseTopic: z.string().optional(),
  correlation: z.string().optional(),
});
export type HeldCommand = z.infer<typeof HeldCommand>;

const CommandMemory = z.object({ done: z.array(DoneCommand), held: z.array(HeldCommand) });
export type CommandMemory = z.infer<typeof CommandMemory>;

/** A button, by its configured name. Times are UTC milliseconds, each from a clock that was trusted. */
export const KnownButton = z.object({
  button: z.string(),
  /** Since when the unit has watched it. */
  since: z.number(),
  /** When it was last pressed, really or as a drill; absent if that is not known. */
  pressedAt: z.number().optional(),
});
export type KnownButton = z.infer<typeof KnownButton>;

/** Which receipts count, and with whom the responsibility for acknowledged reports lies. */
export const CustodyMemory = z.object({
  /** The newest receipt that counted: the recorder's database and when it was written, UTC milliseconds. */
  newest: z
    .object({ by: z.string(), at: z.number(), upTo: z.int().nonnegative(), store: z.string().optional() })
    .optional(),
  /** Whether a receipt has counted since custody last fell back to the broker. */
  proven: z.boolean(),
  /** For how long the link was connected since the last receipt, milliseconds, in steps. */
  silentMs: z.number().nonnegative(),
  /** When a receipt last made the unit begin a new store, UTC milliseconds. */
  renewedAt: z.number().optional(),
  /** How far the recorder's clock was behind when a receipt last showed it, milliseconds. */
  behindMs: z.number().nonnegative().optional(),
});
export type CustodyMemory = z.infer<typeof CustodyMemory>;
export const NO_CUSTODY: CustodyMemory = { proven: false, silentMs: 0 };

export const Memory = z.object({
  v: z.literal(1),
  /** The unit's name when the pending reports were made. */
  unit: z.string().optional(),
  emergency: EmergencyMemory,
  commands: CommandMemory,
  /** Absent in a memory of an older release. */
  buttons: z.array(KnownButton).optional(),
  custody: CustodyMemory,
  /** Brokers at which the unit may have a session. Absent in a memory of an older release. */
  sessions: z.array(z.string()).optional(),
});
export type Memory = z.infer<typeof Memory>;

export const NO_MEMORY: Memory = {
  v: 1,
  emergency: { episodes: [], presses: [], copies: [], airbags: [] },
  commands: { done: [], held: [] },
  custody: NO_CUSTODY,
};

/** The sections that an owner replaces. */
export type MemoryPatch = Partial<Omit<Memory, "v">>;
