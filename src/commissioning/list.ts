import type { Cause, Figures } from "../domain/commissioning.ts";
import type { Plan, Step } from "./plan.ts";
import type { Saying } from "./saying.ts";
import type { Legs, Seen, SignalValue } from "./seen.ts";

/** The list while it is worked through. All times are milliseconds on a clock that never jumps. */

/** How a step ended. */
export type Settled =
  | { readonly state: "pass"; readonly figures?: Figures }
  | { readonly state: "fail"; readonly reason: Saying; readonly figures?: Figures }
  | {
      readonly state: "not-fitted";
      readonly cause: Cause;
      readonly reason: Saying;
      readonly figures?: Figures;
    };

/** What is known of a step that has not ended, by kind. `why`: why it has not passed yet. */
export type Waiting =
  | { readonly state: "waiting"; readonly on: "status"; readonly why: Saying }
  | {
      readonly state: "waiting";
      readonly on: "fix";
      /** Since when each fix was good enough. Undefined: the newest one is not. */
      readonly since?: number | undefined;
      readonly worstM: number;
      readonly satellites?: number | undefined;
      readonly why: Saying;
    }
  | { readonly state: "waiting"; readonly on: "signal"; readonly first?: SignalValue | undefined }
  | { readonly state: "waiting"; readonly on: "button"; readonly drill: Drill }
  | {
      readonly state: "waiting";
      readonly on: "broker";
      readonly tries: number;
      readonly isBeingTried: boolean;
      /** When it is tried next. */
      readonly nextAt: number;
      readonly why: Saying;
    }
  | {
      readonly state: "waiting";
      readonly on: "power-off";
      readonly since?: number;
      readonly ignition: "on" | "off";
    };

/**
 * The drill of one button. `missed`: drills that were armed without a press. `refusal`: why the unit would not arm
 * one. `asking`: it has been asked.
 */
export type Drill =
  | {
      readonly phase: "not-armed";
      readonly missed: number;
      readonly refusal?: { readonly why: Saying; readonly at: number };
    }
  | { readonly phase: "asking"; readonly missed: number }
  | { readonly phase: "armed"; readonly missed: number; readonly at: number }
  | { readonly phase: "pressed"; readonly episode: string; readonly at: number; readonly legs: Legs };

export type Progress = Settled | Waiting;

export type Entry = {
  readonly step: Step;
  readonly progress: Progress;
  /** When it was decided. Undefined: it waits. */
  readonly endedAt?: number;
};

export type List = {
  readonly plan: Plan;
  readonly entries: readonly Entry[];
  readonly beganAt: number;
  /** The newest status, and when it came. Undefined: none has come. */
  readonly seen?: { readonly status: Seen; readonly at: number };
  /** Episodes that were known before the list began: their presses prove nothing. At most those of one status. */
  readonly before: readonly string[];
  /** A person says when a drill is armed (event `ready`). Else it is armed by itself. */
  readonly asks: boolean;
  /** Why the list cannot go on: it has to be begun again. */
  readonly broken?: Saying;
};

export type ListEvent =
  /** A status has come. `scheduled`: whether the system has a power-off scheduled; absent: that cannot be seen. */
  | { readonly kind: "status"; readonly status: Seen; readonly scheduled?: boolean | undefined }
  /** The service has not answered. */
  | { readonly kind: "away"; readonly why: string }
  /** What became of an order to try a broker. `why`: why it cannot be used; absent: it can. */
  | { readonly kind: "broker"; readonly url: string; readonly says: string; readonly failed: boolean }
  /** A person is ready to press. */
  | { readonly kind: "ready" }
  /** What became of an order to arm a drill. `why`: why it was refused. */
  | { readonly kind: "armed"; readonly why?: string | undefined }
  /** A technician skips a step that waits or has failed. */
  | { readonly kind: "skip"; readonly id: string; readonly reason: string }
  /** The list ends before each step has: what waits has failed. */
  | { readonly kind: "end"; readonly by: "time" | "technician" };

/** What has to be done for the list. The answer is an event. */
export type Order =
  | { readonly kind: "try-broker"; readonly url: string }
  | { readonly kind: "arm" }
  | { readonly kind: "disarm" };

export type Advanced = { readonly list: List; readonly orders: readonly Order[] };

export const isWaiting = (progress: Progress): progress is Waiting => progress.state === "waiting";

/** Whether every step has ended. */
export const isOver = ({ entries }: List): boolean => entries.every(({ progress }) => !isWaiting(progress));

/** The steps of a kind. */
export const entriesOf = ({ entries }: List, kind: Step["kind"]): readonly Entry[] =>
  entries.filter(({ step }) => step.kind === kind);

export const fail = (reason: Saying, figures?: Figures): Settled => ({
  state: "fail",
  reason,
  ...(figures === undefined ? {} : { figures }),
});

export const pass = (figures?: Figures): Settled => ({
  state: "pass",
  ...(figures === undefined ? {} : { figures }),
});

export const notFitted = (cause: Cause, reason: Saying, figures?: Figures): Settled => ({
  state: "not-fitted",
  cause,
  reason,
  ...(figures === undefined ? {} : { figures }),
});
