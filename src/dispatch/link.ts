import type { Lane } from "../domain/pending.ts";
import type { EmergencyUpdate, Report } from "../domain/report.ts";
import { putRight } from "../domain/time.ts";
import type { Route } from "../domain/wire.ts";
import type { Timer } from "../runtime/ports.ts";
import { reopening, type Reopening, type Verdict } from "../runtime/reopening.ts";
import { pause } from "../runtime/wait.ts";
import { BrokerNews } from "./broker-news.ts";
import { Brokers, type Visit } from "./brokers.ts";
import { Collector } from "./collector.ts";
import { Emergencies, type Carrier } from "./emergencies.ts";
import { classify } from "./faults.ts";
import { fateOf, type Fate } from "./fate.ts";
import { Freshness } from "./freshness.ts";
import { hearing, type Hearing } from "./hearing.ts";
import { behindArrival, whyGiveUp } from "./giving-up.ts";
import { HangUps, TwinSuspicion } from "./hang-ups.ts";
import {
  NOBODY,
  type BrokerStatus,
  type LinkEvents,
  type LinkOptions,
  type LinkStatus,
} from "./link-events.ts";
import { Live } from "./live.ts";
import { channelOf, type Answer } from "./outgoing.ts";
import { LinkError, PUBACK, type Connection, type ConnectOptions } from "./port.ts";
import { Session, type SessionEvents } from "./session.ts";
import { brokerAddress } from "./broker-address.ts";
import { TRUST_MS } from "./standing.ts";
import { Subscribed, Subscriptions } from "./subscriptions.ts";
import { isListening, Tally } from "./tally.ts";
import { Unfit } from "./unfit.ts";
import { Traffic } from "./traffic.ts";

export type { LinkEvents, LinkOptions, LinkStatus } from "./link-events.ts";

const RECONNECT_MS = { min: 1_000, max: 60_000 };
const FAREWELL_MS = 1_000;
const LOOK_MS = 250;
/** A connection without any acknowledgement for this many keepalives is dead. */
const DEAD_KEEPALIVES = 1.5;
/** After this long without an answer a broker is reported as silent. */
const SILENT_MS = 5_000;

/**
 * How one connection ended. `silentMs`: how long before that the broker sent its last answer. `isOwnDoing`: the
 * collector has taken it over.
 */
type Served = Pick<Visit, "delivered" | "lostBytes" | "left"> & {
  readonly error: LinkError;
  readonly silentMs: number;
  readonly isOwnDoing: boolean;
};

/** An open connection. */
type Linked = {
  readonly session: Session;
  readonly tally: Tally;
  /** Why it is given up, once it is. */
  left: Visit["left"];
};

/**
 * The link to dispatch: keeps a connection to one of the brokers and sends the outbox over it. What
 * emergencies need besides it is decided in `emergencies.ts`.
 */
export class Link {
  readonly #options: LinkOptions;
  readonly #brokers: Brokers;
  readonly #live: Live;
  /** Without an answer for this long, a connection is dead. */
  readonly #deadMs: number;
  readonly #emergencies: Emergencies;
  readonly #collector: Collector;
  readonly #freshness = new Freshness();
  readonly #stopping = new AbortController();
  readonly #refusalHangUps = new HangUps();
  readonly #twins = new TwinSuspicion();
  readonly #news = new BrokerNews(() => this.#on);
  /** The newest report of each kind. After an outage it is sent first, live: dispatchers look at it. */
  readonly #newest = new Map<Report["kind"], Report>();
  #running: Reopening | undefined;
  #looking: Timer | undefined;
  #on: LinkEvents = NOBODY;
  #status: LinkStatus = { reconnects: 0 };
  /** Index of the broker that is connected, or is tried next. */
  #index = 0;
  #connections = 0;
  /** The number of the newest connection (contract §1). */
  #connection = 0;
  #linked: Linked | undefined;
  /** Connections in a row that were left because nobody listened there. */
  #desertedTurns = 0;
  readonly #unfit = new Unfit();
  readonly #subscribed: Subscribed;
  #leaving = false;
  /** Called when the broker has acknowledged the farewell. */
  #farewell: (() => void) | undefined;
  readonly #waiters: (() => void)[] = [];
  /** When the link last did something, or had nothing to do. */
  #movedAt: number;

  constructor(options: LinkOptions) {
    this.#options = options;
    const { brokers, connect, broker, routes, clock, time, random, compress, outbox, unheardCounts } =
      options;
    this.#brokers = new Brokers(brokers);
    this.#live = new Live(clock, outbox.boot);
    this.#subscribed = new Subscribed(routes.subscribed, routes.bundle);
    this.#movedAt = time.mono();
    this.#deadMs = broker.keepaliveS * DEAD_KEEPALIVES * 1_000;
    this.#emergencies = new Emergencies({
      brokers,
      courier: { connect, options: broker, routes, time, random, compress, unheardCounts },
      live: this.#live,
      deadMs: this.#deadMs,
      link: {
        sessionEvents: (url) => this.#sessionEvents(url),
        hears: (url, clientId) => this.#hears(url, clientId),
        answered: (answer, url) => this.#answered(answer, url, "courier", isListening(answer)),
        accepted: (connection) => this.#accepted(brokers.indexOf(connection.broker), connection),
        tooLarge: (report, bytes) => void this.#tooLarge(report, bytes),
        hurry: () => this.#running?.hurry(),
        follow: (url) => this.#follow(url),
      },
    });
    this.#collector = new Collector({
      connect,
      options: broker,
      time,
      hears: (url) => this.#hears(url, broker.clientId).events,
      sessions: options.sessions,
      isTaken: (url) => this.#emergencies.takesOver(url),
    });
  }

  #hears(url: string, clientId: string): Hearing {
    const { time, broker } = this.#options;
    const heard = hearing({ freshness: this.#freshness, time, on: () => this.#on }, url, clientId);
    const accepted = (connection: Connection): void => {
      heard.events.accepted(connection);
      if (clientId === broker.clientId && !connection.hadSession) this.#subscribed.lost(url);
    };
    return { ...heard, events: { ...heard.events, accepted } };
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
    this.#emergencies.start(on);
    this.#looking = time.every(LOOK_MS, () => this.#look());
    this.#look();
  }

  /** Whether a message can be published now, on the link or by a courier. */
  get connected(): boolean {
    return this.#linked !== undefined || this.#emergencies.connected;
  }

  /**
   * For how many milliseconds the link has done nothing, although it had something to do: no attempt has begun or ended, no
   * connection was opened, and no message in flight was answered. Above a few minutes the link itself is at fault.
   */
  get stillMs(): number {
    return this.#options.time.mono() - this.#movedAt;
  }

  /** Ends a pause between two attempts to connect. */
  hurry(): void {
    if (!this.#linked) this.#running?.hurry();
  }

  #move(): void {
    this.#movedAt = this.#options.time.mono();
  }

  get status(): LinkStatus {
    return this.#status;
  }

  /** Each broker, in the configured order. */
  get brokers(): readonly BrokerStatus[] {
    return this.#brokers.urls.map((url, index) => ({
      url,
      state: this.#status.broker === url ? "connected" : index === this.#index ? "connecting" : "standby",
      ...this.#news.of(url),
    }));
  }

  /** Takes a new telemetry report. It is sent at once if connected, otherwise later from the outbox. */
  offer(report: Report): void {
    this.#newest.set(report.kind, report);
    this.#linked?.session.traffic.offerLive(report, this.#options.time.mono());
    this.#linked?.session.pump();
  }

  /** Records of a lane can be read from the outbox. */
  stored(lane: Lane): void {
    this.#linked?.session.traffic.stored(lane);
    this.#linked?.session.pump();
  }

  /**
   * Publishes the current report of an emergency: a new, changed or repeated one. `copies`: brokers that
   * may have an older copy.
   */
  emergency(report: EmergencyUpdate, copies: readonly string[]): void {
    this.#emergencies.publish(report, copies);
  }

  /** Removes the retained copy of an episode from a broker. `prefix`: of its topic, if it is an earlier one. */
  remove(episode: string, broker: string, prefix?: string): void {
    this.#emergencies.remove(episode, broker, prefix);
  }

  /** See `Emergencies.inherit`. */
  inherit(copies: readonly { readonly episode: string; readonly broker: string }[]): void {
    this.#emergencies.inherit(copies);
  }

  /** Whether reports can be sent again now. */
  get sendsAgain(): boolean {
    return this.#linked?.session.traffic.sendsAgain ?? false;
  }

  /** Sends reports again, as history: a broker has acknowledged them, and dispatch lacks them. */
  again(reports: readonly Report[]): void {
    this.#linked?.session.traffic.again(reports);
    this.#linked?.session.pump();
  }

  /** Reads everything pending again. */
  rewind(): void {
    this.#linked?.session.traffic.rewind(this.#options.outbox.oldest());
    this.#linked?.session.pump();
  }

  /**
   * Publishes the answer to a command. Without a connection it is lost: the broker delivers the command again on
   * the next one. Returns whether an older answer was dropped, because too many wait.
   */
  reply(route: Route, payload: Buffer): boolean {
    const dropped = this.#linked?.session.traffic.reply(route, payload) ?? false;
    this.#linked?.session.pump();
    return dropped;
  }

  /** Resolves once nothing is pending or in flight, apart from reports that do not fit the link's broker. */
  drained(): Promise<void> {
    if (this.#linked?.session.traffic.drained) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  /** Publishes `offline` with a reason, waits for its acknowledgement, and disconnects. */
  async stop(reason: string): Promise<void> {
    this.#leaving = true;
    this.#looking?.[Symbol.dispose]();
    const carried = [...this.#emergencies.stop(), this.#collector.stop()];
    const { time, state } = this.#options;
    if (this.#linked) {
      const { session } = this.#linked;
      const { connection, traffic } = session;
      traffic.farewell(Buffer.from(JSON.stringify(state("offline", this.#connection, reason))));
      const said = Promise.withResolvers<void>();
      this.#farewell = said.resolve;
      session.pump();
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

  /** An answer to any message was received: it may be the farewell's, or the first of the connection. */
  #stateAnswered(answer: Answer, connection: Connection): void {
    if (answer.kind === "too-large") return;
    if (answer.kind !== "refused" && answer.outgoing.kind === "state" && answer.outgoing.last)
      this.#farewell?.();
    // A broker that answers anything has let the unit in, even if it refuses the birth.
    if (!this.#leaving && this.#status.broker === undefined) this.#up(connection);
    if (answer.kind === "delivered" && answer.outgoing.kind === "state" && !answer.outgoing.last)
      this.#on.born(connection.broker);
  }

  #sessionEvents(broker: string): Pick<SessionEvents, "isLive" | "right" | "publishing"> {
    const { clock, outbox } = this.#options;
    return {
      isLive: (report) => this.#live.isLive(report),
      right: (report) => putRight(report, outbox.boot, clock),
      publishing: (report) => this.#on.publishing(report, broker),
    };
  }

  /** Checks what no event reports: emergencies without an answer, and dead connections. */
  #look(): void {
    const linked = this.#linked;
    const now = this.#options.time.mono();
    this.#emergencies.look(now);
    if (!linked) return;
    if (this.#status.broker !== undefined) this.#collector.look();
    const { tally } = linked;
    const { connection, traffic } = linked.session;
    const { broker } = connection;
    const { arrivedMs } = connection;
    const { blocked, flights } = traffic;
    const waits = { silentMs: flights.silentMs(now), urgentMs: traffic.urgentMs(now), blocked };
    const { silentMs, urgentMs } = behindArrival(waits, arrivedMs);
    const isWell = traffic.flights.size === 0 || arrivedMs < SILENT_MS;
    if (isWell && linked.left === undefined) this.#move();
    if (silentMs >= SILENT_MS) {
      tally.silent();
      this.#on.silent(silentMs);
    }
    const elsewhere = this.#brokers.urls.length > 1 || this.#desertedTurns < connection.otherAddresses;
    const deserted = tally.isDeserted(now) && elsewhere;
    if (tally.isDeserted(now) && !deserted) this.#news.deserted(broker);
    const useless = tally.isUseless(now) && this.#brokers.urls.length > 1;
    // Not in an emergency: the other broker may be of no use, and the positions of each second would be missing.
    const calm = !this.#emergencies.pending && this.#brokers.urls.length > 1;
    const unfit = calm && this.#unfit.isDue(now);
    const unconfirmed = calm && this.#options.unconfirmed(broker);
    const lostMs = traffic.flights.lostMs(now);
    const seen = { broker, silentMs, urgentMs, blocked, lostMs, deserted, useless, unfit, unconfirmed };
    const given = whyGiveUp(seen, this.#deadMs);
    if (!given) return;
    if (given.left === "deserted") this.#desertedTurns++;
    if (given.left === "unfit") this.#unfit.left();
    linked.left = given.left;
    // Close without DISCONNECT, so that the broker publishes the will: the unit is not online there.
    connection.end(given.error);
  }

  /** Makes one connection to one broker and uses it until it ends. */
  async #visit(): Promise<Verdict> {
    this.#move();
    const broker = this.#brokers.urls[this.#index]!;
    const { time, connect, broker: login } = this.#options;
    let visit: Visit = { broker: this.#index, lastedMs: 0, delivered: 0, lostBytes: 0 };
    await this.#collector.giveWay(broker);
    try {
      this.#connection = this.#options.outbox.nextConnection();
      const hears = this.#hears(broker, login.clientId);
      const connection = await connect(broker, this.#connectOptions(), hears.events, this.#stopping.signal);
      const acceptedAt = time.mono();
      const { error, silentMs, isOwnDoing, ...served } = await this.#serve(connection, hears);
      const lastedMs = time.mono() - acceptedAt;
      visit = { broker: this.#index, lastedMs, otherAddresses: connection.otherAddresses, ...served };
      const why = this.#twins.ended(broker, error, lastedMs);
      if (isOwnDoing) this.#status = { ...this.#status, fault: why.code };
      else this.#failed(broker, why, silentMs);
    } catch (cause) {
      this.#failed(broker, classify(broker, cause), 0);
    }
    this.#move();
    const next = this.#brokers.after(visit);
    this.#index = next.broker;
    this.#emergencies.replan();
    return next.pause === "none" ? "again" : next.pause === "short" ? "worked" : "failed";
  }

  #connectOptions(): ConnectOptions {
    const { broker, routes, state } = this.#options;
    const { at: _at, clock: _clock, ...will } = state("offline", this.#connection);
    const payload = Buffer.from(JSON.stringify(will));
    return { ...broker, patient: this.#brokers.allFailed, will: { topic: routes.state.topic, payload } };
  }

  async #serve(connection: Connection, hears: Hearing): Promise<Served> {
    const { time, state } = this.#options;
    const { broker } = connection;
    this.#move();
    this.#accepted(this.#index, connection);
    const tally = new Tally();
    const session = this.#sessionOn(connection, tally, hears);
    const { traffic } = session;
    const linked: Linked = { session, tally, left: undefined };
    this.#linked = linked;
    this.#collector.entered(broker);
    this.#emergencies.linked(session);
    traffic.greet(Buffer.from(JSON.stringify(state("online", this.#connection))));
    for (const report of this.#newest.values()) traffic.offerLive(report, time.mono());
    session.pump();
    // A broker may hang up instead of refusing a subscription: a press is on its way before that.
    using _ = new Subscriptions(connection, this.#subscribed.topics(broker), time, {
      refused: (topic, code) => {
        this.#news.refused(broker, topic, code);
        this.#emergencies.relieve();
      },
      granted: (topic) => {
        this.#subscribed.granted(broker, topic);
        this.#news.accepted(broker, topic);
        this.#emergencies.relieve();
      },
    });
    const error = await connection.closed;
    const lostBytes = error.code === "lost" || error.code === "failed" ? session.largestInFlight : 0;
    const now = time.mono();
    if (error.code === "lost") this.#refusalHangUps.ended(broker, tally.refusedBefore(now), now);
    // With nothing in flight, the client has noticed by its own pings that the connection was dead.
    const pinged = error.code === "stalled" && traffic.flights.size === 0;
    const silentMs = pinged ? this.#deadMs : traffic.flights.silentMs(now);
    this.#unfit.ended(tally.delivered);
    this.#linked = undefined;
    const isOwnDoing = this.#collector.left(broker, error);
    this.#emergencies.unlinked();
    this.#status = { reconnects: this.#status.reconnects };
    const left = linked.left ?? (error.code === "stalled" ? "unanswered" : undefined);
    return { error, delivered: tally.delivered, lostBytes, silentMs, left, isOwnDoing };
  }

  /** A broker has accepted a connection of the link or of a courier. */
  #accepted(index: number, { broker, maximumPacketSize, unusableFile }: Connection): void {
    this.#brokers.accepted(index, maximumPacketSize);
    if (brokerAddress(broker).secure) this.#on.files(unusableFile);
  }

  #sessionOn(connection: Connection, tally: Tally, hears: Hearing): Session {
    const { time, routes, compress, outbox } = this.#options;
    const { broker } = connection;
    return new Session({
      connection,
      traffic: this.#trafficOn(connection),
      routes,
      time,
      compress,
      maximumPacketSize: this.#brokers.limit(this.#index),
      outbox,
      on: {
        ...this.#sessionEvents(broker),
        answer: (answer, rttMs) => {
          this.#move();
          hears.answered(rttMs);
          const listening = tally.answered(answer, time.mono());
          this.#stateAnswered(answer, connection);
          const ms = Math.round(rttMs * 10) / 10;
          this.#status = { ...this.#status, rttMs: ms };
          this.#news.roundTrip(broker, ms, time.mono());
          this.#answered(answer, broker, "link", listening);
        },
        tooLarge: (report, bytes) => {
          this.#emergencies.withheld(report, broker);
          if (this.#tooLarge(report, bytes) === "wait") this.#doesNotFit(report);
        },
        limited: (bytes) => this.#brokers.limited(this.#index, bytes),
        drained: () => this.#waiters.splice(0).forEach((wake) => wake()),
      },
    });
  }

  /** A report does not fit into the largest packet of a broker. */
  #tooLarge(report: Report, bytes: number): Fate {
    const isCurrent = this.#emergencies.isCurrent(report);
    const fate = fateOf(report, { isCurrent, nobodyTakes: this.#brokers.nobodyTakes(bytes) });
    if (fate === "refuse") this.#options.outbox.refuse([report]);
    if (fate === "fault") this.#on.tooLarge(bytes);
    return fate;
  }

  /** A report is too large for the link's broker, and perhaps not for another one. */
  #doesNotFit(report: Report): void {
    if (report.kind === "emergency") this.#emergencies.unfit(report.data.episode);
    else this.#unfit.found(this.#options.time.mono());
  }

  #trafficOn({ broker, receiveMaximum }: Connection): Traffic {
    const { time, outbox, maxInFlightBytes, unheardCounts } = this.#options;
    const now = time.mono();
    return new Traffic(
      {
        receiveMaximum,
        maxInFlightBytes,
        oldest: outbox.oldest(),
        unheardCounts: () => unheardCounts(broker),
        hasEnded: (episode) => this.#emergencies.hasEnded(episode),
        madeHere: (seq) => outbox.madeHere(seq),
        held: this.#refusalHangUps.held(broker, now),
      },
      now,
    );
  }

  /** The broker has answered for the first time on this connection. */
  #up({ broker, version }: Connection): void {
    const reconnects = this.#connections++ === 0 ? 0 : this.#status.reconnects + 1;
    this.#status = { broker, reconnects };
    this.#news.letIn(broker);
    this.#on.up(broker, version);
  }

  #failed(broker: string, error: LinkError, silentMs: number): void {
    this.#status = { ...this.#status, fault: error.code };
    if (error.code === "taken-over" && this.#emergencies.takesOver(broker)) return;
    if (this.#leaving) return;
    // A courier may have heard somebody since the fault was reported.
    this.#on.silent(silentMs);
    this.#news.failed(broker, error, silentMs);
  }

  #oldRemoved({ outgoing, code }: Answer & { kind: "old-removal" }, broker: string): void {
    const { episode, prefix } = outgoing.copy;
    const topic = this.#options.routes.emergency(episode, prefix);
    if (code >= PUBACK.firstRefusal) this.#news.refused(broker, topic, code);
    else this.#news.accepted(broker, topic);
  }

  /** An acknowledgement was received, on the link or by a courier. */
  #answered(answer: Answer, broker: string, by: Carrier, listening: boolean | undefined): void {
    // Without a connection the link still tries this broker, and would report its fault again.
    if (by === "courier" && this.#linked) this.#news.answeredCourier(broker);
    if (answer.kind === "refused" && answer.first)
      this.#news.refused(broker, answer.channel, answer.code, answer.topic);
    if (answer.kind === "old-removal") this.#oldRemoved(answer, broker);
    if (answer.kind === "unheard" || answer.kind === "delivered") {
      this.#news.accepted(broker, channelOf(answer.outgoing));
      this.#refusalHangUps.accepted(broker, channelOf(answer.outgoing));
    }
    // While the link is open, only it shows that nobody listens.
    if (listening === true || (listening === false && (by === "link" || !this.#linked)))
      this.#on.heard(listening);
    if (listening) this.#news.heard(broker);
    if (listening) this.#desertedTurns = 0;
    this.#emergencies.answered(answer, broker, by);
    if (answer.kind !== "delivered") return;
    for (const report of answer.reports)
      if (this.#newest.get(report.kind) === report) this.#newest.delete(report.kind);
    const { outbox, settlesUnheard } = this.#options;
    outbox.acknowledge(answer.reports, answer.code !== PUBACK.noMatchingSubscribers || settlesUnheard);
    if (by === "link") this.#on.acknowledged(answer.reports, broker);
  }

  /** Moves to a broker that has acknowledged an emergency while the link's own connection was silent. */
  #follow(broker: string): void {
    if (!this.#linked) return;
    const { connection } = this.#linked.session;
    // Its answer waits behind what is arriving. The next connection would get that from its beginning.
    if (connection.arrivedMs < TRUST_MS) return;
    this.#brokers.prefer(broker);
    const why = `${connection.broker}: an emergency had no answer for ${TRUST_MS / 1_000} s`;
    connection.end(new LinkError("stalled", why));
  }
}
