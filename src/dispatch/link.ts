import type { Report } from "../domain/report.ts";
import { putRight, type Clock } from "../domain/time.ts";
import type { StateMessage } from "../domain/messages.ts";
import { LANES, type Lane, type PendingReports } from "../domain/pending.ts";
import type { Backoff } from "../runtime/backoff.ts";
import { reasonOf } from "../runtime/log.ts";
import { pause } from "../runtime/wait.ts";
import { connectBroker, LinkError, type BrokerOptions, type Connection } from "./connection.ts";
import { createDelivery, type Delivery, type Outgoing, type Urgent } from "./delivery.ts";
import { encodeHistory, encodeReport } from "./encode.ts";
import type { Routes } from "./topics.ts";

/** The way to dispatch: keeps a connection to one of the brokers and empties the outbox over it. */
export type Link = {
  readonly status: LinkStatus;
  /** A new telemetry report: out at once when connected, else later from the outbox. */
  offer(report: Report): void;
  /** Records of a lane can be read from the outbox. */
  stored(lane: Lane): void;
  /** Resolves once everything that was pending has been settled. */
  drained(): Promise<void>;
  /** Says farewell with a reason, waits for its acknowledgement, and disconnects. */
  stop(reason: string): Promise<void>;
};

type LinkStatus = {
  readonly broker?: string;
  readonly reconnects: number;
  readonly rttMs?: number;
  readonly fault?: string;
};

export type LinkOptions = {
  readonly brokers: readonly string[];
  readonly broker: BrokerOptions;
  readonly routes: Routes;
  readonly clock: Clock;
  readonly outbox: PendingReports;
  readonly backoff: Backoff;
  readonly state: (state: StateMessage["state"], reason?: string) => StateMessage;
  readonly on: {
    up(broker: string, version: number): void;
    /** A connection could not be made, or was lost. Each different fault is told once. */
    down(error: LinkError): void;
    /** A report went out that still had an unset clock. */
    sentUnset(): void;
  };
};

/** In flight at once: 20 to 50 measured best with this client; more only repeats more after a loss. */
const WINDOW = 32;
/** One batch at a time: a press waits for at most one message on the wire (contract §4). */
const HISTORY_WINDOW = 1;
/** Birth and farewell are outside the window, and a press must not wait for it. */
const URGENT_RESERVE = 4;
const RESERVED = URGENT_RESERVE + 2;
/** A report is shorter than this before it is compressed: bounds a batch by the largest packet. */
const RECORD_BYTES = 1_024;
/** A flood beyond this goes as history, many reports to a message: lighter for unit, link and broker. */
const LIVE_WINDOW = 4;
const LIVE_QUEUE = 4;
const HISTORY_RECORDS = 250;
/** An event that waited for the link longer than this is not live any more (contract §3). */
const LIVE_MS = 10_000;
const FAREWELL_MS = 1_000;

type Session = {
  readonly connection: Connection;
  readonly delivery: Delivery;
  /** How far each lane of the outbox has been read on this connection. */
  readonly cursor: Record<Lane, number>;
  /** Lanes with records behind their cursor; being read. */
  readonly unread: Set<Lane>;
  readonly reading: Set<Lane>;
  readonly batchRecords: number;
  lastProgressAt: number;
  pumping: NodeJS.Immediate | undefined;
};

const refused = (connection: Connection, error: Error): void => {
  const why = `${connection.broker}: the broker refuses a publish: ${error.message}`;
  connection.end(new LinkError("publish-refused", why, error));
};

export const createLink = (options: LinkOptions): Link => {
  const { outbox, clock, routes } = options;
  const stopping = new AbortController();
  let session: Session | undefined;
  const status: { -readonly [K in keyof LinkStatus]: LinkStatus[K] } = { reconnects: 0 };
  /** The last fault told of each broker. */
  const told = new Map<string, string>();
  let leaving = false;
  let connectedOnce = false;
  let waiters: (() => void)[] = [];

  const isLive = (report: Report): boolean =>
    report.boot === outbox.boot && clock.mono() - report.mono <= LIVE_MS;

  const right = (report: Report): Report => {
    const corrected = putRight(report, outbox.boot, clock);
    if (corrected.clock === "unset" && corrected.boot === outbox.boot) options.on.sentUnset();
    return corrected;
  };

  const send = (s: Session, outgoing: Outgoing): void => {
    const sentAt = performance.now();
    if (s.delivery.inFlight === 1) s.lastProgressAt = sentAt;
    const done = (error?: Error) => {
      if (session !== s) return;
      if (error) {
        refused(s.connection, error);
        return;
      }
      s.lastProgressAt = performance.now();
      if (outgoing.kind === "report") status.rttMs = Math.round((s.lastProgressAt - sentAt) * 10) / 10;
      s.delivery.settled(outgoing);
      if (outgoing.kind === "report" && newest.get(outgoing.report.kind) === outgoing.report) {
        newest.delete(outgoing.report.kind);
      }
      outbox.settle(outgoing.kind === "report" ? [outgoing.report] : outgoing.reports);
      // Acknowledgements come in bunches: one write for all that they let go.
      s.pumping ??= setImmediate(() => {
        s.pumping = undefined;
        if (session === s) pump(s);
      });
    };
    if (outgoing.kind === "report") {
      const report = right(outgoing.report);
      const live = outgoing.lane === "live" || isLive(report);
      s.connection.publish(routes.of(report), encodeReport(report, live), done);
    } else s.connection.publish(routes.history, outgoing.payload, done);
  };

  const isDrained = (s: Session): boolean =>
    s.delivery.inFlight === 0 && s.unread.size === 0 && s.reading.size === 0;

  const pump = (s: Session): void => {
    // A farewell must be the last thing said.
    if (leaving) return;
    for (let out = s.delivery.next(); out; out = s.delivery.next()) send(s, out);
    for (const lane of s.unread) {
      const wanted = lane === "telemetry" ? "history" : lane;
      if (!s.reading.has(lane) && s.delivery.wants(wanted)) void refill(s, lane, wanted);
    }
    if (isDrained(s)) {
      for (const wake of waiters) wake();
      waiters = [];
    }
  };

  const refill = async (s: Session, lane: Lane, as: Urgent | "history"): Promise<void> => {
    s.reading.add(lane);
    s.unread.delete(lane);
    try {
      const { reports, cursor } = await outbox.read(lane, s.cursor[lane], s.batchRecords);
      if (session !== s) return;
      if (cursor > s.cursor[lane]) s.unread.add(lane);
      s.cursor[lane] = Math.max(cursor, s.cursor[lane]);
      const fresh = s.delivery.claim(reports);
      if (as !== "history") s.delivery.offerUrgent(as, fresh);
      else if (fresh.length > 0) {
        s.delivery.offerHistory({ reports: fresh, payload: await encodeHistory(fresh.map(right)) });
      }
    } catch (cause) {
      const why = `the outbox cannot be read: ${reasonOf(cause)}`;
      s.connection.end(new LinkError("failed", why, cause));
    } finally {
      s.reading.delete(lane);
    }
    if (session === s) pump(s);
  };

  /** After an outage the newest of each kind goes first, live: it is what a dispatcher looks at. */
  const newest = new Map<Report["kind"], Report>();

  const open = async (connection: Connection): Promise<Session> => {
    const before = outbox.oldest() - 1;
    const s: Session = {
      connection,
      delivery: createDelivery({
        window: Math.max(1, Math.min(WINDOW, connection.receiveMaximum - RESERVED)),
        urgentReserve: URGENT_RESERVE,
        historyWindow: HISTORY_WINDOW,
        liveWindow: LIVE_WINDOW,
        liveQueue: LIVE_QUEUE,
      }),
      cursor: { emergency: before, event: before, telemetry: before },
      unread: new Set(),
      // No lane is looked at by anyone else until it has been opened here, in order.
      reading: new Set(LANES),
      batchRecords: Math.max(
        1,
        Math.min(HISTORY_RECORDS, Math.floor(connection.maximumPacketSize / RECORD_BYTES)),
      ),
      lastProgressAt: performance.now(),
      pumping: undefined,
    };
    connection.publish(routes.state, Buffer.from(JSON.stringify(options.state("online"))), (error) => {
      if (error) {
        refused(connection, error);
        return;
      }
      // Let in and heard: only this counts as success.
      options.backoff.reset();
      told.clear();
      options.on.up(connection.broker, connection.version);
    });
    session = s;
    await refill(s, "emergency", "emergency");
    await refill(s, "event", "event");
    for (const report of newest.values()) s.delivery.offerLive(report);
    s.unread.add("telemetry");
    s.reading.delete("telemetry");
    pump(s);
    return s;
  };

  const serve = async (connection: Connection): Promise<LinkError> => {
    status.broker = connection.broker;
    delete status.fault;
    if (connectedOnce) status.reconnects++;
    connectedOnce = true;
    const s = await open(connection);
    const limitMs = options.broker.keepaliveS * 1500;
    // The client postpones its pings while it publishes, so a black hole shows only here.
    const watch = setInterval(() => {
      if (s.delivery.inFlight > 0 && performance.now() - s.lastProgressAt > limitMs) {
        const why = `${connection.broker}: nothing acknowledged for ${limitMs / 1000} s`;
        connection.end(new LinkError("stalled", why));
      }
    }, 1000);
    const error = await connection.closed;
    clearInterval(watch);
    session = undefined;
    delete status.broker;
    delete status.rttMs;
    return error;
  };

  const failed = (broker: string, error: LinkError): void => {
    status.fault = error.code;
    if (leaving || told.get(broker) === error.message) return;
    told.set(broker, error.message);
    options.on.down(error);
  };

  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      for (const broker of options.brokers) {
        if (stopping.signal.aborted) return;
        try {
          // oxlint-disable-next-line no-await-in-loop -- brokers are tried in order
          failed(broker, await serve(await connectBroker(broker, options.broker, stopping.signal)));
          break;
        } catch (cause) {
          failed(broker, cause instanceof LinkError ? cause : new LinkError("failed", String(cause), cause));
        }
      }
      // oxlint-disable-next-line no-await-in-loop
      await pause(options.backoff.next(), stopping.signal);
    }
  };
  const running = run();

  return {
    status,
    offer(report) {
      newest.set(report.kind, report);
      if (!session) return;
      session.delivery.offerLive(report);
      pump(session);
    },
    stored(lane) {
      if (!session) return;
      session.unread.add(lane);
      pump(session);
    },
    drained: () =>
      new Promise((resolve) => {
        if (session && isDrained(session)) resolve();
        else waiters.push(resolve);
      }),
    async stop(reason) {
      leaving = true;
      if (session) {
        const { connection } = session;
        const farewell = Buffer.from(JSON.stringify(options.state("offline", reason)));
        const { promise, resolve } = Promise.withResolvers<void>();
        connection.publish(routes.state, farewell, () => resolve());
        await Promise.race([promise, connection.closed, pause(FAREWELL_MS, stopping.signal)]);
        connection.end();
        await Promise.race([connection.closed, pause(FAREWELL_MS / 2, stopping.signal)]);
      }
      stopping.abort();
      await running;
    },
  };
};
