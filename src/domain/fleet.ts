import * as z from "zod";

/**
 * What the dispatcher's console sends to its page: one source for the server and the page. Instants are UTC
 * milliseconds. Every text in it may come from a hostile unit: a page shows it as text, never as HTML.
 */

const instant = z.number();
const text = z.string();

/** The stages of an episode, in order (contract §5). */
export const STAGES = ["active", "received", "accepted", "cleared"] as const;
/** What dispatch can say of an episode, in order. */
export const ANSWERS = ["received", "accepted", "cleared"] as const;
export type Answer = (typeof ANSWERS)[number];

/** `silent`: dispatch's recorder says that the unit is overdue. */
const LINK_DUTIES = ["online", "offline", "silent", "unknown"] as const;
/** `none`: the unit has no panic board. */
const BOARD_DUTIES = ["ok", "fault", "none", "unknown"] as const;

const Place = z.object({
  lat: z.number(),
  lon: z.number(),
  altM: z.number().optional(),
  speedKmh: z.number().optional(),
  courseDeg: z.number().optional(),
  accuracyM: z.number().optional(),
});

/** One position of a track. `isGap`: numbers before it are missing. */
export const TrackPoint = Place.extend({ at: instant, isGap: z.boolean().optional() });
export type TrackPoint = z.infer<typeof TrackPoint>;

/** A car in the list and on the map. */
export const CarSummary = z.object({
  unit: text,
  /** When a message of the unit came last, by the server's clock. Absent: only retained ones came. */
  heardAt: instant.optional(),
  link: z.enum(LINK_DUTIES),
  linkDetail: text.optional(),
  board: z.enum(BOARD_DUTIES),
  boardDetail: text.optional(),
  position: Place.extend({ at: instant, isTimeKnown: z.boolean() }).optional(),
  /** How many numbers are neither here nor declared as lost. */
  missing: z.int(),
  /** How many faults are open. */
  faults: z.int(),
  emergency: z.enum(["real", "drill"]).optional(),
  /** Open episodes of the car that are not shown. Absent: all are. */
  unshown: z.int().optional(),
});
export type CarSummary = z.infer<typeof CarSummary>;

/** One step of an episode as the console saw it. */
const Step = z.object({ stage: z.enum(STAGES), by: text.optional(), at: instant });

export const EpisodeView = z.object({
  unit: text,
  episode: text,
  state: z.enum(STAGES),
  test: z.boolean(),
  silent: z.boolean(),
  buttons: z.array(text),
  presses: z.int(),
  attempt: z.int(),
  pressedAt: instant,
  /** False: the unit did not say when; `pressedAt` is when the console or the unit first knew of it. */
  isPressTimeKnown: z.boolean(),
  heldMs: z.number().optional(),
  position: Place.extend({ ageMs: z.number().optional(), trusted: z.boolean().optional() }).optional(),
  track: z.array(Place),
  vehicle: z.record(z.string(), z.union([z.number(), z.boolean(), z.string()])),
  by: text.optional(),
  shortened: z.array(text),
  steps: z.array(Step),
  /** Somebody has accepted it; a later press can make it active again. */
  wasAccepted: z.boolean(),
  /** `removed`: the broker's copy was removed and the end itself was not seen. */
  /** True: the broker had no copy of it after a lost connection. It may have ended; it is shown without alarm. */
  isUnconfirmed: z.boolean().optional(),
  ended: z.object({ at: instant, why: z.enum(["cleared", "removed"]) }).optional(),
});
export type EpisodeView = z.infer<typeof EpisodeView>;

export const EventView = z.object({
  n: z.int(),
  unit: text,
  at: instant,
  type: text,
  /** What else the event says: name and value, in its order. */
  fields: z.array(z.tuple([text, text])),
  isLate: z.boolean(),
});
export type EventView = z.infer<typeof EventView>;

/** What changed since the last batch; the first batch of a connection holds everything. */
export const FleetChanges = z.object({
  /** The server's clock. */
  now: instant,
  cars: z.array(CarSummary),
  gone: z.array(text),
  episodes: z.array(EpisodeView),
  /** Episodes that are no longer shown: `unit episode`. */
  goneEpisodes: z.array(text),
  events: z.array(EventView),
  /** Real emergencies beyond the limits, which are not shown. */
  unshown: z.int(),
  isConnected: z.boolean(),
});
export type FleetChanges = z.infer<typeof FleetChanges>;

/** What the page is told once: its rights, its map, where history comes from. */
export const ConsoleSettings = z.object({
  operator: text.optional(),
  history: z.boolean(),
  tiles: z
    .discriminatedUnion("kind", [
      z.object({ kind: z.literal("url"), url: text, credit: text.optional() }),
      z.object({ kind: z.literal("pmtiles"), url: text, credit: text.optional() }),
    ])
    .optional(),
});
export type ConsoleSettings = z.infer<typeof ConsoleSettings>;

const Fault = z.object({
  part: text,
  code: text.optional(),
  where: text.optional(),
  detail: text,
  at: instant,
});

/** What is known of the numbers of one (unit, store). */
const Numbers = z.object({
  store: text,
  /** Numbers are counted from this one; 0: none has been counted. */
  from: z.int(),
  upTo: z.int(),
  missing: z.array(z.tuple([z.int(), z.int()])),
  missingCount: z.int(),
  declared: z.array(z.object({ reason: text, count: z.int() })),
});

export const CarDetails = z.object({
  car: CarSummary,
  state: z
    .object({
      state: z.enum(["online", "offline"]),
      reason: text.optional(),
      version: text,
      store: text,
      boot: z.int(),
      connection: z.int(),
    })
    .optional(),
  silent: z.object({ since: instant, last: instant, expectedS: z.number() }).optional(),
  vehicle: z
    .object({
      at: instant,
      signals: z.record(z.string(), z.union([z.number(), z.boolean(), z.string()])),
      stale: z.array(text),
    })
    .optional(),
  /** As the unit sent it, flattened to paths. */
  health: z.object({ at: instant, values: z.array(z.tuple([text, text])) }).optional(),
  faults: z.array(Fault),
  numbers: z.array(Numbers),
  track: z.array(TrackPoint),
});
export type CarDetails = z.infer<typeof CarDetails>;

/** A raw message. `text`: its beginning, with a batch unpacked. */
export const RawMessage = z.object({
  n: z.int(),
  at: instant,
  topic: text,
  retain: z.boolean(),
  bytes: z.int(),
  text,
  rejected: z.array(text),
});
export type RawMessage = z.infer<typeof RawMessage>;

/** The answer to a question for a track. `isCut`: there is more than the limit; it was thinned. */
export const TrackAnswer = z.object({
  from: instant,
  to: instant,
  points: z.array(TrackPoint),
  isCut: z.boolean(),
});
export type TrackAnswer = z.infer<typeof TrackAnswer>;
