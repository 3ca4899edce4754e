import * as z from "zod";

/** One emergency, from its first press until dispatch has cleared it (contract §5), as the unit keeps it. */
export const STAGES = ["active", "received", "accepted", "cleared"] as const;
export type Stage = (typeof STAGES)[number];

/** Whether a stage of an episode comes after another one. */
export const isLater = (one: Stage, other: Stage): boolean => STAGES.indexOf(one) > STAGES.indexOf(other);

const count = z.int().nonnegative();

const EarlyClear = z.object({ at: z.string().optional(), mono: z.number() });

/**
 * When the contact closed: `at` in UTC milliseconds, `mono` in milliseconds since the start of `boot`.
 * Once the time is known, `at` is corrected from `boot` and `mono`.
 */
const Pressed = z.object({
  boot: z.int().nonnegative(),
  mono: z.number(),
  at: z.number(),
  clock: z.enum(["gnss", "ntp", "unset"]),
});
export type Pressed = z.infer<typeof Pressed>;

const PressName = z.object({ board: z.string(), number: z.int().positive() });

export const Episode = z.object({
  /** A ULID. */
  id: z.string(),
  /** A drill: the same path, never mixed with real ones. */
  test: z.boolean(),
  /** The button that opened it. */
  button: z.string(),
  /** All buttons that were pressed in it, in order. An episode of an older release names only the first. */
  buttons: z.array(z.string()).default([]),
  /** No sounder. */
  silent: z.boolean(),
  /** No lamp either: it keeps showing idle. */
  dark: z.boolean(),
  pressed: Pressed.optional(),
  /** The press that opened it, as its board names it. Absent: nobody pressed, or the board gives no numbers. */
  first: PressName.optional(),
  /** How long the contact of the first press was closed, milliseconds; absent until it has opened. */
  heldMs: count.optional(),
  /** No report has `heldMs` yet: it follows when the present one is at a broker. */
  heldUnsent: z.literal(true).optional(),
  presses: z.int().positive(),
  /** How many of them the newest report that a broker acknowledged has. */
  sentPresses: count.optional(),
  /**
   * Present from a further press until a broker has acknowledged a report with it. `handed`: when a connection first
   * got such a report, by broker, on the clock of `mono`. A broker that refuses the report is removed.
   */
  unseen: z
    .object({
      handed: z.record(z.string(), z.object({ first: z.number() })).default({}),
    })
    .optional(),
  /** When it was last pressed again, UTC milliseconds, if the time was known. */
  pressedAgainAt: z.number().optional(),
  /** The same on the clock of `mono`: when the unit learnt of it. Negative: in an earlier life. */
  pressedAgainMono: z.number().optional(),
  /**
   * Since when dispatch may have seen that press, because a broker has acknowledged a report with it: on the clock of
   * `mono`, if it was in this life.
   */
  seenMono: z.number().optional(),
  /** The same in UTC milliseconds, if the time was known: a later life knows it too. */
  seenAt: z.number().optional(),
  /**
   * The first and the newest `cleared` that was refused because it came before that press was seen: its own `at`, and
   * when it came, on the clock of `mono`. `latestAt`: the latest `at` of all of them, if it is not that of the first.
   */
  earlyClear: EarlyClear.extend({
    newest: EarlyClear.optional(),
    /** The first of a chain that came as far apart as it was written, none of it repeated by a broker. */
    steadyFrom: EarlyClear.optional(),
    latestAt: z.string().optional(),
    /** They may have been older than that press by the way that they came, and nothing else speaks against them. */
    ageUnknown: z.literal(true).optional(),
  }).optional(),
  /**
   * When the latest refused `cleared` was written or came, whichever is earlier, UTC milliseconds. Acknowledgements written
   * until then no longer count.
   */
  overAt: z.number().optional(),
  /** When that one came, on the clock of `mono`. Negative: in an earlier life. */
  overMono: z.number().optional(),
  state: z.enum(STAGES),
  by: z.string().optional(),
  /** The acknowledgement's own time, ISO 8601. */
  ackAt: z.string().optional(),
  /** Counts the changes. Each change makes a new report. */
  revision: count,
  /** Whether a report of this episode, perhaps an earlier one, is on disk or at a broker. */
  safe: z.boolean(),
  /** How far the report of this revision got. */
  reach: z.enum(["made", "stored", "sent"]),
  /** How often the report of this revision was published. */
  attempt: count,
  /** When it is published again, on the clock of `mono`. */
  repeatAt: z.number(),
  /** When a drill that nobody clears ends by itself, on the clock of `mono`. */
  endsAt: z.number().optional(),
  /** The same in UTC milliseconds, for a drill that was open at a restart. Absent: the time is not known. */
  endsAtUtc: z.number().optional(),
});
export type Episode = z.infer<typeof Episode>;
