import type { LampPattern, OwnPattern } from "../panic.ts";

/**
 * What the officer sees. `unchanged`: the fault does not show on the lamp. `off`: the lamp shows no light.
 * The lamp shows `no-link` only after 60 s without a broker that has a subscriber, and not while an
 * emergency is open.
 */
export type LampSign =
  | Extract<LampPattern | OwnPattern, "fault" | "no-link" | "no-host">
  | "unchanged"
  | "off";

/** What is known of one fault. Each text is one or more sentences. */
export type FaultRow = {
  /** What is wrong. */
  readonly sentence: string;
  readonly lamp: LampSign;
  /** What dispatch sees besides the event with this part and code. */
  readonly dispatch: string;
  readonly cause: string;
  readonly remedy: string;
  /** It is reported once, when it happens. No `recovered` follows. */
  readonly once?: true;
};
