import * as z from "zod";
import { isKeepable } from "./text.ts";

/** The messages of contract §2 that are not reports. */

/** The longest timestamp that is accepted. More digits would add no accuracy. */
const INSTANT_LETTERS = 40;
const instant = z.iso.datetime({ offset: true }).max(INSTANT_LETTERS);

export const StateMessage = z
  .object({
    state: z.enum(["online", "offline"]).describe("whether the unit is connected"),
    unit: z.string().describe("directorate/unit"),
    store: z.string().optional().describe("the outbox in use"),
    boot: z.int().positive().describe("+1 at each start of the service"),
    connection: z.int().positive().optional().describe("+1 for each connection of the link"),
    version: z.string().describe("of the software"),
    reason: z.string().optional().describe("why a clean stop; absent in the will"),
    at: instant.optional().describe("absent in the will, which is written before it is true"),
    clock: z.enum(["gnss", "ntp", "unset"]).optional().describe("how far to trust `at`"),
  })
  .describe("Birth, will and clean farewell of a unit");
export type StateMessage = z.infer<typeof StateMessage>;

export const AckMessage = z
  .object({
    stage: z
      .enum(["received", "accepted", "cleared"])
      .describe("received: dispatch's system has it; accepted: a person has it; cleared: it is over"),
    by: z.string().optional().describe("who acknowledges"),
    at: instant.optional().describe("when, with the offset from UTC"),
  })
  .describe("Dispatch answers an emergency");

const name = (letters: number) =>
  z.string().min(1).max(letters).refine(isKeepable, "no U+0000 and no half of a surrogate pair");

export const CommandMessage = z
  .looseObject({
    id: name(200).describe("the same id is never run twice"),
    kind: name(64).describe("what is asked: ping, drill, locate, report, restart"),
    expiresAt: instant.describe("it is refused from then on"),
  })
  .describe("Dispatch asks something of a unit");

export type CommandMessage = z.infer<typeof CommandMessage>;

/** The most ranges that a receipt lists. */
export const MISSING_MAX = 100;
const range = z
  .tuple([z.int().positive(), z.int().positive()])
  .refine(([from, to]) => from <= to, "a range must not end before it begins");

export const ReceiptMessage = z
  .object({
    store: z.string().describe("the outbox whose numbers these are"),
    upTo: z
      .int()
      .nonnegative()
      .describe("every number up to this one is stored or declared, except those in `missing`"),
    missing: z
      .array(range)
      .max(MISSING_MAX)
      .describe("ranges that dispatch does not have, first and last number, ascending, not above `upTo`"),
    by: z.string().min(1).max(200).describe("the recorder's database"),
    at: instant.describe("when, with the offset from UTC"),
  })
  .refine(
    ({ upTo, missing }) =>
      missing.every(([from], n) => n === 0 || from > missing[n - 1]![1]) &&
      (missing.at(-1)?.[1] ?? 0) <= upTo,
    "`missing` must ascend, without overlaps, up to `upTo`",
  )
  .describe("Dispatch's recorder has stored reports");
export type ReceiptMessage = z.infer<typeof ReceiptMessage>;

/** Further keys of a command of kind `report`. What is left out stays as configured. */
export const ReportCommand = z
  .object({
    forS: z.number().min(1).max(86_400).default(600).describe("then as configured again"),
    movingS: z.number().min(0).max(86_400).optional().describe("seconds between positions when moving"),
    distanceM: z.number().positive().optional().describe("metres between positions"),
    headingDeg: z.number().positive().max(180).optional().describe("degrees of turn between positions"),
    standingS: z.number().min(0).max(86_400).optional().describe("seconds between positions when standing"),
    parkedS: z.number().min(0).max(86_400).optional().describe("seconds between positions when parked"),
  })
  .describe("Positions at other intervals for a while");

/** The id of the reply that `doctor` and the list of commissioning publish to try whether the unit may. */
export const DOCTOR_REPLY_ID = "doctor";

export const ReplyMessage = z
  .looseObject({
    id: z.string().describe("of the command; empty if it has none that can be read"),
    ok: z.boolean().describe("whether the command was run"),
  })
  .describe("The unit's answer to a command");

export const SilentMessage = z
  .object({
    since: instant.describe("when the recorder found that the unit is overdue"),
    last: instant.describe("when the recorder heard it last"),
    expectedS: z.number().describe("seconds within which a message was expected"),
  })
  .describe("Dispatch's recorder has not heard a unit for too long");

export const RecorderStateMessage = z
  .object({
    state: z.enum(["online", "offline"]).describe("whether the recorder is connected"),
    recorder: z.string().describe("its name"),
    reason: z.string().optional().describe("why a clean stop; absent in the will"),
    at: instant.optional().describe("absent in the will"),
  })
  .describe("Birth, will and clean farewell of dispatch's recorder");
