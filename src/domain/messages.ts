import * as z from "zod";

/** The messages of contract §2 that are not reports. */

/** The longest timestamp that is accepted. More digits would add no accuracy. */
const INSTANT_LETTERS = 40;
const instant = z.iso.datetime({ offset: true }).max(INSTANT_LETTERS);

export const StateMessage = z
  .object({
    state: z.enum(["online", "offline"]),
    unit: z.string(),
    store: z.string().optional().describe("the outbox in use"),
    boot: z.int().positive(),
    connection: z.int().positive().optional().describe("+1 for each connection of the link"),
    version: z.string(),
    reason: z.string().optional().describe("why a clean stop; absent in the will"),
    at: instant.optional().describe("absent in the will, which is written before it is true"),
    clock: z.enum(["gnss", "ntp", "unset"]).optional(),
  })
  .describe("Birth, will and clean farewell of a unit");
export type StateMessage = z.infer<typeof StateMessage>;

export const AckMessage = z
  .object({
    stage: z.enum(["received", "accepted", "cleared"]),
    by: z.string().optional(),
    at: instant.optional(),
  })
  .describe("Dispatch answers an emergency");

export const CommandMessage = z
  .looseObject({ id: z.string().min(1).max(200), kind: z.string().min(1).max(64), expiresAt: instant })
  .describe("Dispatch asks something of a unit");

export type CommandMessage = z.infer<typeof CommandMessage>;

/** Further keys of a command of kind `report`. What is left out stays as configured. */
export const ReportCommand = z
  .object({
    forS: z.number().min(1).max(86_400).default(600).describe("then as configured again"),
    movingS: z.number().min(0).max(86_400).optional(),
    distanceM: z.number().positive().optional(),
    headingDeg: z.number().positive().max(180).optional(),
    standingS: z.number().min(0).max(86_400).optional(),
    parkedS: z.number().min(0).max(86_400).optional(),
  })
  .describe("Positions at other intervals for a while");

export const ReplyMessage = z
  .looseObject({ id: z.string(), ok: z.boolean() })
  .describe("The unit's answer to a command");
