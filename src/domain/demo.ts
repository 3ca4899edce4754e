import * as z from "zod";

/** What the demo's page and its server say to each other. Instants are UTC milliseconds. */

/** What a visitor can do to the car and its link. Each is a switch. */
export const TROUBLES = ["tunnel", "broker", "gps", "loop", "power"] as const;
export type Trouble = (typeof TROUBLES)[number];

/** The steps of the guided path, in the order in which they are shown. Each ticks itself. */
export const STEPS = ["moves", "press", "heard", "answer", "clear", "tunnel", "leave"] as const;
export type Step = (typeof STEPS)[number];

/** The way of a press: the board has it, the disk has it, a broker has it, dispatch has it. */
const PRESS_LEGS = ["latched", "stored", "sent", "dispatch"] as const;
export type PressLeg = (typeof PRESS_LEGS)[number];

/** One thing that happened. */
const Said = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("moves"), kmh: z.number() }),
  z.object({ kind: z.literal("pressed") }),
  z.object({ kind: z.literal("unseen"), why: z.enum(["loop", "power"]) }),
  z.object({ kind: z.literal("leg"), leg: z.enum(PRESS_LEGS), ms: z.number() }),
  z.object({ kind: z.literal("lamp"), lamp: z.string() }),
  z.object({ kind: z.literal("answer"), stage: z.string(), by: z.string().optional() }),
  z.object({ kind: z.literal("trouble"), trouble: z.enum(TROUBLES), on: z.boolean() }),
  z.object({ kind: z.literal("starts"), ms: z.number() }),
  z.object({ kind: z.literal("died") }),
  z.object({ kind: z.literal("unit"), state: z.enum(["online", "offline"]) }),
  z.object({ kind: z.literal("fault"), part: z.string(), code: z.string(), over: z.boolean() }),
  z.object({ kind: z.literal("history"), reports: z.number() }),
]);
export type Said = z.infer<typeof Said>;

/** A line of the log. `n` grows by one from line to line. */
export const LogLine = z.object({ n: z.int(), at: z.number(), said: Said });
export type LogLine = z.infer<typeof LogLine>;

export const DemoState = z.object({
  lamp: z.object({ lamp: z.string(), drill: z.boolean(), sounder: z.boolean() }),
  /** The switches that are on. */
  troubles: z.array(z.enum(TROUBLES)),
  /** The steps that are done. */
  done: z.array(z.enum(STEPS)),
  /** The port of the unit's page, on this machine. Absent: the unit has not started yet. */
  carPort: z.int().optional(),
  /** Whether the unit runs. */
  running: z.boolean(),
  /** The port of the console. */
  consolePort: z.int(),
});
export type DemoState = z.infer<typeof DemoState>;

/** The body of `POST /trouble`. */
export const TroubleOrder = z.object({ trouble: z.enum(TROUBLES), on: z.boolean() });
export type TroubleOrder = z.infer<typeof TroubleOrder>;
