import type { GapReason } from "../domain/report.ts";

/** A report of a unit that passed all checks. Instants: UTC milliseconds since 1970. */
export type StoredReport = {
  readonly unit: string;
  /** Empty in reports of contract 1.0. */
  readonly store: string;
  readonly boot: number;
  readonly seq: number;
  readonly kind: string;
  readonly at: number;
  readonly clock: string;
  readonly mono: number;
  readonly live: boolean;
  /** JSON. */
  readonly data: string;
  /** JSON of the keys beside those of contract §3, and of details of an emergency that do not fit it, if there are any. */
  readonly extra: string | undefined;
};

/** `other`: a reason that this version does not know. */
export type DeclaredReason = GapReason | "other";

/** What an event `gap` declares: from..to except `kept`. */
export type Declaration = {
  readonly from: number;
  readonly to: number;
  readonly kept: readonly number[];
  readonly reason: DeclaredReason;
};

/** At `mono` of `boot` it was `at`. */
type ClockCorrection = { readonly boot: number; readonly mono: number; readonly at: number };

/** What a report means for the recorder, beyond being stored. */
export type Meaning =
  | { readonly kind: "plain" }
  | { readonly kind: "gap"; readonly gap: Declaration }
  | { readonly kind: "clock"; readonly correction: ClockCorrection }
  | {
      readonly kind: "emergency";
      readonly episode: string;
      readonly state: string;
      /** How many fields were left out (`shortened`). */
      readonly shortened: number;
    };

export type Accepted = { readonly report: StoredReport; readonly meaning: Meaning };

/** What a message had that could not be accepted. `number`: set if it is known whose number it is. */
export type Rejected = {
  readonly topic: string;
  readonly reason: string;
  readonly bytes: Uint8Array;
  readonly number?: Pick<StoredReport, "unit" | "store" | "seq">;
};

/** A report that is not stored as one: its content is kept as a rejected message. */
export const rejectedOf = ({ report }: Accepted, reason: string): Rejected => {
  const { unit, store, seq } = report;
  const bytes = Buffer.from(JSON.stringify(report));
  return { topic: unit, reason, bytes, number: { unit, store, seq } };
};

export const streamKey = ({ unit, store }: { readonly unit: string; readonly store: string }): string =>
  `${unit} ${store}`;
