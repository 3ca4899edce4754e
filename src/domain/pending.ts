import type { Report, ReportKind } from "./report.ts";

/** Reports of one lane are sent in order. Different lanes are independent. */
export const LANES = ["emergency", "event", "telemetry"] as const;
export type Lane = (typeof LANES)[number];

/** The lane of a report: its own for emergencies and events, telemetry for all others. */
export const laneOf = (kind: ReportKind): Lane =>
  kind === "emergency" || kind === "event" ? kind : "telemetry";

/** The part of the outbox that delivery uses. */
export type PendingReports = {
  readonly boot: number;
  /** Whether a pending emergency was made in this life. Its boot does not show it if the vital file is an old copy. */
  madeHere(seq: number): boolean;
  /** These are handed to a connection. */
  sending(reports: readonly Pick<Report, "seq" | "kind">[]): void;
  /**
   * A broker has acknowledged these: they are not read again. Whether they are deleted depends on the custody.
   * `heard`: the broker had a subscriber, so that they may be deleted without a receipt if receipts end.
   */
  acknowledge(reports: readonly Pick<Report, "seq" | "kind">[], heard: boolean): void;
  /** No broker accepts these: they are declared (`too-large`) and deleted. */
  refuse(reports: readonly Report[]): void;
  /**
   * Up to `limit` pending records of a lane with numbers above `after`, oldest first. `cursor`: the last
   * number looked at.
   */
  read(lane: Lane, after: number, limit: number): Promise<{ reports: Report[]; cursor: number }>;
  /** No pending number is below this one. */
  oldest(): number;
};
