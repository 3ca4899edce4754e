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
  | ({ readonly kind: "history" } & Batch);

/** A history batch, encoded as it will go out. */
type Batch = { readonly reports: readonly Report[]; readonly payload: Buffer };

export type DeliverySettings = {
  /** Messages on the wire at once. */
  readonly window: number;
  /** Messages that emergencies and events may have on the wire beyond the window. */
  readonly urgentReserve: number;
  /** Of these, at most so many live reports. */
  readonly liveWindow: number;
  /** Live reports that may wait for their window; more than that is history. */
  readonly liveQueue: number;
  /** Bytes of history that may be unacknowledged now; one batch always may. */
  readonly historyBudget: () => number;
};

export type Delivery = {
  /** A new telemetry report: goes out live if there is room; false: it is left to history. */
  offerLive(report: Report): boolean;
  /** Of the records read from the outbox, those not yet under way; from now on they are. */
  claim(reports: readonly Report[]): Report[];
  /** Claimed reports of an urgent lane, each a message of its own. */
  offerUrgent(lane: Urgent, reports: readonly Report[]): void;
  /** Claimed telemetry, made into one message. */
  offerHistory(batch: Batch): void;
  /** The next message, or undefined where there is none or the window is full. */
  next(): Outgoing | undefined;
  /** Whether more records of a lane should be read now. */
  wants(lane: Urgent | "history"): boolean;
  settled(outgoing: Outgoing): void;
  readonly inFlight: number;
};

const reportsOf = (outgoing: Outgoing): readonly Report[] =>
  outgoing.kind === "report" ? [outgoing.report] : outgoing.reports;

const laneOfOutgoing = (outgoing: Outgoing) => (outgoing.kind === "history" ? "history" : outgoing.lane);

export const createDelivery = (settings: DeliverySettings): Delivery => {
  const urgent: Record<Urgent, Report[]> = { emergency: [], event: [] };
  const live: Report[] = [];
  const history: Batch[] = [];
  const underway = new Set<number>();
  const onWire = { emergency: 0, event: 0, live: 0, history: 0 };
  let historyBytes = 0;
  const inFlight = () => onWire.emergency + onWire.event + onWire.live + onWire.history;

  const pick = (): Outgoing | undefined => {
    for (const lane of ["emergency", "event"] as const) {
      const report = urgent[lane].shift();
      if (report) return { kind: "report", report, lane };
    }
    if (inFlight() >= settings.window) return undefined;
    const report = onWire.live < settings.liveWindow ? live.shift() : undefined;
    if (report) return { kind: "report", report, lane: "live" };
    const [batch] = history;
    if (!batch) return undefined;
    if (onWire.history > 0 && historyBytes + batch.payload.length > settings.historyBudget())
      return undefined;
    history.shift();
    historyBytes += batch.payload.length;
    return { kind: "history", ...batch };
  };

  return {
    offerLive(report) {
      if (underway.has(report.seq)) return true;
      if (live.length >= settings.liveQueue) return false;
      underway.add(report.seq);
      live.push(report);
      return true;
    },
    claim(reports) {
      const fresh = reports.filter((report) => !underway.has(report.seq));
      for (const report of fresh) underway.add(report.seq);
      return fresh;
    },
    offerUrgent: (lane, reports) => void urgent[lane].push(...reports),
    offerHistory: (batch) => void history.push(batch),
    next() {
      if (inFlight() >= settings.window + settings.urgentReserve) return undefined;
      const outgoing = pick();
      if (outgoing) onWire[laneOfOutgoing(outgoing)]++;
      return outgoing;
    },
    // One batch is made ready while another is on the wire.
    wants: (lane) => (lane === "history" ? history : urgent[lane]).length === 0,
    settled(outgoing) {
      onWire[laneOfOutgoing(outgoing)]--;
      if (outgoing.kind === "history") historyBytes -= outgoing.payload.length;
      for (const report of reportsOf(outgoing)) underway.delete(report.seq);
    },
    get inFlight() {
      return inFlight();
    },
  };
};
