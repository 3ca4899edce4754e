import * as z from "zod";
import { GAP_REASONS, WireReport } from "../domain/report.ts";
import type { Accepted, DeclaredReason, Meaning, Rejected, StoredReport } from "./report.ts";

/**
 * What becomes of one report: accepted as it is, an emergency without what does not fit, or rejected with a reason. Contract §2: a consumer ignores
 * unknown keys, kinds, types and reasons, so these are kept and not rejected.
 */

/** Milliseconds of 100 years: no unit runs for so long, and dates are reckoned from it. */
const MONO_MAX = 3_155_760_000_000;

/** What every report must have, whatever its kind. */
const Envelope = z.object({
  v: z.literal(1),
  unit: z.string().regex(/^[a-z0-9][a-z0-9-]{0,31}\/[a-z0-9][a-z0-9-]{0,31}$/),
  store: z
    .string()
    .regex(/^[0-9a-z]{8}$/)
    .optional(),
  boot: z.int().positive(),
  seq: z.int().positive(),
  kind: z.string().regex(/^[A-Za-z][\w-]{0,63}$/),
  at: z.iso.datetime({ precision: 3 }),
  clock: z.string().regex(/^[A-Za-z][\w-]{0,63}$/),
  mono: z.int().nonnegative().max(MONO_MAX),
  live: z.boolean(),
  data: z.record(z.string(), z.unknown()),
});
type Envelope = z.infer<typeof Envelope>;
const ENVELOPE_KEYS = new Set(Object.keys(Envelope.shape));

const valueAt = (value: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>(
    (inner, key) =>
      typeof inner === "object" && inner !== null
        ? Object.entries(inner).find(([k]) => k === String(key))?.[1]
        : undefined,
    value,
  );

/** A word that this version does not know: of a kind, a type, a reason, a part or a state. */
const isUnknownWord = (issue: z.core.$ZodIssue, value: unknown): boolean => {
  if (issue.path[0] === "v") return false;
  const isWord =
    issue.code === "invalid_value" ||
    (issue.code === "invalid_union" && "note" in issue && issue.note === "No matching discriminator");
  return isWord && typeof valueAt(value, issue.path) === "string";
};

/** At most so many faults are named. */
const NAMED = 3;

const sentence = (issues: readonly z.core.$ZodIssue[]): string => {
  const words = issues.slice(0, NAMED).map(({ path, message }) => `${path.join(".") || "it"}: ${message}`);
  return [...words, ...(issues.length > NAMED ? ["and more"] : [])].join("; ");
};

const Gap = z
  .object({
    type: z.literal("gap"),
    from: z.int().positive(),
    to: z.int().positive(),
    kept: z.array(z.int().positive()).optional(),
    reason: z.string(),
  })
  .refine(({ from, to }) => from <= to);
const Clock = z.object({
  type: z.literal("clock"),
  boot: z.int().positive(),
  mono: z.int().nonnegative().max(MONO_MAX),
  at: z.iso.datetime({ precision: 3 }),
});
const Emergency = z.object({
  episode: z.string(),
  state: z.string(),
  shortened: z.array(z.string()).optional(),
});

const knownReason = (reason: string): DeclaredReason =>
  GAP_REASONS.find((known) => known === reason) ?? "other";

/** A gap that ends before it begins declares nothing: its numbers stay missing. */
const meaningOf = ({ kind, data }: Envelope): Meaning => {
  if (kind === "emergency") {
    const { success, data: found } = Emergency.safeParse(data);
    if (!success) return { kind: "plain" };
    const { episode, state, shortened = [] } = found;
    return { kind: "emergency", episode, state, shortened: shortened.length };
  }
  if (kind !== "event") return { kind: "plain" };
  const gap = data["type"] === "gap" ? Gap.safeParse(data) : undefined;
  if (gap?.success) {
    const { from, to, kept = [], reason } = gap.data;
    return { kind: "gap", gap: { from, to, kept, reason: knownReason(reason) } };
  }
  const clock = data["type"] === "clock" ? Clock.safeParse(data) : undefined;
  if (!clock?.success) return { kind: "plain" };
  const { boot, mono, at } = clock.data;
  return { kind: "clock", correction: { boot, mono, at: Date.parse(at) } };
};

/** What an emergency is complete without. */
const DETAILS = new Set([
  "silent",
  "buttons",
  "pressedAt",
  "heldMs",
  "position",
  "track",
  "vehicle",
  "by",
  "ackAt",
  "shortened",
]);

const isDetail = (key: unknown): boolean => typeof key === "string" && DETAILS.has(key);

type Split = { readonly data: Envelope["data"]; readonly aside: Envelope["data"] };

/**
 * A report without what does not fit. A press must be known to have arrived, so an emergency counts without its details.
 * Undefined: the report is none without it.
 */
const split = ({ kind, data }: Envelope, faults: readonly z.core.$ZodIssue[]): Split | undefined => {
  const keys = faults.map(({ path: [where, key] }) => (where === "data" ? key : undefined));
  if (keys.length > 0 && (kind !== "emergency" || !keys.every(isDetail))) return undefined;
  const entries = Object.entries(data);
  const isUnfit = ([key]: readonly [string, unknown]): boolean => keys.includes(key);
  return {
    data: Object.fromEntries(entries.filter((entry) => !isUnfit(entry))),
    aside: Object.fromEntries(entries.filter(isUnfit)),
  };
};

/** JSON of what is kept beside a report: keys that the contract does not know, and under `data` what did not fit. */
const extraOf = (value: object, aside: Envelope["data"]): string | undefined => {
  const unknown = Object.entries(value).filter(([key]) => !ENVELOPE_KEYS.has(key));
  const extra = Object.keys(aside).length > 0 ? [...unknown, ["data", aside] as const] : unknown;
  return extra.length === 0 ? undefined : JSON.stringify(Object.fromEntries(extra));
};

const storedOf = (value: Envelope, extra: string | undefined): StoredReport => ({
  unit: value.unit,
  store: value.store ?? "",
  boot: value.boot,
  seq: value.seq,
  kind: value.kind,
  at: Date.parse(value.at),
  clock: value.clock,
  mono: value.mono,
  live: value.live,
  data: JSON.stringify(value.data),
  extra,
});

/** Where a report was found, and whose it must be. */
export type Origin = {
  readonly topic: string;
  /** Undefined: any, because there is no topic (an exported file). */
  readonly unit: string | undefined;
  /** The episode of the topic, if it has one. */
  readonly episode?: string | undefined;
};

export type Verdict =
  | { readonly kind: "accepted"; readonly accepted: Accepted }
  | { readonly kind: "rejected"; readonly rejected: Rejected };

/** Judges one parsed report. `bytes`: what is kept if it is rejected. */
export const judge = (value: unknown, origin: Origin, bytes: () => Uint8Array): Verdict => {
  const reject = (reason: string, number?: Rejected["number"]): Verdict => ({
    kind: "rejected",
    rejected: { topic: origin.topic, reason, bytes: bytes(), ...(number ? { number } : {}) },
  });
  const envelope = Envelope.safeParse(value);
  if (!envelope.success) return reject(sentence(envelope.error.issues));
  const { unit, store = "", seq, kind } = envelope.data;
  if (origin.unit !== undefined && unit !== origin.unit) return reject(`unit ${unit} is not its topic's`);
  const wire = WireReport.safeParse(value);
  const faults = wire.success ? [] : wire.error.issues.filter((issue) => !isUnknownWord(issue, value));
  const fits = split(envelope.data, faults);
  if (!fits) return reject(sentence(faults), { unit, store, seq });
  const report = { ...envelope.data, data: fits.data };
  const meaning = meaningOf(report);
  const episode = meaning.kind === "emergency" ? meaning.episode : undefined;
  if (origin.episode !== undefined && kind === "emergency" && episode !== origin.episode)
    return reject("the episode is not its topic's", { unit, store, seq });
  const extra = typeof value === "object" && value !== null ? extraOf(value, fits.aside) : undefined;
  return { kind: "accepted", accepted: { report: storedOf(report, extra), meaning } };
};
