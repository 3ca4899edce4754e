import type { Report } from "../domain/report.ts";

/**
 * The order of delivery (contract v1 §4), without I/O: what is offered, what goes next, what is
 * on the wire. Emergencies, then events, then live telemetry, then history; each message is one
 * report, but history, which is a batch.
 *
 * A report that is not settled when the connection goes is simply forgotten here: the outbox
 * still has it, and the next connection finds it there.
 */
export type Urgent = "emergency" | "event";
export type Outgoing =
  | { readonly kind: "report"; readonly report: Report; readonly lane: Urgent | "live" }
  | { readonly kind: "history"; readonly reports: readonly Report[] };

export type DeliverySettings = {
  /** Messages on the wire at once. */
  readonly window: number;
  /** Messages that emergencies and events may have on the wire beyond the window. */
  readonly urgentReserve: number;
  /** Of these, at most so many history batches: what a press may have to wait behind. */
  readonly historyWindow: number;
  /** Live reports that may wait for the window; more than that is history. */
  readonly liveQueue: number;
};

export type Delivery = {
  /** A new telemetry report: goes out live if there is room. */
  offerLive(report: Report): void;
  /** Records read from the outbox; those already under way are passed over. */
  offerStored(lane: Urgent | "history", reports: readonly Report[]): void;
  /** The next message, or undefined where there is none or the window is full. */
  next(): Outgoing | undefined;
  /** Whether more records of a lane should be read now. */
  wants(lane: Urgent | "history"): boolean;
  settled(outgoing: Outgoing): void;
  readonly inFlight: number;
};

const reportsOf = (outgoing: Outgoing): readonly Report[] =>
  outgoing.kind === "report" ? [outgoing.report] : outgoing.reports;

export const createDelivery = (settings: DeliverySettings): Delivery => {
  const urgent: Record<Urgent, Report[]> = { emergency: [], event: [] };
  const live: Report[] = [];
  const history: (readonly Report[])[] = [];
  const underway = new Set<number>();
  let inFlight = 0;
  let historyInFlight = 0;

  const pick = (): Outgoing | undefined => {
    for (const lane of ["emergency", "event"] as const) {
      const report = urgent[lane].shift();
      if (report) return { kind: "report", report, lane };
    }
    if (inFlight >= settings.window) return undefined;
    const report = live.shift();
    if (report) return { kind: "report", report, lane: "live" };
    if (historyInFlight >= settings.historyWindow) return undefined;
    const reports = history.shift();
    return reports && { kind: "history", reports };
  };

  return {
    offerLive(report) {
      if (live.length >= settings.liveQueue || underway.has(report.seq)) return;
      underway.add(report.seq);
      live.push(report);
    },
    offerStored(lane, reports) {
      const fresh = reports.filter((report) => !underway.has(report.seq));
      for (const report of fresh) underway.add(report.seq);
      if (lane !== "history") urgent[lane].push(...fresh);
      else if (fresh.length > 0) history.push(fresh);
    },
    next() {
      if (inFlight >= settings.window + settings.urgentReserve) return undefined;
      const outgoing = pick();
      if (outgoing) inFlight++;
      if (outgoing?.kind === "history") historyInFlight++;
      return outgoing;
    },
    wants(lane) {
      if (lane === "history") return history.length === 0 && historyInFlight < settings.historyWindow;
      return urgent[lane].length === 0;
    },
    settled(outgoing) {
      inFlight--;
      if (outgoing.kind === "history") historyInFlight--;
      for (const report of reportsOf(outgoing)) underway.delete(report.seq);
    },
    get inFlight() {
      return inFlight;
    },
  };
};
