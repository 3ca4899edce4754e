import type { StateMessage } from "../domain/messages.ts";
import type { Lane, PendingReports } from "../domain/pending.ts";
import type { EmergencyUpdate, Report } from "../domain/report.ts";
import { putRight, type Clock } from "../domain/time.ts";
import type { Channel, Route, Routes } from "../domain/wire.ts";
import type { Random, Time, Timer } from "../runtime/ports.ts";
import { reopening, type Reopening, type Verdict } from "../runtime/reopening.ts";
import { pause } from "../runtime/wait.ts";
import type { Compress } from "../wire/encode.ts";
import { Brokers, couriersFor, isStuck, TRUST_MS, type LinkView } from "./brokers.ts";
import { Courier } from "./courier.ts";
import { classify, refusal } from "./faults.ts";
import {
  LinkError,
  type Connect,
  type Connection,
  type ConnectionEvents,
  type ConnectOptions,
  type Incoming,
} from "./port.ts";
import { BECAUSE_MS, HangUps } from "./hang-ups.ts";
import { Session, type SessionEvents } from "./session.ts";
import { Subscriptions } from "./subscriptions.ts";
import { Traffic, type Answer } from "./traffic.ts";

export type LinkStatus = {
  /** The broker that is connected and has acknowledged the birth. */
  readonly broker?: string;
  readonly reconnects: number;
  readonly rttMs?: number;
  /** Why the last connection failed or ended. */
  readonly fault?: string;
};

export type LinkOptions = {
  readonly brokers: readonly string[];
  readonly connect: Connect;
  /** The link adds a will for each connection. */
  readonly broker: Omit<ConnectOptions, "will">;
  readonly routes: Routes;
  readonly clock: Clock;
  readonly time: Time;
  readonly random: Random;
  readonly compress: Compress;
  readonly outbox: PendingReports & { nextConnection(): number };
  /** The most bytes of history in flight. */
  readonly maxInFlightBytes: number;
  /** Whether 0x10 (no matching subscribers) counts as delivery now. */
  readonly unheardCounts: () => boolean;
  readonly state: (state: StateMessage["state"], connection: number, reason?: string) => StateMessage;
};

export type LinkEvents = {
  up(broker: string, version: 4 | 5): void;
  /** A connection could not be made, or was lost. Each different fault of a broker is reported once. */
  down(error: LinkError, broker: string): void;
  /** A broker refuses a topic. Reported once for each connection. */
  refused(broker: string, topic: string, why: string): void;
  /** A message from dispatch was too large to be kept. */
  oversize(topic: string, bytes: number): void;
  /** A report was sent with an unset clock. */
  sentUnset(): void;
  /**
   * Called before an emergency is published to a broker, which waits for the promise. Undefined: it is
   * published at once.
   */
  publishing(report: EmergencyUpdate, broker: string): Promise<void> | undefined;
  /**
   * A broker with a subscriber has acknowledged an emergency. If it is cleared, the broker's retained
   * copy is removed.
   */
  delivered(report: EmergencyUpdate, broker: string): void;
  /** A broker has no retained copy of an episode any more. */
  removed(episode: string, broker: string): void;
  /** Whether the message that was acknowledged last had a subscriber. */
  heard(listening: boolean): void;
  /** A message from dispatch. It is acknowledged to the broker when the promise resolves. */
  message(message: Incoming): Promise<void>;
};

const RECONNECT_MS = { min: 1_000, max: 60_000 };
const FAREWELL_MS = 1_000;
/** An event or emergency that waited for the link longer than this is not live any more (contract §3). */
const LIVE_MS = 10_000;
const LOOK_MS = 250;
/** The longest pause between connections while an emergency waits. */
const HURRY_MS = 5_000;
/** A connection without any acknowledgement for this many keepalives is dead. */
const DEAD_KEEPALIVES = 1.5;
/** If a broker hangs up this soon after accepting, so often in a row, two units may have the same name. */
const TWIN_MS = 10_000;
const TWIN_HANG_UPS = 3;
/** How many episodes have their last live number remembered. */
const LIVE_EPISODES = 32;
/** How many ended episodes are remembered. */
const ENDED_EPISODES = 64;

/** How far the report of an emergency got. */
type Standing = {
  report: EmergencyUpdate;
  copies: readonly string[];
  /** When this report was first said, or the connection that it waits on began; milliseconds. */
  since: number;
  /** A broker with a subscriber has acknowledged this report. */
  sent: boolean;
  /** The link's broker has answered that there is no subscriber, or that it refuses the report. */
  unheard: boolean;
};

/** No events are reported before the link is started. */
const NOBODY: LinkEvents = {
  up: () => undefined,
  down: () => undefined,
  refused: () => undefined,
  oversize: () => undefined,
  sentUnset: () => undefined,
  publishing: () => undefined,
  delivered: () => undefined,
  removed: () => undefined,
  heard: () => undefined,
  message: () => Promise.resolve(),
};

/** The link to dispatch: keeps a connection to one of the brokers and sends the outbox over it. */
export class Link {
  readonly #options: LinkOptions;
  readonly #brokers: Brokers;
  readonly #stopping = new AbortController();
  #running: Reopening | undefined;
  #looking: Timer | undefined;
  #on: LinkEvents = NOBODY;
  readonly #couriers = new Map<string, Courier>();
  readonly #standing = new Map<string, Standing>();
  /** The newest report of each kind. After an outage it is sent first, live: dispatchers look at it. */
  readonly #newest = new Map<Report["kind"], Report>();
  /** The numbers that were sent live, by episode: their repetitions are live too. */
  readonly #saidLive = new Map<string, number>();
  /** Episodes whose end dispatch has: what is still pending of them is history. */
  readonly #ended = new Set<string>();
  readonly #refusalHangUps = new HangUps();
  /** The last fault reported of each broker. */
  readonly #reported = new Map<string, string>();
  #status: LinkStatus = { reconnects: 0 };
  #session: Session | undefined;
  #index = 0;
  #connections = 0;
  #connection = 0;
  #leaving = false;
  #waiters: (() => void)[] = [];

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#brokers = new Brokers(options.brokers);
  }

  /** Begins to connect. Reports that were offered before are only remembered. */
  start(on: LinkEvents): void {
    const { time, random } = this.#options;
    this.#on = on;
    this.#running = reopening({
      time,
      random,
      minMs: RECONNECT_MS.min,
      maxMs: RECONNECT_MS.max,
      signal: this.#stopping.signal,
      visit: () => this.#visit(),
    });
    this.#looking = time.every(LOOK_MS, () => this.#look());
    this.#look();
  }

  /** Whether a message can be published now, on the link or by a courier. */
  get connected(): boolean {
    return this.#session !== undefined || [...this.#couriers.values()].some((courier) => courier.connected);
  }

  get status(): LinkStatus {
    return this.#status;
  }

  /** Takes a new telemetry report. It is sent at once if connected, otherwise later from the outbox. */
  offer(report: Report): void {
    this.#newest.set(report.kind, report);
    this.#session?.traffic.offerLive(report, this.#options.time.mono());
    this.#session?.pump();
  }

  /** Records of a lane can be read from the outbox. */
  stored(lane: Lane): void {
    this.#session?.traffic.stored(lane);
    this.#session?.pump();
  }

  /**
   * Publishes the current report of an emergency: a new, changed or repeated one. `copies`: brokers that
   * may have an older copy.
   */
  emergency(report: EmergencyUpdate, copies: readonly string[]): void {
    if (this.#leaving) return;
    const { episode } = report.data;
    const before = this.#standing.get(episode);
    const same = before?.report.seq === report.seq;
    this.#standing.set(episode, {
      report,
      copies,
      since: same ? before.since : this.#options.time.mono(),
      sent: same && before.sent,
      unheard: same && before.unheard,
    });
    this.#session?.traffic.say(report);
    this.#session?.pump();
    if (!this.#session) this.#hurry();
    this.#plan(episode, true);
  }

  /** Removes the retained copy of an episode from a broker. */
  remove(episode: string, broker: string): void {
    if (this.#leaving || !this.#running) return; // asked again at each new connection
    // A broker that is no longer configured is not connected to.
    if (!this.#brokers.urls.includes(broker)) this.#on.removed(episode, broker);
    else if (this.#session?.connection.broker === broker) {
      this.#session.traffic.remove(episode);
      this.#session.pump();
    } else this.#courierTo(broker, episode)?.remove(episode);
  }

  /** Publishes the answer to a command. It is lost if there is no connection. */
  reply(route: Route, payload: Buffer): void {
    this.#session?.traffic.reply(route, payload);
    this.#session?.pump();
  }

  /** Resolves once everything that was pending is settled. */
  drained(): Promise<void> {
    if (this.#session?.traffic.drained) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  /** Publishes `offline` with a reason, waits for its acknowledgement, and disconnects. */
  async stop(reason: string): Promise<void> {
    this.#leaving = true;
    this.#looking?.[Symbol.dispose]();
    const carried = [...this.#couriers.values()].map((courier) => courier.stop());
    const { time, state } = this.#options;
    if (this.#session) {
      const { connection, traffic } = this.#session;
      traffic.farewell(Buffer.from(JSON.stringify(state("offline", this.#connection, reason))));
      const said = Promise.withResolvers<void>();
      this.#farewell = said.resolve;
      this.#session.pump();
      const answered = said.promise.then(() => true);
      const late = pause(FAREWELL_MS, this.#stopping.signal, time).then(() => false);
      const heard = await Promise.race([answered, late, connection.closed.then(() => false)]);
      // Close without DISCONNECT, so that the broker publishes the will: otherwise dispatch would see a
      // stopped unit online.
      connection.end(heard ? undefined : new LinkError("stalled", "the farewell was not acknowledged"));
      await Promise.race([connection.closed, pause(FAREWELL_MS / 2, this.#stopping.signal, time)]);
    }
    this.#stopping.abort();
    await Promise.all([this.#running?.ended, ...carried]);
  }
  #farewell: (() => void) | undefined;

  /** Birth or farewell are acknowledged. A broker that refuses them has let the unit in all the same. */
  #stateAnswered(answer: Answer, connection: Connection): void {
    if (answer.kind === "too-large") return;
    if (answer.kind !== "refused" && answer.outgoing.kind === "state" && answer.outgoing.last)
      this.#farewell?.();
    // A broker that answers anything has let the unit in, even if it refuses the birth.
    if (!this.#leaving && this.#status.broker === undefined) this.#up(connection);
  }

  /**
   * The link as an emergency sees it: silent if it, or one before it, has had no answer for `TRUST_MS`,
   * whether it is in flight, queued, refused, or too large.
   */
  #view({ since, sent }: Standing): LinkView {
    const session = this.#session;
    if (!session) return { kind: "down" };
    const now = this.#options.time.mono();
    const silent = session.traffic.emergencyMs(now) >= TRUST_MS || (!sent && now - since >= TRUST_MS);
    return { kind: "open", broker: session.connection.broker, silent };
  }

  /** Sends an episode by courier to the brokers that should get it besides the link. */
  #plan(episode: string, fresh: boolean): void {
    const standing = this.#standing.get(episode);
    if (!standing || this.#leaving || !this.#running) return;
    const { report, sent, unheard, copies } = standing;
    const { state, attempt } = report.data;
    const repeats = fresh && attempt > 1 && (state === "active" || state === "cleared");
    const emergency = { unsent: !sent, unheard, repeats, attempt, copies: fresh ? copies : [] };
    for (const broker of couriersFor(emergency, this.#view(standing), this.#brokers.urls)) {
      const known = this.#couriers.get(broker);
      if (!known || fresh || !known.carries(episode)) this.#courierTo(broker, episode, report)?.say(report);
    }
    // Couriers that carry the episode get every change. A new emergency goes to every connected courier,
    // which may be faster than the link.
    for (const courier of fresh ? this.#couriers.values() : [])
      if (courier.carries(episode) || (state === "active" && courier.connected)) courier.say(report);
  }

  /** The courier to a broker. Undefined: it was made just now and has the episode already. */
  #courierTo(broker: string, episode: string, report?: EmergencyUpdate): Courier | undefined {
    const known = this.#couriers.get(broker);
    if (known) return known;
    const { connect, broker: options, routes, time, random, compress, unheardCounts } = this.#options;
    const courier: Courier = new Courier(
      {
        broker,
        connect,
        options,
        routes,
        time,
        random,
        compress,
        unheardCounts,
        hasEnded: (ended) => this.#ended.has(ended),
        session: this.#sessionEvents(broker),
        on: {
          ...this.#hears(),
          answer: (answer) => this.#answered(answer, broker, true),
          done: () => {
            if (this.#couriers.get(broker) === courier) this.#couriers.delete(broker);
          },
        },
      },
      { episode, ...(report ? { report } : {}) },
    );
    this.#couriers.set(broker, courier);
    return undefined;
  }

  /** The events that every connection passes on. */
  #hears(): ConnectionEvents {
    return {
      message: (message) => this.#on.message(message),
      oversize: (topic, bytes) => this.#on.oversize(topic, bytes),
    };
  }

  #sessionEvents(broker: string): Pick<SessionEvents, "isLive" | "right" | "publishing"> {
    const { clock, outbox } = this.#options;
    return {
      isLive: (report) => this.#isLive(report),
      right: (report) => {
        const right = putRight(report, outbox.boot, clock);
        if (right.clock === "unset" && right.boot === outbox.boot) this.#on.sentUnset();
        return right;
      },
      publishing: (report) => this.#on.publishing(report, broker),
    };
  }

  #isLive(report: Report): boolean {
    const { outbox, clock } = this.#options;
    if (report.boot === outbox.boot && clock.mono() - report.mono <= LIVE_MS) return true;
    return report.kind === "emergency" && this.#saidLive.get(report.data.episode) === report.seq;
  }

  /** Skip the reconnect delay: an emergency is waiting. */
  #hurry(): void {
    this.#hurriedAt = this.#options.time.mono();
    this.#running?.hurry();
  }
  #hurriedAt = -Infinity;
  /** The connection was given up because an emergency had no answer. */
  #unanswered = false;

  /** Checks what no event reports: emergencies without an answer, and dead connections. */
  #look(): void {
    const session = this.#session;
    const now = this.#options.time.mono();
    for (const courier of this.#couriers.values()) courier.look(now);
    for (const [episode, { sent }] of this.#standing) if (!sent) this.#plan(episode, false);
    const waiting = [...this.#standing.values()].some(({ sent }) => !sent);
    if (waiting && !session && now - this.#hurriedAt >= HURRY_MS) this.#hurry();
    const deadMs = this.#options.broker.keepaliveS * DEAD_KEEPALIVES * 1_000;
    if (!session) return;
    const { connection, traffic } = session;
    const urgentMs = traffic.urgentMs(now);
    const end = (what: string, ms: number): void => {
      const why = `${connection.broker}: ${what} for ${Math.floor(ms / 1_000)} s`;
      connection.end(new LinkError("stalled", why));
    };
    // The client sends no pings while it publishes, so a dead connection is noticed only here.
    if (traffic.silentMs(now) > deadMs) end("nothing acknowledged", deadMs);
    // A lost acknowledgement is repeated only on another connection.
    else if (isStuck({ urgentMs, blocked: traffic.blocked }, deadMs)) {
      this.#unanswered = true;
      end("an emergency was not acknowledged", urgentMs);
    }
  }

  /** Makes one connection to one broker and uses it until it ends. */
  async #visit(): Promise<Verdict> {
    const broker = this.#brokers.urls[this.#index]!;
    const { time, connect } = this.#options;
    const visit = { broker: this.#index, lastedMs: 0, delivered: 0, lostBytes: 0, unanswered: false };
    this.#unanswered = false;
    try {
      this.#connection = this.#options.outbox.nextConnection();
      const connection = await connect(broker, this.#connectOptions(), this.#hears(), this.#stopping.signal);
      const acceptedAt = time.mono();
      const { error, delivered, lostBytes } = await this.#serve(connection);
      visit.lastedMs = time.mono() - acceptedAt;
      visit.delivered = delivered;
      visit.lostBytes = lostBytes;
      visit.unanswered = this.#unanswered;
      this.#failed(broker, this.#suspectTwin(broker, error, visit.lastedMs));
    } catch (cause) {
      this.#failed(broker, classify(broker, cause));
    }
    const next = this.#brokers.after(visit);
    this.#index = next.broker;
    for (const episode of this.#standing.keys()) this.#plan(episode, false);
    return next.pause === "none" ? "again" : next.pause === "short" ? "worked" : "failed";
  }

  /**
   * Some brokers hang up without the reason code 0x8E (MQTT 5 §3.14.2.1) when another client connects
   * with the same client id.
   */
  #suspectTwin(broker: string, error: LinkError, lastedMs: number): LinkError {
    const ended = error.code === "lost" && lastedMs < TWIN_MS ? (this.#hangUps.get(broker) ?? 0) + 1 : 0;
    this.#hangUps.set(broker, ended);
    if (ended < TWIN_HANG_UPS) return error;
    const why = `${broker}: it accepts this unit and soon hangs up, again and again: do two units have the same name?`;
    return new LinkError("lost", why, error);
  }
  readonly #hangUps = new Map<string, number>();

  #connectOptions(): ConnectOptions {
    const { broker, routes, state } = this.#options;
    const { at: _at, clock: _clock, ...will } = state("offline", this.#connection);
    return { ...broker, will: { topic: routes.state.topic, payload: Buffer.from(JSON.stringify(will)) } };
  }

  async #serve(connection: Connection): Promise<{ error: LinkError; delivered: number; lostBytes: number }> {
    const { time, routes, compress, outbox, maxInFlightBytes, unheardCounts, state } = this.#options;
    const { broker, receiveMaximum } = connection;
    this.#brokers.accepted(this.#index, connection.maximumPacketSize);
    // From now on the link publishes to this broker, so its courier is not needed.
    void this.#couriers.get(broker)?.stop();
    this.#couriers.delete(broker);
    const traffic = new Traffic(
      {
        receiveMaximum,
        maxInFlightBytes,
        oldest: outbox.oldest(),
        unheardCounts,
        hasEnded: (episode) => this.#ended.has(episode),
        boot: outbox.boot,
        held: this.#refusalHangUps.held(broker, time.mono()),
      },
      time.mono(),
    );
    let delivered = 0;
    const refused = new Map<Channel, number>();
    const session = new Session({
      connection,
      traffic,
      routes,
      time,
      compress,
      maximumPacketSize: this.#brokers.limit(this.#index),
      outbox,
      on: {
        ...this.#sessionEvents(broker),
        answer: (answer, rttMs) => {
          if (answer.kind === "delivered") delivered += answer.reports.length;
          if (answer.kind === "refused") refused.set(answer.channel, time.mono());
          this.#stateAnswered(answer, connection);
          this.#status = { ...this.#status, rttMs: Math.round(rttMs * 10) / 10 };
          this.#answered(answer, broker, false);
        },
        tooLarge: (reports, bytes) => {
          if (this.#brokers.nobodyTakes(bytes)) outbox.refuse(reports);
        },
        limited: (bytes) => this.#brokers.limited(this.#index, bytes),
        drained: () => this.#wakeWaiters(),
      },
    });
    this.#session = session;
    for (const standing of this.#standing.values()) {
      standing.unheard = false;
      standing.since = time.mono();
    }
    using _ = new Subscriptions(connection, [routes.acks, routes.command], time, (topic, code) =>
      this.#on.refused(broker, topic, refusal(code)),
    );
    traffic.greet(Buffer.from(JSON.stringify(state("online", this.#connection))));
    for (const { report } of this.#standing.values()) traffic.say(report);
    for (const report of this.#newest.values()) traffic.offerLive(report, time.mono());
    session.pump();
    const error = await connection.closed;
    const lostBytes = error.code === "lost" || error.code === "failed" ? session.largestInFlight : 0;
    const now = time.mono();
    const because = [...refused].filter(([, at]) => now - at < BECAUSE_MS).map(([channel]) => channel);
    if (error.code === "lost") this.#refusalHangUps.ended(broker, because, now);
    this.#session = undefined;
    const { reconnects } = this.#status;
    this.#status = { reconnects };
    return { error, delivered, lostBytes };
  }

  /** The broker has accepted the unit and acknowledged the birth. */
  #up({ broker, version }: Connection): void {
    const reconnects = this.#connections++ === 0 ? 0 : this.#status.reconnects + 1;
    this.#status = { broker, reconnects };
    this.#reported.clear();
    this.#on.up(broker, version);
  }

  #failed(broker: string, error: LinkError): void {
    this.#status = { ...this.#status, fault: error.code };
    if (error.code === "taken-over" && this.#couriers.get(broker)?.takesOver) return;
    if (this.#leaving || this.#reported.get(broker) === error.message) return;
    this.#reported.set(broker, error.message);
    this.#on.down(error, broker);
  }

  /** An acknowledgement was received, on the link or by a courier. */
  #answered(answer: Answer, broker: string, courier: boolean): void {
    const { outbox } = this.#options;
    if (answer.kind === "refused") {
      if (answer.first) this.#on.refused(broker, answer.channel, refusal(answer.code));
      if (answer.channel === "emergency" && !courier)
        for (const episode of this.#standing.keys()) this.#unheard(episode);
      return;
    }
    const { outgoing } = answer;
    if (answer.kind === "too-large") return;
    if (answer.kind === "unheard") {
      this.#on.heard(false);
      if (outgoing.kind === "emergency" && !courier) this.#unheard(outgoing.report.data.episode);
      return;
    }
    if (answer.reports.length > 0) this.#on.heard(true);
    if (outgoing.kind === "emergency" && answer.reports.length > 0)
      this.#emergencyDelivered(outgoing.report, broker, courier);
    if (outgoing.kind === "removal") {
      if (outgoing.final) this.#emergencyDelivered(outgoing.final, broker, courier);
      else this.#on.removed(outgoing.episode, broker);
    }
    for (const report of answer.reports)
      if (this.#newest.get(report.kind) === report) this.#newest.delete(report.kind);
    outbox.settle(answer.reports);
  }

  #unheard(episode: string): void {
    const standing = this.#standing.get(episode);
    if (!standing) return;
    standing.unheard = true;
    this.#plan(episode, false);
  }

  #emergencyDelivered(report: EmergencyUpdate, broker: string, courier: boolean): void {
    const { episode, state } = report.data;
    if (this.#isLive(report)) this.#rememberLive(episode, report.seq);
    const standing = this.#standing.get(episode);
    if (standing?.report.seq === report.seq) {
      // The link's own connection is silent: move the link to the courier's broker.
      const view = this.#view(standing);
      if (courier && !standing.sent && view.kind === "open" && view.silent) this.#follow(broker);
      standing.sent = true;
      if (state === "cleared") this.#end(episode, standing.copies);
    }
    this.#on.delivered(report, broker);
  }

  /** Dispatch has the end of an episode: only brokers that may have a copy still need a courier. */
  #end(episode: string, copies: readonly string[]): void {
    this.#standing.delete(episode);
    this.#ended.add(episode);
    for (const old of [...this.#ended].slice(0, -ENDED_EPISODES)) this.#ended.delete(old);
    for (const courier of this.#couriers.values())
      if (!copies.includes(courier.broker) || courier.hasRemoved(episode)) courier.drop(episode);
  }

  #follow(broker: string): void {
    const session = this.#session;
    if (!session) return;
    this.#brokers.prefer(broker);
    const why = `${session.connection.broker}: an emergency had no answer for ${TRUST_MS / 1_000} s`;
    session.connection.end(new LinkError("stalled", why));
  }

  #rememberLive(episode: string, seq: number): void {
    this.#saidLive.delete(episode);
    this.#saidLive.set(episode, seq);
    for (const old of [...this.#saidLive.keys()].slice(0, -LIVE_EPISODES)) this.#saidLive.delete(old);
  }

  #wakeWaiters(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const wake of waiters) wake();
  }
}
