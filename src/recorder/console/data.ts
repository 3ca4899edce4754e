import * as z from "zod";
import { cut } from "./cut.ts";

/**
 * What the console reads from the data of a report. A unit with newer software may send words that this version
 * does not know (contract §2), so these schemas ask only for what is shown.
 */

const number = z.number().optional().catch(undefined);
const word = z.string().max(200).optional().catch(undefined);

export const PlaceData = z.object({
  lat: z.number().min(-90).max(90),
  lon: z.number().min(-180).max(180),
  altM: number,
  speedKmh: number,
  courseDeg: number,
  accuracyM: number,
});
export type PlaceData = z.infer<typeof PlaceData>;

/** Signals that are kept of a unit. Beyond it the others are left out. */
const SIGNALS = 500;
/** Of the name of a signal and of a value of the health so many letters are kept. */
const NAME_LETTERS = 200;

export const VehicleData = z.object({
  signals: z
    .record(z.string(), z.union([z.number(), z.boolean(), z.string().max(1_000)]))
    .transform((signals) =>
      Object.fromEntries(
        Object.entries(signals)
          .slice(0, SIGNALS)
          .map(([name, value]) => [cut(name, NAME_LETTERS), value]),
      ),
    ),
  stale: z
    .array(z.string().transform((name) => cut(name, NAME_LETTERS)))
    .max(SIGNALS)
    .catch([])
    .default([]),
});

export const EmergencyData = z.object({
  episode: z.string().max(64),
  state: z.enum(["active", "received", "accepted", "cleared"]),
  test: z.boolean(),
  silent: z.boolean().catch(false).default(false),
  // An emergency is never ignored for the name of its button.
  button: z.string().transform((name) => cut(name, 100)),
  buttons: z.array(z.string().max(100)).max(16).optional().catch(undefined),
  pressedAt: z.iso.datetime().optional().catch(undefined),
  heldMs: number,
  presses: z.int().catch(1),
  attempt: z.int().catch(1),
  position: PlaceData.extend({ ageMs: number, trusted: z.boolean().optional() }).optional().catch(undefined),
  track: z
    .array(z.unknown())
    .max(10)
    .catch([])
    .default([])
    .transform((points) => points.flatMap((point) => PlaceData.safeParse(point).data ?? [])),
  vehicle: VehicleData.optional().catch(undefined),
  by: word,
  shortened: z.array(z.string().max(100)).max(20).catch([]).default([]),
});
export type EmergencyData = z.infer<typeof EmergencyData>;

export const FaultData = z.object({
  type: z.enum(["fault", "recovered"]),
  part: z.string().max(100),
  code: word,
  where: word,
  detail: z.string().transform((detail) => cut(detail, 1_000)),
});
export const BootData = z.object({ type: z.literal("boot") });

/** Values of a unit's health that are kept. Beyond it the others are left out. */
const VALUES = 100;
const VALUE_LETTERS = 500;

/** The values of an object by their paths, as texts. A report is at most 64 levels deep. */
const flatten = function* (value: unknown, path = ""): Generator<[path: string, text: string]> {
  if (typeof value !== "object" || value === null) {
    yield [cut(path, NAME_LETTERS), cut(String(value), VALUE_LETTERS)];
    return;
  }
  for (const [key, inner] of Object.entries(value))
    yield* flatten(inner, path === "" ? key : `${path}.${key}`);
};

const HealthWords = z.object({
  link: z.object({ fault: word }).optional().catch(undefined),
  panicBoard: z.object({ connected: z.boolean() }).optional().catch(undefined),
});

/** `values`: all that the unit sent, to be shown. */
export const HealthData = z.record(z.string(), z.unknown()).transform((data) => ({
  ...HealthWords.parse(data),
  values: flatten(data).take(VALUES).toArray(),
}));

export const EventData = z.looseObject({ type: z.string().max(64) });
