import * as z from "zod";

/**
 * What the unit remembers for its page: columns of equal length, oldest first. `null`: it was not known then.
 * `monoS` is on the clock of the snapshot's `mono`, so that a time that becomes known later puts all of it right.
 */
const monoS = z.array(z.number()).readonly().describe("seconds since the service started, ascending");
const column = (what: string) => z.array(z.number().nullable()).readonly().describe(what);

/** One sample each 5 s for 30 minutes. */
export const TrailHistory = z
  .object({
    monoS,
    lat: column("degrees WGS 84; null while there was no fix"),
    lon: column("degrees WGS 84"),
    speedKmh: column("km/h over ground"),
    accuracyM: column("metres, horizontal, 1σ"),
    fix: z.array(z.number()).readonly().describe("0: none, 2: 2d, 3: 3d"),
    quality: column("GGA fix quality"),
    satellites: column("satellites used"),
    hdop: column("horizontal dilution of precision"),
  })
  .describe("Where the car was, and how well it was known");
export type TrailHistory = z.infer<typeof TrailHistory>;

/** One sample each 10 s for an hour. */
export const OutboxHistory = z
  .object({
    monoS,
    records: z.array(z.number()).readonly().describe("reports that waited"),
    connected: z.array(z.number()).readonly().describe("1: the link was connected, 0: it was not"),
  })
  .describe("How many reports waited");
export type OutboxHistory = z.infer<typeof OutboxHistory>;

/** An event that the unit has made since it started. */
export const PastEvent = z.object({
  at: z.string().describe("UTC"),
  monoS: z.number().describe("when, on the clock of the snapshot's `mono`"),
  type: z.string().describe("as in the event itself: fault, recovered, boot, power, …"),
  text: z.string().describe("one line, in English"),
  part: z.string().optional().describe("of a fault or its end"),
  code: z.string().optional().describe("of a fault or its end; the catalogue explains it"),
  where: z.string().optional().describe("the loop, broker, topic or interface"),
});
export type PastEvent = z.infer<typeof PastEvent>;

/** Events that are kept; the oldest is dropped for a newer one. */
export const MOST_EVENTS = 200;
