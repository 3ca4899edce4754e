import { STEP_KINDS, type StepKind } from "../domain/commissioning.ts";
import { isTriable } from "./signals.ts";

/**
 * The commissioning list of one car: what has to be seen before it leaves. Pure, and without Node modules: the
 * command and the unit's page show the same list.
 */

/** What the car has, from its configuration. */
export type Fitted = {
  /** The mapped signals. Undefined: no bus is configured. `triable`: as configured; absent: the path decides. */
  readonly signals: readonly { readonly path: string; readonly triable?: boolean | undefined }[] | undefined;
  /** The names of the buttons. `none`: the car has no board. `missing`: no board is configured, which is a fault. */
  readonly buttons: readonly string[] | "none" | "missing";
  /** URLs. */
  readonly brokers: readonly string[];
  readonly power: Power;
  /** What is wrong with the configuration, each as a sentence; a faulty part is off, or runs with a default. */
  readonly faults: readonly { readonly part: string; readonly says: string }[];
};

/**
 * The computer's power-off: never, configured but not possible (`faulty`), or `offAfterS` seconds after the
 * ignition. `tried`: the technician tries it.
 */
export type Power =
  | { readonly kind: "never" }
  | { readonly kind: "faulty"; readonly reason: string }
  | { readonly kind: "declared"; readonly offAfterS: number; readonly tried: boolean };

export type Limits = {
  /** Metres, 1σ: a fix counts up to this accuracy. */
  readonly accuracyM: number;
  /** Seconds for which each fix must be that accurate. */
  readonly holdS: number;
  /** Days for which the certificate must still be valid. */
  readonly certificateDays: number;
};

export const DEFAULT_LIMITS: Limits = { accuracyM: 10, holdS: 60, certificateDays: 30 };

/** One line of the list. `id`: its kind, with its subject behind a colon if there are several of the kind. */
export type Step = {
  readonly id: string;
  readonly kind: StepKind;
  /** The VSS path, the button's name, the broker's URL. */
  readonly subject?: string;
};

export type Plan = {
  readonly fitted: Fitted;
  readonly limits: Limits;
  readonly steps: readonly Step[];
};

/** The subjects of a kind that can have several. None: the kind has one step, which may say that there is no such part. */
const subjectsOf = (kind: StepKind, { signals, buttons, brokers }: Fitted): readonly string[] => {
  if (kind === "broker") return brokers;
  if (kind === "button") return typeof buttons === "string" ? [] : buttons;
  return kind === "signal" ? (signals ?? []).map(({ path }) => path) : [];
};

const stepsOf = (kind: StepKind, fitted: Fitted): Step[] => {
  const subjects = subjectsOf(kind, fitted);
  return subjects.length === 0
    ? [{ id: kind, kind }]
    : subjects.map((subject) => ({ id: `${kind}:${subject}`, kind, subject }));
};

/** The list, in the order in which it is worked through. A part that the car lacks has one step that says so. */
export const planFor = (fitted: Fitted, limits: Limits = DEFAULT_LIMITS): Plan => ({
  fitted,
  limits,
  steps: STEP_KINDS.flatMap((kind) => stepsOf(kind, fitted)),
});

/** Whether a technician can change a mapped signal. */
export const isTried = ({ signals = [] }: Fitted, path: string): boolean =>
  signals.find((signal) => signal.path === path)?.triable ?? isTriable(path);
