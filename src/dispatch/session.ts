import type { EmergencyUpdate, Report } from "../domain/report.ts";
import { LANES, type Lane, type PendingReports } from "../domain/pending.ts";
import { reasonOf } from "../runtime/log.ts";
import { LinkError, type Connection } from "./connection.ts";
import { createDelivery, type Outgoing, type Urgent } from "./delivery.ts";
import { encodeHistory, encodeReport } from "./encode.ts";
import { createPace } from "./pace.ts";
import type { Routes } from "./topics.ts";

/** The traffic of one connection: what is read from the outbox, published and settled. */
export type Session = {
  readonly connection: Connection;
  /** Messages that are on the wire. */
  readonly inFlight: number;
  /** When a broker last acknowledged something, on the clock of `performance.now()`. */
  readonly lastProgressAt: number;
  readonly drained: boolean;
  /** Reads what is pending, lane by lane; then lets everything flow. */
  begin(newest: Iterable<Report>): Promise<void>;
  offer(report: Report): void;
  stored(lane: Lane): void;
  /** A report that was published before goes out again. */
  repeat(report: EmergencyUpdate): void;
  /** Nothing more is to be published: what comes after the farewell would be a lie. */
  hold(): void;
};

export type SessionOptions = {
  readonly connection: Connection;
  readonly outbox: PendingReports;
  readonly routes: Routes;
  /** Emergencies to be said again, by episode: the version to send in place of the stored one. */
  /** Bytes of history that may be unacknowledged. */
  readonly maxInFlightBytes: number;
  readonly repeats: ReadonlyMap<string, EmergencyUpdate>;
  readonly on: {
    /** Whether a report goes out as live; told at its first time. */
    isLive(report: Report): boolean;
    /** A broker has it; the time its PUBACK took, milliseconds. */
    delivered(report: Report, rttMs: number): void;
    /** A report as it goes out: its time put right, where that is known by now. */
    right(report: Report): Report;
    drained(): void;
  };
};

/** In flight at once: 20 to 50 measured best with this client; more only repeats more after a loss. */
const WINDOW = 32;
/** A flood beyond this goes as history, many reports to a message: lighter for unit, link and broker. */
const LIVE_WINDOW = 4;
const LIVE_QUEUE = 4;
/** Birth and farewell are outside the window, and a press must not wait for it. */
const URGENT_RESERVE = 4;
const RESERVED = URGENT_RESERVE + 2;
/** A report is shorter than this before it is compressed: bounds a batch by the largest packet. */
const RECORD_BYTES = 1_024;
/** What a report has of a batch, before it is known. */
const PACKED_BYTES = 50;
const BATCH_RECORDS = { min: 4, max: 1_000 };
const URGENT_RECORDS = 100;
const isCleared = (report: Report): boolean => report.kind === "emergency" && report.data.state === "cleared";

export const createSession = (options: SessionOptions): Session => {
  const { connection, outbox, routes, repeats, on } = options;
  const before = outbox.oldest() - 1;
  /** How far each lane of the outbox has been read on this connection. */
  const cursor: Record<Lane, number> = { emergency: before, event: before, telemetry: before };
  /** Lanes with records behind their cursor; being read. Until it has begun, none is looked at. */
  const unread = new Set<Lane>();
  const reading = new Set<Lane>(LANES);
  /** Lanes of which all that can be read is on its way: while the disk is away they are read from memory, without a cursor. */
  const onTheirWay = new Set<Lane>();
  const pace = createPace(options.maxInFlightBytes);
  const largestBatch = Math.max(1, Math.floor(connection.maximumPacketSize / RECORD_BYTES));
  const delivery = createDelivery({
    window: Math.max(1, Math.min(WINDOW, connection.receiveMaximum - RESERVED)),
    urgentReserve: URGENT_RESERVE,
    liveWindow: LIVE_WINDOW,
    liveQueue: LIVE_QUEUE,
    historyBudget: () => pace.budget,
  });
  let packedBytes = PACKED_BYTES;
  let lastProgressAt = performance.now();
  let pumping: NodeJS.Immediate | undefined;
  let over = false;
  let held = false;
  void connection.closed.then(() => {
    over = true;
  });

  const isDrained = () => delivery.inFlight === 0 && unread.size + reading.size + onTheirWay.size === 0;

  /** The end of an episode, and then the empty message that takes it off the broker. */
  const publish = (report: Report, live: boolean, done: (error?: Error) => void): number => {
    const route = routes.of(report);
    const payload = encodeReport(report, live);
    if (!isCleared(report)) {
      connection.publish(route, payload, done);
      return payload.length;
    }
    let left = 2;
    const each = (error?: Error) => {
      left--;
      if (error || left === 0) done(error);
    };
    connection.publish(route, payload, each);
    connection.publish({ topic: route.topic, retain: true }, Buffer.alloc(0), each);
    return payload.length;
  };

  const send = (outgoing: Outgoing): void => {
    const sentAt = performance.now();
    if (delivery.inFlight === 1) lastProgressAt = sentAt;
    const done = (error?: Error) => {
      if (over) return;
      if (error) {
        const why = `${connection.broker}: the broker refuses a publish: ${error.message}`;
        connection.end(new LinkError("publish-refused", why, error));
        return;
      }
      lastProgressAt = performance.now();
      delivery.settled(outgoing);
      if (outgoing.kind === "history") pace.acknowledged(flight, lastProgressAt);
      else on.delivered(outgoing.report, lastProgressAt - sentAt);
      outbox.settle(outgoing.kind === "report" ? [outgoing.report] : outgoing.reports);
      for (const lane of onTheirWay) unread.add(lane);
      onTheirWay.clear();
      // Acknowledgements come in bunches: one write for all that they let go.
      pumping ??= setImmediate(() => {
        pumping = undefined;
        pump();
      });
    };
    let bytes = 0;
    if (outgoing.kind === "report") {
      bytes = publish(
        on.right(outgoing.report),
        outgoing.lane === "live" || on.isLive(outgoing.report),
        done,
      );
    } else {
      connection.publish(routes.history, outgoing.payload, done);
      bytes = outgoing.payload.length;
    }
    const flight = pace.sent(bytes, sentAt);
  };

  const pump = (): void => {
    if (over || held) return;
    for (let out = delivery.next(); out; out = delivery.next()) send(out);
    for (const lane of unread) {
      const wanted = lane === "telemetry" ? "history" : lane;
      if (!reading.has(lane) && delivery.wants(wanted)) void refill(lane, wanted);
    }
    if (isDrained()) on.drained();
  };

  const batchRecords = (): number =>
    Math.max(
      1,
      Math.min(
        largestBatch,
        Math.max(BATCH_RECORDS.min, Math.min(BATCH_RECORDS.max, Math.floor(pace.batchBytes / packedBytes))),
      ),
    );

  const offerHistory = async (reports: readonly Report[]): Promise<void> => {
    if (reports.length === 0) return;
    const payload = await encodeHistory(reports.map((report) => on.right(report)));
    packedBytes = payload.length / reports.length;
    delivery.offerHistory({ reports, payload });
  };

  const refill = async (lane: Lane, as: Urgent | "history"): Promise<void> => {
    reading.add(lane);
    unread.delete(lane);
    try {
      const page = await outbox.read(lane, cursor[lane], as === "history" ? batchRecords() : URGENT_RECORDS);
      if (over) return;
      const fresh = delivery.claim(page.reports.map(asRepeated));
      if (page.cursor > cursor[lane] || fresh.length > 0) unread.add(lane);
      else if (page.reports.length > 0) onTheirWay.add(lane);
      cursor[lane] = Math.max(page.cursor, cursor[lane]);
      if (as === "history") await offerHistory(fresh);
      else delivery.offerUrgent(as, fresh);
    } catch (cause) {
      const why = `the outbox cannot be read: ${reasonOf(cause)}`;
      connection.end(new LinkError("failed", why, cause));
    } finally {
      reading.delete(lane);
    }
    pump();
  };

  const asRepeated = (report: Report): Report => {
    const again = report.kind === "emergency" ? repeats.get(report.data.episode) : undefined;
    return again?.seq === report.seq ? again : report;
  };
  const repeat = (report: EmergencyUpdate) => delivery.offerUrgent("emergency", delivery.claim([report]));

  return {
    connection,
    get inFlight() {
      return delivery.inFlight;
    },
    get lastProgressAt() {
      return lastProgressAt;
    },
    get drained() {
      return isDrained();
    },
    async begin(newest) {
      await refill("emergency", "emergency");
      for (const report of repeats.values()) repeat(report);
      await refill("event", "event");
      for (const report of newest) delivery.offerLive(report);
      unread.add("telemetry");
      reading.delete("telemetry");
      pump();
    },
    offer(report) {
      if (!delivery.offerLive(report)) unread.add("telemetry");
      pump();
    },
    stored(lane) {
      unread.add(lane);
      pump();
    },
    repeat(report) {
      repeat(report);
      pump();
    },
    hold() {
      held = true;
    },
  };
};
