import { laneOf, LANES, type Lane } from "../domain/pending.ts";
import type { EmergencyUpdate, Report } from "../domain/report.ts";
import type { Channel, Route } from "../domain/wire.ts";
import { createPace, type Flight as Paced } from "./pace.ts";
import { Pauses } from "./pauses.ts";
import { INNOCENT_BYTES, PUBACK } from "./port.ts";
import { Reading } from "./reading.ts";

/**
 * The traffic of one connection, without I/O: what waits, what is in flight, what is sent next, and what
 * an acknowledgement means (contract §4). It is dropped with its connection: reports that were not
 * settled are still in the outbox.
 *
 * Order: birth, emergencies, replies, events, live telemetry, history. Some places in the window are
 * reserved for emergencies.
 */
export type Outgoing =
  /** Birth, or with `last` the farewell. */
  | { readonly kind: "state"; readonly payload: Buffer; readonly last: boolean }
  | { readonly kind: "emergency"; readonly report: EmergencyUpdate }
  /**
   * Removes the retained copy of an episode from the broker. `final`: its last report, delivered just
   * before.
   */
  | { readonly kind: "removal"; readonly episode: string; readonly final?: EmergencyUpdate }
  | { readonly kind: "event" | "live"; readonly report: Report }
  | { readonly kind: "history"; readonly reports: readonly Report[]; readonly payload: Buffer }
  | { readonly kind: "reply"; readonly route: Route; readonly payload: Buffer };

/** A message in flight: sent and not acknowledged. */
export type Flight = { readonly outgoing: Outgoing; readonly sentAt: number; readonly paced: Paced };

/** What an acknowledgement means for the rest of the unit. */
export type Answer =
  /** The reports were delivered to a broker. */
  | { readonly kind: "delivered"; readonly outgoing: Outgoing; readonly reports: readonly Report[] }
  /** The broker has the message, but no subscriber for it. */
  | { readonly kind: "unheard"; readonly outgoing: Outgoing }
  /** The packet is too large for the broker. It is sent again in a smaller form, if there is one. */
  | { readonly kind: "too-large"; readonly outgoing: Outgoing }
  /** The broker refuses this channel. `first`: for the first time on this connection. */
  | { readonly kind: "refused"; readonly channel: Channel; readonly code: number; readonly first: boolean };

export type Read = { readonly lane: Lane; readonly after: number; readonly limit: number };

export type TrafficSettings = {
  /** QoS 1 messages that the broker takes before it has acknowledged one. */
  readonly receiveMaximum: number;
  /** Bytes of history that may be unacknowledged, however much the link holds. */
  readonly maxInFlightBytes: number;
  /** No pending number is below this one. */
  readonly oldest: number;
  /** Whether 0x10 (no matching subscribers) counts as delivery now. */
  readonly unheardCounts: () => boolean;
  /** Whether an episode has ended: what is left of it must not be retained again. */
  readonly hasEnded: (episode: string) => boolean;
  /**
   * This boot. An emergency report of it is published only once the unit has said it: the outbox can
   * hold it before the episode is on disk.
   */
  readonly boot: number;
  /** Channels that wait from the start, and until when, on the clock of `now`. */
  readonly held: readonly { readonly channel: Channel; readonly until: number }[];
};

/**
 * The most messages in flight. 20 to 50 measured best with this client; more would only be repeated after
 * a loss.
 */
const WINDOW = 32;
/** Places in the window that are reserved for emergencies. */
const RESERVE = 4;
/** How many removed episodes are remembered. The oldest is forgotten first. */
const REMOVED = 64;
/**
 * Further positions are sent as history, many reports to a message, which costs unit, link and broker
 * less.
 */
const LIVE_WINDOW = 4;
const LIVE_QUEUE = 4;
const EVENT_WINDOW = 4;
/** Events and emergencies read from the outbox at once. */
const URGENT_RECORDS = 100;
/** The most answers to commands that may wait. Beyond that the oldest are dropped. */
const REPLY_QUEUE = 32;
const BATCH_RECORDS = { min: 4, max: 1_000 };
/** The assumed size of a report within a batch, before one was measured. */
const PACKED_BYTES = 50;
/** The most batches that are being encoded or wait to be sent. */
const BATCHES = 2;
/** Kinds of messages that must not delay an emergency by more than one message. */
const isOrdinary = ({ kind }: Outgoing): boolean =>
  kind === "event" || kind === "live" || kind === "history" || kind === "reply";

const channelOf = (outgoing: Outgoing): Channel => {
  if (outgoing.kind === "removal") return "emergency";
  return outgoing.kind === "live" ? outgoing.report.kind : outgoing.kind;
};

const reportsOf = (outgoing: Outgoing): readonly Report[] => {
  switch (outgoing.kind) {
    case "emergency":
    case "event":
    case "live":
      return [outgoing.report];
    case "history":
      return outgoing.reports;
    case "removal":
      return outgoing.final ? [outgoing.final] : [];
    case "state":
    case "reply":
      return [];
  }
};

const CHANNEL_OF_LANE = { emergency: "emergency", event: "event", telemetry: "history" } as const;
export class Traffic {
  readonly #settings: TrafficSettings;
  readonly #window: number;
  readonly #reserve: number;
  readonly #pace;
  readonly #pauses = new Pauses();
  readonly #flights = new Set<Flight>();
  /** Numbers that are queued or in flight, or that do not fit this broker. */
  readonly #underway = new Set<number>();
  /** The newest report of each episode that is known here. */
  readonly #standing = new Map<string, EmergencyUpdate>();
  /** The last report of each episode that was delivered here: the same attempt is not published twice. */
  readonly #said = new Map<string, EmergencyUpdate>();
  readonly #reading: Reading;
  /** The first report of each episode that was read and not said yet. */
  readonly #unsaid = new Map<string, number>();
  /** Episodes whose retained copy was removed on this connection. */
  #removed: string[] = [];
  #states: Outgoing[] = [];
  #urgent: (Outgoing & { kind: "emergency" | "removal" })[] = [];
  #events: Report[] = [];
  #live: Report[] = [];
  #replies: Outgoing[] = [];
  #toEncode: (readonly Report[])[] = [];
  #encoding = 0;
  #history: (Outgoing & { kind: "history" })[] = [];
  #packedBytes = PACKED_BYTES;
  #primed = false;
  #held = false;
  #progressAt: number;

  constructor(settings: TrafficSettings, now: number) {
    this.#settings = settings;
    this.#window = Math.max(1, Math.min(WINDOW, settings.receiveMaximum));
    this.#reserve = this.#window > 2 * RESERVE ? RESERVE : this.#window > 1 ? 1 : 0;
    this.#pace = createPace(settings.maxInFlightBytes);
    for (const { channel, until } of settings.held) this.#pauses.hold(channel, until);
    this.#reading = new Reading(settings.oldest);
    this.#progressAt = now;
  }

  get inFlight(): number {
    return this.#flights.size;
  }

  get drained(): boolean {
    const said = this.#states.length + this.#replies.length;
    const waiting = this.#urgent.length + this.#events.length + this.#live.length + this.#history.length;
    const encoding = this.#toEncode.length + this.#encoding;
    return this.#reading.done && this.#flights.size + said + waiting + encoding === 0;
  }

  /** When the next pause ends, on the clock of `now`; undefined if there is none. */
  wakeAt(now: number): number | undefined {
    return this.#pauses.next(now);
  }

  /** How long the broker has acknowledged none of the messages in flight; 0 if there are none. */
  silentMs(now: number): number {
    return this.#flights.size === 0 ? 0 : now - this.#progressAt;
  }

  /** How long the oldest emergency in flight has waited for its acknowledgement; 0 if there is none. */
  emergencyMs(now: number): number {
    let eldest = now;
    for (const { outgoing, sentAt } of this.#flights)
      if (outgoing.kind === "emergency") eldest = Math.min(eldest, sentAt);
    return now - eldest;
  }

  /**
   * How long the oldest emergency or removal in flight has waited for its acknowledgement; 0 if there is
   * none.
   */
  urgentMs(now: number): number {
    let eldest = now;
    for (const { outgoing, sentAt } of this.#flights)
      if (outgoing.kind === "emergency" || outgoing.kind === "removal") eldest = Math.min(eldest, sentAt);
    return now - eldest;
  }

  /** Whether an emergency or a removal waits because the window is full. */
  get blocked(): boolean {
    return this.#urgent.length > 0 && this.#flights.size >= this.#window;
  }

  greet(payload: Buffer): void {
    this.#states.push({ kind: "state", payload, last: false });
  }

  /** Queues the last message. Nothing else is published after this call. */
  farewell(payload: Buffer): void {
    this.#held = true;
    this.#states = [{ kind: "state", payload, last: true }];
  }

  /** An emergency as it now stands: new, changed, or said again. */
  say(report: EmergencyUpdate): void {
    const { episode } = report.data;
    const before = this.#standing.get(episode);
    if (before && before.seq > report.seq) return;
    this.#standing.set(episode, report);
    const unsaid = this.#unsaid.get(episode);
    if (unsaid !== undefined) this.#reading.giveBack("emergency", unsaid);
    this.#unsaid.delete(episode);
    if (before && before.seq < report.seq) this.#supersede(before);
    const said = this.#said.get(episode);
    if (said?.seq === report.seq && said.data.attempt === report.data.attempt) return;
    const queued = this.#urgent.findIndex((one) => one.kind === "emergency" && one.report.seq === report.seq);
    if (queued >= 0) this.#urgent[queued] = { kind: "emergency", report };
    else if (!this.#underway.has(report.seq)) this.#queueEmergency(report);
  }

  /** Removes an episode from the broker of which the unit has no report any more. */
  remove(episode: string): void {
    this.#forget(episode);
    const known = this.#urgent.some((one) => one.kind === "removal" && one.episode === episode);
    const flying = [...this.#flights].some(
      ({ outgoing }) => outgoing.kind === "removal" && outgoing.episode === episode,
    );
    if (!known && !flying) this.#urgent.push({ kind: "removal", episode });
  }

  /** A new telemetry report: it goes out live if there is room, else later as history. */
  offerLive(report: Report, now: number): void {
    if (this.#underway.has(report.seq)) return;
    if (this.#live.length >= LIVE_QUEUE || this.#pauses.refused(report.kind, now)) {
      this.#reading.mark("telemetry");
      return;
    }
    this.#underway.add(report.seq);
    this.#live.push(report);
  }

  reply(route: Route, payload: Buffer): void {
    this.#replies = [...this.#replies, { kind: "reply" as const, route, payload }].slice(-REPLY_QUEUE);
  }

  /** Records of a lane can be read from the outbox. */
  stored(lane: Lane): void {
    this.#reading.mark(lane);
  }

  /** What should be read from the outbox now. Each answer is handed to `page`. */
  reads(now: number): Read[] {
    const reads: Read[] = [];
    for (const lane of LANES) {
      if (!this.#reading.wants(lane) || !this.#wants(lane, now)) continue;
      const limit = lane === "telemetry" ? this.#batchRecords() : URGENT_RECORDS;
      reads.push({ lane, after: this.#reading.begin(lane), limit });
    }
    return reads;
  }

  /** What was read; `cursor`: how far. */
  page(lane: Lane, read: readonly Report[], cursor: number): void {
    const reports = read.filter((report) => !this.#isUnsaid(report));
    const fresh = this.#reading.take(lane, reports, cursor, this.#underway);
    for (const { seq } of fresh) this.#underway.add(seq);
    if (lane === "emergency") this.#sort(fresh);
    else if (lane === "event") this.#events.push(...fresh);
    else if (fresh.length > 0) this.#toEncode.push(fresh);
    if (lane === "emergency") this.#primed = true;
  }

  /** Reports that should be made into one message of history now. */
  toEncode(): readonly Report[] | undefined {
    const reports = this.#toEncode.shift();
    if (reports) this.#encoding++;
    return reports;
  }

  /** A batch is encoded. */
  offerHistory(reports: readonly Report[], payload: Buffer): void {
    this.#encoding--;
    this.#packedBytes = payload.length / reports.length;
    this.#history.push({ kind: "history", reports, payload });
  }

  /** The next message, or undefined if there is none, or no place for it. */
  next(now: number): Outgoing | undefined {
    if (this.#flights.size >= this.#window) return undefined;
    const state = this.#pauses.waits("state", now) ? undefined : this.#states.shift();
    if (state || this.#held) return state;
    const urgent = this.#pauses.refused("emergency", now) ? undefined : this.#urgent.shift();
    if (urgent || !this.#primed || this.#flights.size >= this.#window - this.#reserve) return urgent;
    return this.#ordinary(now);
  }

  /** A message was sent. */
  sent(outgoing: Outgoing, bytes: number, now: number): Flight {
    if (this.#flights.size === 0) this.#progressAt = now;
    const flight = { outgoing, sentAt: now, paced: this.#pace.sent(bytes, now) };
    this.#flights.add(flight);
    return flight;
  }

  /**
   * Frees the place of a message that waited for the disk. Returns what to send in its place: the current
   * report of the episode, or undefined if a newer report was sent or the episode is over.
   */
  resume(flight: Flight): Outgoing | undefined {
    this.#flights.delete(flight);
    this.#pace.withdrawn();
    const { outgoing } = flight;
    if (outgoing.kind !== "emergency") return outgoing;
    const { report } = outgoing;
    const standing = this.#standing.get(report.data.episode);
    if (standing?.seq === report.seq) return { kind: "emergency", report: standing };
    this.#toEncode.push([report]);
    return undefined;
  }

  /** A message does not fit into the broker's largest packet. It is not sent on this connection. */
  unfit(outgoing: Outgoing): void {
    // Its numbers stay in `#underway`, so that they are not read again. A batch is halved until one report is
    // left.
    if (outgoing.kind !== "history" || outgoing.reports.length < 2) return;
    const half = Math.ceil(outgoing.reports.length / 2);
    this.#toEncode.unshift(outgoing.reports.slice(0, half), outgoing.reports.slice(half));
  }

  /** The broker's answer to a message in flight. `code`: a PUBACK reason code. */
  answered(flight: Flight, code: number, now: number): Answer {
    const { outgoing } = flight;
    this.#flights.delete(flight);
    this.#progressAt = now;
    this.#pace.acknowledged(flight.paced, now);
    this.#reading.progressed();
    const channel = channelOf(outgoing);
    if (code === PUBACK.packetTooLarge && flight.paced.bytes > INNOCENT_BYTES) {
      this.#putBack(outgoing);
      return { kind: "too-large", outgoing };
    }
    if (code >= PUBACK.firstRefusal) {
      this.#giveBack(outgoing);
      return { kind: "refused", channel, code, first: this.#pauses.refuse(channel, now) };
    }
    const unheard = code === PUBACK.noMatchingSubscribers && !this.#settings.unheardCounts();
    if (unheard && reportsOf(outgoing).length > 0 && outgoing.kind !== "removal") {
      this.#giveBack(outgoing);
      this.#pauses.unheard(channel, outgoing.kind === "live" ? "history" : channel, now);
      // The end has no subscriber here, but the retained copy must be removed anyway.
      if (outgoing.kind === "emergency" && outgoing.report.data.state === "cleared")
        this.#urgent.unshift({ kind: "removal", episode: outgoing.report.data.episode });
      return { kind: "unheard", outgoing };
    }
    // The answer to a removal does not show whether there is a subscriber.
    if (outgoing.kind !== "removal" || outgoing.final) this.#pauses.taken(channel);
    return this.#delivered(outgoing);
  }

  #delivered(outgoing: Outgoing): Answer {
    if (outgoing.kind === "emergency" && outgoing.report.data.state === "cleared") {
      // It counts as delivered once the retained copy is removed too.
      this.#urgent.unshift({
        kind: "removal",
        episode: outgoing.report.data.episode,
        final: outgoing.report,
      });
      return { kind: "delivered", outgoing, reports: [] };
    }
    if (outgoing.kind === "emergency") this.#said.set(outgoing.report.data.episode, outgoing.report);
    const reports = reportsOf(outgoing);
    for (const { seq, kind } of reports) {
      this.#underway.delete(seq);
      this.#reading.delivered(laneOf(kind), seq);
    }
    if (outgoing.kind === "removal") this.#forget(outgoing.episode);
    return { kind: "delivered", outgoing, reports };
  }

  #forget(episode: string): void {
    this.#standing.delete(episode);
    this.#said.delete(episode);
    this.#removed = [...this.#removed.filter((one) => one !== episode), episode].slice(-REMOVED);
  }

  /** Puts a message back to the front of its queue, to be sent again if it can be made to fit. */
  #putBack(outgoing: Outgoing): void {
    switch (outgoing.kind) {
      case "state":
        this.#states.unshift(outgoing);
        return;
      case "emergency": {
        const { report } = outgoing;
        const standing = this.#standing.get(report.data.episode);
        if (standing?.seq === report.seq) this.#urgent.unshift({ kind: "emergency", report: standing });
        else this.#toEncode.push([report]);
        return;
      }
      case "removal":
        this.#urgent.unshift(outgoing);
        return;
      case "event":
        this.#events.unshift(outgoing.report);
        return;
      case "live":
        this.#live.unshift(outgoing.report);
        return;
      case "history":
        if (outgoing.reports.length > 1) this.unfit(outgoing);
        else this.#history.unshift(outgoing);
        return;
      case "reply":
        this.#replies.unshift(outgoing);
    }
  }

  /**
   * Reports that were not delivered are read from the outbox again when the pause of their channel is
   * over.
   */
  #giveBack(outgoing: Outgoing): void {
    for (const { seq, kind } of reportsOf(outgoing)) {
      this.#underway.delete(seq);
      this.#reading.giveBack(laneOf(kind), seq);
    }
    if (outgoing.kind === "removal" && !outgoing.final) this.#urgent.push(outgoing);
    // A farewell is not repeated: the will says it. No birth may follow one.
    if (outgoing.kind === "state" && !outgoing.last && !this.#held) this.#states.push(outgoing);
  }

  /** A refused kind of telemetry is sent as history. */
  #giveBackLive(kind: Report["kind"]): void {
    for (const report of this.#live) if (report.kind === kind) this.#giveBack({ kind: "live", report });
    this.#live = this.#live.filter((report) => report.kind !== kind);
  }

  #ordinary(now: number): Outgoing | undefined {
    const flying = { event: 0, live: 0 };
    let bytes = 0;
    for (const { outgoing, paced } of this.#flights) {
      if (outgoing.kind === "event" || outgoing.kind === "live") flying[outgoing.kind]++;
      if (isOrdinary(outgoing)) bytes += paced.bytes;
    }
    // More than the link can carry would wait in a queue, and an emergency would wait behind it.
    if (bytes > this.#pace.holds) return undefined;
    const reply = this.#replies.shift();
    if (reply) return reply;
    const events = flying.event < EVENT_WINDOW && !this.#pauses.waits("event", now);
    const event = events ? this.#events.shift() : undefined;
    if (event) return { kind: "event", report: event };
    const [waiting] = flying.live < LIVE_WINDOW ? this.#live : [];
    if (waiting && this.#pauses.refused(waiting.kind, now)) this.#giveBackLive(waiting.kind);
    const live = flying.live < LIVE_WINDOW ? this.#live.shift() : undefined;
    if (live) return { kind: "live", report: live };
    const [batch] = this.#history;
    if (!batch || this.#pauses.waits("history", now)) return undefined;
    if (bytes > 0 && bytes + batch.payload.length > this.#pace.budget) return undefined;
    return this.#history.shift();
  }

  #wants(lane: Lane, now: number): boolean {
    if (this.#pauses.waits(CHANNEL_OF_LANE[lane], now)) return false;
    if (lane === "emergency") return true;
    if (!this.#primed) return false;
    if (lane === "event") return this.#events.length === 0;
    return this.#toEncode.length + this.#encoding + this.#history.length < BATCHES;
  }

  #batchRecords(): number {
    const wanted = Math.floor(this.#pace.batchBytes / this.#packedBytes);
    return Math.max(BATCH_RECORDS.min, Math.min(BATCH_RECORDS.max, wanted));
  }

  /**
   * The newest report of each episode is sent on its topic. Older ones are sent as history: on the topic
   * they would replace a newer retained copy, and a press would wait behind them.
   */
  #sort(reports: readonly Report[]): void {
    const all = reports.filter((report) => report.kind === "emergency");
    const isOver = ({ data: { episode, state } }: EmergencyUpdate) =>
      state !== "cleared" && (this.#removed.includes(episode) || this.#settings.hasEnded(episode));
    const emergencies = all.filter((report) => !isOver(report));
    for (const report of emergencies) {
      const { episode } = report.data;
      if ((this.#standing.get(episode)?.seq ?? -1) < report.seq) this.#standing.set(episode, report);
    }
    const isNewest = ({ seq, data }: EmergencyUpdate) => this.#standing.get(data.episode)?.seq === seq;
    for (const report of emergencies)
      if (isNewest(report)) this.#queueEmergency(this.#standing.get(report.data.episode) ?? report);
    const older = all.filter((report) => isOver(report) || !isNewest(report));
    if (older.length > 0) this.#toEncode.push(older);
  }

  /** Passed over until the unit says its episode; then it is read again. */
  #isUnsaid(report: Report): boolean {
    if (report.kind !== "emergency" || report.boot !== this.#settings.boot) return false;
    const { episode } = report.data;
    const said = this.#standing.get(episode)?.seq ?? -1;
    if (report.seq <= said || this.#removed.includes(episode) || this.#settings.hasEnded(episode))
      return false;
    this.#unsaid.set(episode, Math.min(report.seq, this.#unsaid.get(episode) ?? Infinity));
    return true;
  }

  #queueEmergency(report: EmergencyUpdate): void {
    this.#underway.add(report.seq);
    this.#urgent.push({ kind: "emergency", report });
  }

  /** A newer report of the episode replaces a queued one, which is sent as history. */
  #supersede(older: EmergencyUpdate): void {
    const at = this.#urgent.findIndex((one) => one.kind === "emergency" && one.report.seq === older.seq);
    if (at < 0) return;
    this.#urgent.splice(at, 1);
    this.#toEncode.push([older]);
  }
}
