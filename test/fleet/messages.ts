import * as z from "zod";

/** What the runner and the processes of the fleet say to each other, over Node's IPC. */

/** What a process of the fleet is started with, as JSON in its argument. */
export const Share = z.object({
  /** The indices of its units: from, below. */
  from: z.int(),
  below: z.int(),
  urls: z.array(z.string()),
  login: z.object({ username: z.string(), password: z.string() }).optional(),
});
export type Share = z.infer<typeof Share>;

export const Order = z.discriminatedUnion("do", [
  /** Starts all units that do not run, spread over so many milliseconds. Answered when all are accepted. */
  z.object({ do: z.literal("start"), overMs: z.number(), limitMs: z.number() }),
  /** Stops all units clean. */
  z.object({ do: z.literal("stop") }),
  /** Gives each stopped unit so many unsent positions. */
  z.object({ do: z.literal("fill"), records: z.int() }),
  /** Emergencies in a second among its units, from now on; 0: none. Each is cleared soon after dispatch has received it. */
  z.object({ do: z.literal("press"), perSecond: z.number() }),
  /** One position each 5 s, or none. */
  z.object({ do: z.literal("drive"), drives: z.boolean() }),
  /** Forgets what was measured so far. */
  z.object({ do: z.literal("measure") }),
  /** Answers with what was measured. */
  z.object({ do: z.literal("report") }),
  /** From now on a look says which units lack the receipt, or the answer, for what they have published so far. */
  z.object({ do: z.literal("mark") }),
  /** Answers with what the units still have. */
  z.object({ do: z.literal("look") }),
]);
export type Order = z.infer<typeof Order>;

const Journey = z.object({
  unit: z.string(),
  store: z.string(),
  seq: z.int(),
  publishedAt: z.number(),
  receiptAt: z.number().optional(),
});

/** `pressedAt`, `receivedAt`: UTC milliseconds; without the second, the lamp has not shown `received`. */
const Press = z.object({
  unit: z.string(),
  store: z.string(),
  seq: z.int(),
  pressedAt: z.number(),
  receivedAt: z.number().optional(),
});
export type Press = z.infer<typeof Press>;

export const Report = z.object({
  journeys: z.array(Journey),
  presses: z.array(Press),
  /** How late the process's own timers were, milliseconds: figures below that are not the broker's. */
  late: z.object({ p50: z.number(), p99: z.number() }),
  /** What units have logged as warnings and errors, and how often. */
  warnings: z.record(z.string(), z.int()),
});
export type Report = z.infer<typeof Report>;

export const Look = z.object({
  connected: z.int(),
  /** Reports that are neither settled nor declared, over all units. */
  records: z.int(),
  /**
   * Units that have had such reports, or an open emergency, at each look since they last stopped to drive. Health comes
   * each minute: the fleet as a whole always has some.
   */
  restless: z.int(),
  /** Units with custody `dispatch`: they have had a receipt. */
  inDispatch: z.int(),
  /** Emergencies that are open. */
  open: z.int(),
  /** Units without a receipt that covers all that they had published at the mark. */
  unreceipted: z.int(),
  /** Units whose emergency of the mark has not been received by dispatch. */
  unanswered: z.int(),
});
export type Look = z.infer<typeof Look>;

/** Milliseconds from the order to the acceptance of each unit that was started. */
export const Started = z.array(z.number());
