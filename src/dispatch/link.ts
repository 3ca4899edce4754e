import type { EmergencyUpdate, Report } from "../domain/report.ts";
import { putRight, type Clock } from "../domain/time.ts";
import type { StateMessage } from "../domain/messages.ts";
import type { Lane, PendingReports } from "../domain/pending.ts";
import type { Backoff } from "../runtime/backoff.ts";
import { pause } from "../runtime/wait.ts";
import {
  connectBroker,
  LinkError,
  type LinkFault,
  type BrokerOptions,
  type Connection,
  type OnMessage,
} from "./connection.ts";
import { startCourier, type Courier } from "./courier.ts";
import { createSession, type Session } from "./session.ts";
import type { Route, Routes } from "./topics.ts";

/** The way to dispatch: keeps a connection to one of the brokers and empties the outbox over it. */
export type Link = {
  readonly status: LinkStatus;
  /** A new telemetry report: out at once when connected, else later from the outbox. */
  offer(report: Report): void;
  /** Records of a lane can be read from the outbox. */
  stored(lane: Lane): void;
  /** Says an emergency again: here, and by another broker in turn where there is one. */
  repeat(report: EmergencyUpdate): void;
  /** An emergency has changed: the other brokers that it stands on are told. */
  update(report: EmergencyUpdate, standsOn: readonly string[]): void;
  /** Takes an episode off a broker where it was left. */
  takeOff(episode: string, broker: string): void;
  /** An emergency waits, which is none of its older reports: no pause before the next attempt to connect. */
  hurry(waiting?: EmergencyUpdate): void;
  /** An answer to dispatch; lost where there is no connection. */
  reply(route: Route, payload: Buffer): void;
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
  /** Bytes of history that may be unacknowledged, however much the link holds. */
  readonly maxInFlightBytes: number;
  readonly state: (state: StateMessage["state"], reason?: string) => StateMessage;
  readonly on: {
    up(broker: string, version: number): void;
    /** A connection could not be made, or was lost. Each different fault is told once. */
    down(error: LinkError): void;
    /** A report went out that still had an unset clock. */
    sentUnset(): void;
    /** A broker has acknowledged an emergency; cleared: nothing of it is left there. */
    delivered(report: EmergencyUpdate, broker: string): void;
    /** Nothing of an episode is left on a broker. */
    takenOff(episode: string, broker: string): void;
    /** From dispatch; acknowledged to the broker when the promise resolves. */
    readonly message: OnMessage;
  };
};

const FAREWELL_MS = 1_000;
/** After these the next broker is tried, though this one had let the unit in. */
const NO_USE: ReadonlySet<LinkFault> = new Set(["stalled", "publish-refused", "taken-over"]);
/** An event or emergency that waited for the link longer than this is not live any more (contract §3). */
const LIVE_MS = 10_000;

const refused = (connection: Connection, what: string, error: Error): void => {
  const why = `${connection.broker}: the broker refuses ${what}: ${error.message}`;
  connection.end(new LinkError("publish-refused", why, error));
};

export const createLink = (options: LinkOptions): Link => {
  const { outbox, clock, routes, brokers } = options;
  const stopping = new AbortController();
  let waking = new AbortController();
  let session: Session | undefined;
  const status: { -readonly [K in keyof LinkStatus]: LinkStatus[K] } = { reconnects: 0 };
  /** The last fault told of each broker. */
  const told = new Map<string, string>();
  /** After an outage the newest of each kind goes first, live: it is what a dispatcher looks at. */
  const newest = new Map<Report["kind"], Report>();
  /** Emergencies to be said again, by episode, until a broker has them. */
  const repeats = new Map<string, EmergencyUpdate>();
  const couriers = new Map<string, Courier>();
  /** Emergencies that went out live once: a repeat has not waited for the link. By episode, the number. */
  const saidLive = new Map<string, number>();
  let leaving = false;
  let connectedOnce = false;
  let waiters: (() => void)[] = [];

  const isLive = (report: Report): boolean => {
    const live = report.boot === outbox.boot && clock.mono() - report.mono <= LIVE_MS;
    return live || (report.kind === "emergency" && saidLive.get(report.data.episode) === report.seq);
  };

  const right = <R extends Report>(report: R): R => {
    const corrected = putRight(report, outbox.boot, clock) as R;
    if (corrected.clock === "unset" && corrected.boot === outbox.boot) options.on.sentUnset();
    return corrected;
  };

  const deliveredEmergency = (report: EmergencyUpdate, broker: string): void => {
    const { episode, state } = report.data;
    if (isLive(report)) saidLive.set(episode, report.seq);
    if (repeats.get(episode)?.seq === report.seq) repeats.delete(episode);
    if (state === "cleared") saidLive.delete(episode);
    options.on.delivered(report, broker);
  };

  /** The courier to another broker: there is one as long as it has something to carry. */
  const courierTo = (broker: string): Courier => {
    const known = couriers.get(broker);
    if (known) return known;
    const courier: Courier = startCourier({
      broker,
      options: { ...options.broker, clientId: `${options.broker.clientId}.courier`, will: undefined },
      routes,
      isLive,
      right,
      on: {
        message: options.on.message,
        delivered(report) {
          deliveredEmergency(report, broker);
          outbox.settle([report]);
        },
        removed: (episode) => options.on.takenOff(episode, broker),
        done() {
          if (couriers.get(broker) === courier) couriers.delete(broker);
        },
      },
    });
    couriers.set(broker, courier);
    return courier;
  };

  const delivered = (report: Report, rttMs: number): void => {
    status.rttMs = Math.round(rttMs * 10) / 10;
    if (newest.get(report.kind) === report) newest.delete(report.kind);
    if (report.kind === "emergency" && status.broker !== undefined) deliveredEmergency(report, status.broker);
  };

  const greet = (connection: Connection, heard: () => void): void => {
    connection.subscribe(routes.subscriptions, (error) => {
      if (error) refused(connection, "a subscription", error);
    });
    connection.publish(routes.state, Buffer.from(JSON.stringify(options.state("online"))), (error) => {
      if (error) {
        refused(connection, "a publish", error);
        return;
      }
      // Let in and heard: only this counts as success.
      heard();
      options.backoff.reset();
      told.clear();
      options.on.up(connection.broker, connection.version);
    });
  };

  const serve = async (connection: Connection): Promise<{ error: LinkError; heard: boolean }> => {
    let heard = false;
    status.broker = connection.broker;
    delete status.fault;
    if (connectedOnce) status.reconnects++;
    connectedOnce = true;
    // From now on the link speaks here: a courier would only say old things again.
    couriers
      .get(connection.broker)
      ?.stop()
      .catch(() => undefined);
    couriers.delete(connection.broker);
    greet(connection, () => {
      heard = true;
    });
    const s = createSession({
      connection,
      outbox,
      routes,
      repeats,
      maxInFlightBytes: options.maxInFlightBytes,
      on: {
        isLive,
        delivered,
        right,
        drained() {
          for (const wake of waiters) wake();
          waiters = [];
        },
      },
    });
    session = s;
    const limitMs = options.broker.keepaliveS * 1500;
    // The client postpones its pings while it publishes, so a black hole shows only here.
    const watch = setInterval(() => {
      if (s.inFlight > 0 && performance.now() - s.lastProgressAt > limitMs) {
        const why = `${connection.broker}: nothing acknowledged for ${limitMs / 1000} s`;
        connection.end(new LinkError("stalled", why));
      }
    }, 1000);
    await s.begin(newest.values());
    const error = await connection.closed;
    clearInterval(watch);
    session = undefined;
    delete status.broker;
    delete status.rttMs;
    return { error, heard };
  };

  const failed = (broker: string, error: LinkError): void => {
    status.fault = error.code;
    if (leaving || told.get(broker) === error.message) return;
    told.set(broker, error.message);
    options.on.down(error);
  };

  /**
   * One connection to one broker, to its end. Returns which broker is next, and whether this one
   * was of use: a broker that lets the unit in and then takes nothing must not keep it from others.
   */
  const visit = async (index: number): Promise<{ next: number; served: boolean }> => {
    const broker = brokers[index]!;
    const after = (index + 1) % brokers.length;
    try {
      const connection = await connectBroker(broker, options.broker, options.on.message, stopping.signal);
      const { error, heard } = await serve(connection);
      failed(broker, error);
      const useless = !heard || NO_USE.has(error.code);
      return { next: useless ? after : 0, served: !useless };
    } catch (cause) {
      failed(broker, cause instanceof LinkError ? cause : new LinkError("failed", String(cause), cause));
      return { next: after, served: false };
    }
  };

  const run = async (): Promise<void> => {
    let index = 0;
    let inVain = 0;
    while (!stopping.signal.aborted) {
      // oxlint-disable-next-line no-await-in-loop -- brokers are tried in order
      const { next, served } = await visit(index);
      index = next;
      inVain++;
      // A pause when a connection was lost, or when all brokers have been tried.
      if (!served && inVain < brokers.length) continue;
      inVain = 0;
      waking = new AbortController();
      // oxlint-disable-next-line no-await-in-loop
      await pause(options.backoff.next(), AbortSignal.any([stopping.signal, waking.signal]));
    }
  };
  const running = run();

  return {
    status,
    offer(report) {
      newest.set(report.kind, report);
      session?.offer(report);
    },
    stored(lane) {
      session?.stored(lane);
    },
    repeat(report) {
      if (leaving) return;
      repeats.set(report.data.episode, report);
      session?.repeat(report);
      const others = brokers.filter((broker) => broker !== status.broker);
      const next = others[report.data.attempt % Math.max(1, others.length)];
      if (next !== undefined && session) courierTo(next).say(report);
    },
    update(report, standsOn) {
      if (leaving) return;
      const carrying = [...couriers.values()].filter((courier) => courier.carries(report.data.episode));
      for (const broker of new Set([...standsOn, ...carrying.map((courier) => courier.broker)])) {
        if (broker !== status.broker && brokers.includes(broker)) courierTo(broker).say(report);
      }
    },
    takeOff(episode, broker) {
      // A broker that is not configured any more is not to be called on.
      if (!brokers.includes(broker)) options.on.takenOff(episode, broker);
      else if (!leaving) courierTo(broker).remove(episode);
    },
    hurry(waiting) {
      if (waiting) repeats.delete(waiting.data.episode);
      if (session) return;
      options.backoff.reset();
      waking.abort();
    },
    reply(route, payload) {
      session?.connection.publish(route, payload, () => undefined);
    },
    drained: () =>
      new Promise((resolve) => {
        if (session?.drained) resolve();
        else waiters.push(resolve);
      }),
    async stop(reason) {
      leaving = true;
      const carried = [...couriers.values()].map((courier) => courier.stop());
      if (session) {
        const { connection } = session;
        // A farewell must be the last thing said.
        session.hold();
        const farewell = Buffer.from(JSON.stringify(options.state("offline", reason)));
        const { promise, resolve } = Promise.withResolvers<void>();
        connection.publish(routes.state, farewell, () => resolve());
        await Promise.race([promise, connection.closed, pause(FAREWELL_MS, stopping.signal)]);
        connection.end();
        await Promise.race([connection.closed, pause(FAREWELL_MS / 2, stopping.signal)]);
      }
      stopping.abort();
      await Promise.all([running, ...carried]);
    },
  };
};
