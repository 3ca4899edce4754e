import type { Report, ReportKind } from "./report.ts";

/** Reports wait in lanes. Those of one lane go out in order; those of different lanes need not. */
export const LANES = ["emergency", "event", "telemetry"] as const;
export type Lane = (typeof LANES)[number];

export const laneOf = (kind: ReportKind): Lane =>
  kind === "emergency" || kind === "event" ? kind : "telemetry";

/** What delivery needs of the durable queue. */
export type PendingReports = {
  readonly boot: number;
  /** Dispatch has them: the records may go. */
  settle(reports: readonly Pick<Report, "seq" | "kind">[]): void;
  /** No broker takes these: they are declared (`too-large`) and go. */
  refuse(reports: readonly Pick<Report, "seq" | "kind">[]): void;
  /** Pending records of a lane above a number that may go out, oldest first, and how far it looked. */
  read(lane: Lane, after: number, limit: number): Promise<{ reports: Report[]; cursor: number }>;
  /** No pending number is below this one. */
  oldest(): number;
};
