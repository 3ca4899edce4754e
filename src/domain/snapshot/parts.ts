import * as z from "zod";
import { HealthData } from "../report.ts";
import { OutboxHistory } from "./histories.ts";

const { outbox, link, can, panicBoard } = HealthData.shape;

/** `records`, `oldestAgeS` and `bytes` are those of `health`. */
export const OutboxSnapshot = outbox.extend({
  lanes: z.record(z.string(), z.number()).optional().describe("records by lane: emergency, event, telemetry"),
  disk: z.string().optional().describe("opening, open, reopening, or away: nothing can be written"),
  store: z.string().optional().describe("the outbox in use, 8 of 0-9 and a-z"),
  history: OutboxHistory.optional(),
});

const BrokerSnapshot = z.object({
  url: z.string().describe("as configured"),
  state: z
    .string()
    .describe(
      "connected; connecting: it is tried, or connected and not heard yet; standby: another one is used",
    ),
  fault: z.string().optional().describe("one word: why the last connection to it failed or ended"),
  rttMs: z.number().optional().describe("from the last publish to it to its PUBACK"),
  rttAgeS: z.number().optional().describe("seconds since that PUBACK"),
});
export type BrokerSnapshot = z.infer<typeof BrokerSnapshot>;

/** The rest is that of `health`, with `custody`. */
export const LinkSnapshot = link.extend({
  brokers: z.array(BrokerSnapshot).readonly().optional().describe("in the configured order"),
});

export const SignalSnapshot = z.object({
  path: z.string().describe("COVESA VSS path"),
  value: z
    .union([z.number(), z.boolean(), z.string()])
    .optional()
    .describe("the newest, even if it is stale; absent: never received, or received as unknown"),
  unit: z.string().optional().describe("VSS's unit; absent: it has none"),
  ageMs: z.number().optional().describe("since it was received; absent: never"),
  stale: z.boolean().describe("its value is not known now"),
  message: z.string().describe("of the database"),
  frameId: z.int().nonnegative().describe("of the frame that carries it"),
  extended: z.boolean().describe("whether the id has 29 bits"),
  signal: z.string().describe("of the message"),
});
export type SignalSnapshot = z.infer<typeof SignalSnapshot>;

export const CanSnapshot = can.unwrap().extend({
  interface: z.string().optional().describe("as configured"),
  profile: z
    .string()
    .optional()
    .describe("the vehicle profile's file; absent: a database with a map of its own"),
  database: z.string().optional().describe("the DBC file's name"),
  signals: z
    .array(SignalSnapshot)
    .readonly()
    .optional()
    .describe("every mapped signal, in the order of the map"),
});

/** `buttons` are those of `health`. Loops have the names of their buttons. */
export const BoardSnapshot = panicBoard.unwrap().extend({
  firmware: z.string().optional().describe("its version"),
  degraded: z.boolean().optional().describe("true: another firmware than ours, without a latch"),
  loops: z
    .record(z.string(), z.string())
    .optional()
    .describe("normal, pressed, open, short, stuck or degraded"),
  loopNumbers: z
    .record(z.string(), z.number())
    .optional()
    .describe("the input of each loop on the board, from 0"),
  levelsV: z
    .record(z.string(), z.number())
    .optional()
    .describe("volts measured at the loop, 2.5 at rest with a supply of 5 V; firmware 1.3 and newer"),
  supplyMv: z.number().optional().describe("millivolts at the board"),
  supplyCalibrated: z.boolean().optional().describe("false: supplyMv may be up to 9 % off"),
  uptimeS: z.number().optional().describe("seconds since the board started"),
  resetCause: z.string().optional().describe("why it last started"),
  resetsInHour: z.number().optional().describe("how often it was reset within the last hour"),
});
export type BoardSnapshot = z.infer<typeof BoardSnapshot>;

const LEGS = ["stored", "sent", "received", "accepted", "cleared"] as const;

/** An emergency or a drill of this boot: the open ones, and the last four that have ended. */
const EpisodeSnapshot = z.object({
  episode: z.string(),
  test: z.boolean().describe("a drill"),
  button: z.string().optional(),
  state: z.string().optional().describe("active, received, accepted or cleared"),
  presses: z.number().optional(),
  pressedAt: z.string().optional().describe("UTC; absent if it is not known"),
  legs: z
    .partialRecord(z.enum(LEGS), z.number())
    .describe("milliseconds from the press to each stage; empty if the unit was restarted since"),
});

export const EmergencySnapshot = z.object({
  drillArmed: z.boolean().describe("the next press is a drill"),
  drillLeftS: z.number().optional().describe("seconds until it is none any more"),
  lamp: z.string().describe("the pattern that the unit wants on the board's lamp"),
  lampDrill: z.boolean().optional().describe("the pattern belongs to a drill"),
  quiet: z.boolean().optional().describe("the sounder is off"),
  episodes: z.array(EpisodeSnapshot).readonly(),
  counts: z
    .object({
      real: z.number().describe("emergencies"),
      drills: z.number(),
      presses: z.number().describe("that count in one of them"),
    })
    .optional()
    .describe("since the service started"),
});

/** An active fault. The catalogue (`domain/faults`) has the sentence and the remedy of each code. */
export const ActiveFault = z.object({
  part: z.string(),
  code: z.string(),
  where: z.string().optional().describe("the loop, broker, topic or interface"),
  detail: z.string(),
});
export type ActiveFault = z.infer<typeof ActiveFault>;

/** The configuration of a root (`run --root`). */
export const InstalledSnapshot = z.object({
  version: z.number().optional().describe("in force"),
  previous: z.number().optional().describe("the one before, to which the unit can go back"),
  signer: z.string().optional().describe("who signed the bundle; absent: it was written by hand"),
  trial: z
    .object({
      countedS: z.number().describe("seconds that count so far without dispatch"),
      trialS: z.number().describe("after so many the unit goes back"),
    })
    .optional()
    .describe("absent: it is not on trial"),
});
export type InstalledSnapshot = z.infer<typeof InstalledSnapshot>;
