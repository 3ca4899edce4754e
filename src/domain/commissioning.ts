import * as z from "zod";

/**
 * The report of a commissioning, which the unit's own key signs, and what the event says of it. One source for
 * the command that makes it, the service that checks it, and whoever reads it.
 */

/** In the order in which they are worked through: what a press needs first. */
export const STEP_KINDS = [
  "configuration",
  "clock",
  "certificate",
  "firmware",
  "broker",
  "fix",
  "button",
  "signal",
  "power-off",
] as const;
export type StepKind = (typeof STEP_KINDS)[number];

const OUTCOMES = ["pass", "fail", "not-fitted"] as const;
type Outcome = (typeof OUTCOMES)[number];

/** Why a step counts as not fitted. */
const CAUSES = ["not-configured", "cannot-be-tried", "skipped"] as const;
export type Cause = (typeof CAUSES)[number];

/** Steps of a report: VSS has some 100 paths, a board four loops, a unit eight brokers. */
const STEPS_MAX = 256;
const FIGURES_MAX = 16;
export const REASON_LETTERS = 500;
export const NAME_LETTERS = 80;
const ID_LETTERS = 300;
/** Steps that an event names. */
const NAMED_MAX = 16;

const words = (letters: number) => z.string().min(1).max(letters);
const count = z.int().nonnegative();
const seconds = z.number().nonnegative();

const Figure = z.union([z.number(), z.boolean(), z.string().max(ID_LETTERS)]);
export type Figures = Readonly<Record<string, z.infer<typeof Figure>>>;

export const StepReport = z.strictObject({
  id: words(ID_LETTERS).describe("its kind, and its subject behind a colon"),
  kind: z.enum(STEP_KINDS),
  subject: words(ID_LETTERS).optional().describe("the VSS path, the button or the broker"),
  outcome: z.enum(OUTCOMES),
  cause: z.enum(CAUSES).optional().describe("why it counts as not fitted"),
  reason: words(REASON_LETTERS).optional().describe("a sentence; absent if it passed"),
  figures: z
    .record(z.string().regex(/^[a-z][A-Za-z]{0,31}$/), Figure)
    .refine((figures) => Object.keys(figures).length <= FIGURES_MAX, { error: "too many figures" })
    .optional()
    .describe("what was measured, with units in the names"),
  endedS: seconds.describe("seconds from the beginning of the list until this step was decided"),
});
export type StepReport = z.infer<typeof StepReport>;

/** The result of a list. `failed`: a step failed. `incomplete`: none failed, but a technician skipped one. */
const Result = z.enum(["passed", "incomplete", "failed"]);

/** Names a report: the store, the boot and the report's own number on this unit. */
const ReportId = z.string().regex(/^[0-9a-z]{8}-\d{1,10}-\d{1,6}$/);

export const CommissioningReport = z.strictObject({
  v: z.literal(1),
  kind: z.literal("commissioning"),
  id: ReportId,
  unit: words(ID_LETTERS).describe("directorate/unit"),
  store: z.string().regex(/^[0-9a-z]{8}$/),
  boot: z.int().positive(),
  at: z.iso.datetime({ precision: 3 }).describe("UTC when the list ended"),
  clock: z.enum(["gnss", "ntp", "unset"]).describe("how far to trust `at`"),
  seconds: seconds.describe("how long the list took"),
  technician: words(NAME_LETTERS),
  result: Result,
  versions: z.strictObject({
    software: words(NAME_LETTERS),
    vss: words(NAME_LETTERS),
    firmware: words(NAME_LETTERS).optional().describe("of the panic board, as it reports it"),
  }),
  configuration: z.strictObject({
    sha256: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .describe("of the file in force"),
    version: count.optional().describe("of the bundle"),
    signer: words(NAME_LETTERS).optional().describe("the trusted key that signed the bundle"),
  }),
  limits: z.strictObject({
    accuracyM: z.number().positive(),
    holdS: seconds,
    certificateDays: count,
  }),
  steps: z.array(StepReport).min(1).max(STEPS_MAX),
});
export type CommissioningReport = z.infer<typeof CommissioningReport>;

/** A signed report, as a compact JWS, has at most so many bytes; one of 60 signals has some 20 KiB. A longer one is refused. */
export const SIGNED_BYTES = 262_144;

/** Who works through a list. */
export const Technician = words(NAME_LETTERS)
  .trim()
  .min(1)
  .regex(/^\P{Cc}*$/u);

/** What `POST /commissioning/list` carries. */
export const ListOrder = z.strictObject({
  technician: Technician,
  tryPowerOff: z.boolean().optional().describe("the power-off is tried; else it is declared"),
});
export type ListOrder = z.infer<typeof ListOrder>;

/** What `POST /commissioning/list/step` carries. */
export const StepOrder = z.discriminatedUnion("action", [
  z.strictObject({
    action: z.literal("skip"),
    id: words(ID_LETTERS),
    reason: words(REASON_LETTERS)
      .trim()
      .min(1)
      .regex(/^\P{Cc}*$/u),
  }),
  z.strictObject({ action: z.literal("ready"), id: words(ID_LETTERS).describe("of the button") }),
  z.strictObject({ action: z.literal("end") }),
]);

/** What `POST /commissioning` carries. */
export const CommissioningOrder = z.strictObject({ report: z.string().min(1).max(SIGNED_BYTES) });

/** How many steps ended how. `notFitted` counts all of its causes, and `skipped` those that a technician skipped. */
export const tallyOf = (steps: readonly StepReport[]) => {
  const of = (outcome: Outcome): number => steps.filter((step) => step.outcome === outcome).length;
  return {
    passed: of("pass"),
    failed: of("fail"),
    notFitted: of("not-fitted"),
    skipped: steps.filter(({ cause }) => cause === "skipped").length,
  };
};

/** The steps that a technician skipped. */
export const skippedIn = (steps: readonly StepReport[]): readonly string[] =>
  steps.filter(({ cause }) => cause === "skipped").map(({ id }) => id);

/** The result in one line, with the steps that were skipped. */
export const resultLine = ({ result, steps }: Pick<CommissioningReport, "result" | "steps">): string => {
  const { passed, failed, notFitted, skipped } = tallyOf(steps);
  const ids = skippedIn(steps);
  const named = ids.length === 0 ? "" : `: ${ids.slice(0, NAMED_MAX).join(", ")}`;
  const more = ids.length > NAMED_MAX ? `, and ${ids.length - NAMED_MAX} more` : "";
  return `${result}: ${passed} passed, ${failed} failed, ${notFitted} not fitted (${skipped} skipped${named}${more})`;
};

/** The event that says that a unit was commissioned. `sha256`: of the signed report's bytes, hex. */
export const eventOf = (
  { id, result, technician, steps, configuration }: CommissioningReport,
  sha256: string,
) => ({
  type: "commissioning" as const,
  report: id,
  result,
  sha256,
  technician,
  config: configuration.sha256,
  ...tallyOf(steps),
  failures: steps
    .filter(({ outcome }) => outcome === "fail")
    .slice(0, NAMED_MAX)
    .map((step) => step.id),
  skips: skippedIn(steps).slice(0, NAMED_MAX),
});
