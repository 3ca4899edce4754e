import { laneOf, LANES, type Lane } from "../domain/pending.ts";
import type { EmergencyUpdate, Report } from "../domain/report.ts";
import type { Channel, Route } from "../domain/wire.ts";
import { Batches } from "./batches.ts";
import { channelOf, reportsOf, type Answer, type Flight, type OldCopy, type Outgoing } from "./outgoing.ts";
import { Flights } from "./flights.ts";
import { createPace } from "./pace.ts";
import { Pauses } from "./pauses.ts";
import { INNOCENT_BYTES, PUBACK } from "./port.ts";
import { Reading } from "./reading.ts";
import { Urgent } from "./urgent.ts";

export type Read = { readonly lane: Lane; readonly after: number; readonly limit: number };

export type TrafficSettings = {
  /** How many QoS 1 messages the broker accepts before it has acknowledged one. */
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
   * Whether an emergency report was made in this life. It is published only after `say`: the outbox can offer it
   * before its episode is on disk.
   */
  readonly madeHere: (seq: number) => boolean;
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
/**
 * The most live reports in flight. Further ones are sent as history, many reports in one message: that is
 * cheaper for the unit, the link and the broker.
 */
const LIVE_WINDOW = 4;
const LIVE_QUEUE = 4;
const EVENT_WINDOW = 4;
/** Events and emergencies read from the outbox at once. */
const URGENT_RECORDS = 100;
/** The most answers to commands that may wait. Beyond that the oldest are dropped. */
const REPLY_QUEUE = 256;
const CHANNEL_OF_LANE = { emergency: "emergency", event: "event", telemetry: "history" } as const;

/**
 * The traffic of one connection, without I/O: what waits, what is in flight, what is sent next, and what
 * an acknowledgement means (contract §4). It is dropped with its connection: reports that were not
 * settled are still in the outbox.
 *
 * Order: birth, emergencies (before the birth if only one place is free), replies, events, removals under an earlier
 * prefix, live telemetry, history. Some places in the window are reserved for emergencies.
 */
export class Traffic {
  readonly #settings: TrafficSettings;
  readonly #window: number;
  readonly #reserve: number;
  readonly #pace;
  readonly #pauses = new Pauses();
  readonly #flights: Flights;
  /** Since when an emergency or a removal waits because the window is full. */
  #blockedAt: number | undefined;
  /** Numbers that are queued or in flight, or that do not fit this broker. */
  readonly #underway = new Set<number>();
  readonly #reading: Reading;
  readonly #urgent: Urgent;
  readonly #batches = new Batches();
  #states: Outgoing[] = [];
  #events: Report[] = [];
  #live: Report[] = [];
  #replies: Outgoing[] = [];
  /** At most the copies that the ring remembers. */
  #oldCopies: OldCopy[] = [];
  /** The first page of emergencies has been read: it is known which wait. */
  #primed = false;
  /** The farewell is queued. */
  #isLeaving = false;

  constructor(settings: TrafficSettings, now: number) {
    this.#settings = settings;
    this.#flights = new Flights(now);
    this.#window = Math.max(1, Math.min(WINDOW, settings.receiveMaximum));
    this.#reserve = this.#window > 2 * RESERVE ? RESERVE : this.#window > 1 ? 1 : 0;
    this.#pace = createPace(settings.maxInFlightBytes);
    for (const { channel, until } of settings.held) this.#pauses.hold(channel, until);
    this.#reading = new Reading(settings.oldest);
    this.#urgent = new Urgent({
      underway: this.#underway,
      hasEnded: settings.hasEnded,
      madeHere: settings.madeHere,
      asHistory: (reports) => this.#batches.add(reports),
      readAgain: (seq) => this.#reading.giveBack("emergency", seq),
    });
  }

  /** What is sent and not acknowledged. */
  get flights(): Pick<Flights, "size" | "episodes" | "oldRemovals" | "silentMs" | "emergencyMs" | "lostMs"> {
    return this.#flights;
  }

  get drained(): boolean {
    const said = this.#states.length + this.#replies.length;
    const waiting = this.#urgent.length + this.#events.length + this.#live.length + this.#batches.length;
    const rest = this.#oldCopies.length;
    return this.#reading.done && this.#flights.size + said + waiting + rest === 0;
  }

  /** When the next pause ends, on the clock of `now`; undefined if there is none. */
  wakeAt(now: number): number | undefined {
    return this.#pauses.next(now);
  }

  /** See `Flights`. */
  urgentMs(now: number): number {
    return this.#flights.urgentMs(now, this.blocked ? (this.#blockedAt ?? now) : undefined);
  }

  /** Whether an emergency or a removal waits because the window is full. */
  get blocked(): boolean {
    return this.#urgent.length > 0 && this.#flights.size >= this.#window;
  }

  /** Whether the broker refuses emergencies, and so their removals. */
  get refusesEmergencies(): boolean {
    return this.#pauses.isRefused("emergency");
  }

  greet(payload: Buffer): void {
    this.#states.push({ kind: "state", payload, last: false });
  }

  /** Queues the last message. Nothing else is published after this call. */
  farewell(payload: Buffer): void {
    this.#isLeaving = true;
    this.#states = [{ kind: "state", payload, last: true }];
  }

  /** An emergency as it now stands: new, changed, or said again. */
  say(report: EmergencyUpdate): void {
    this.#urgent.say(report);
  }

  /** Removes from the broker an episode of which the unit no longer has a report. */
  remove(episode: string): void {
    this.#urgent.remove(episode, this.#flights.removes(episode));
  }

  /** Removes a copy from a topic with an earlier prefix. It waits behind emergencies, replies and events. */
  removeOld(copy: OldCopy): void {
    const same = ({ episode, prefix }: OldCopy) => episode === copy.episode && prefix === copy.prefix;
    if (!this.#oldCopies.some(same) && !this.#flights.oldRemovals.some(same)) this.#oldCopies.push(copy);
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

  /** Whether reports that dispatch lacks can be sent again now: nothing else waits as history. */
  get sendsAgain(): boolean {
    return !this.#isLeaving && this.#primed && this.#batches.wanted;
  }

  /** Sends reports again, as history, that this broker or another one has acknowledged and dispatch lacks. */
  again(reports: readonly Report[]): void {
    const fresh = reports.filter(({ seq }) => !this.#underway.has(seq));
    for (const { seq } of fresh) this.#underway.add(seq);
    this.#batches.add(fresh);
  }

  /** Returns whether an older answer was dropped, because too many wait. */
  reply(route: Route, payload: Buffer): boolean {
    this.#replies.push({ kind: "reply", route, payload });
    if (this.#replies.length <= REPLY_QUEUE) return false;
    this.#replies.shift();
    return true;
  }

  /** Records of a lane can be read from the outbox. */
  stored(lane: Lane): void {
    this.#reading.mark(lane);
  }

  /** Everything pending is read again: it may have changed which reports wait for a receipt. No pending number is below `oldest`. */
  rewind(oldest: number): void {
    for (const lane of LANES) this.#reading.giveBack(lane, oldest);
  }

  /** What should be read from the outbox now. Each answer is handed to `page`. */
  reads(now: number): Read[] {
    const reads: Read[] = [];
    for (const lane of LANES) {
      if (!this.#reading.wants(lane) || !this.#wants(lane, now)) continue;
      const limit = lane === "telemetry" ? this.#batches.records(this.#pace.batchBytes) : URGENT_RECORDS;
      reads.push({ lane, after: this.#reading.begin(lane), limit });
    }
    return reads;
  }

  /** Reports that were read. `cursor`: the number up to which the lane was read. */
  page(lane: Lane, read: readonly Report[], cursor: number): void {
    const reports = read.filter((report) => !this.#urgent.isUnsaid(report));
    const fresh = this.#reading.take(lane, reports, cursor, this.#underway);
    for (const { seq } of fresh) this.#underway.add(seq);
    if (lane === "emergency") this.#urgent.sort(fresh);
    else if (lane === "event") this.#events.push(...fresh);
    else this.#batches.add(fresh);
    if (lane === "emergency") this.#primed = true;
  }

  /** Reports that should be made into one message of history now. */
  toEncode(): readonly Report[] | undefined {
    return this.#batches.toEncode();
  }

  /** A batch is encoded. */
  offerHistory(reports: readonly Report[], payload: Buffer): void {
    this.#batches.encoded(reports, payload);
  }

  /** The next message, or undefined if there is none, or no place for it. */
  next(now: number): Outgoing | undefined {
    if (this.#flights.size >= this.#window) {
      if (this.blocked) this.#blockedAt ??= now;
      return undefined;
    }
    this.#blockedAt = undefined;
    const mayUrgent = !this.#isLeaving && !this.#pauses.refused("emergency", now);
    // With one place, an emergency would wait for the answer to the birth, on each new connection.
    const isLastPlace = this.#window - this.#flights.size === 1;
    const first = mayUrgent && isLastPlace ? this.#urgent.shift() : undefined;
    if (first) return first;
    const state = this.#pauses.waits("state", now) ? undefined : this.#states.shift();
    if (state || this.#isLeaving) return state;
    const urgent = mayUrgent ? this.#urgent.shift() : undefined;
    if (urgent || this.#flights.size >= this.#window - this.#reserve) return urgent;
    // A courier reads no outbox, and has only these besides emergencies.
    return this.#primed ? this.#ordinary(now) : this.#oldRemoval();
  }

  /**
   * An end that has had no answer for a while: its retained copy is removed behind it, whether the answer comes or not
   * (contract §5). Returns whether there is one.
   */
  removeUnanswered(now: number): boolean {
    const ends = this.#flights.takeUnanswered(now);
    for (const episode of ends) this.#urgent.removeNow(episode);
    return ends.length > 0;
  }

  /** A message was sent. */
  sent(outgoing: Outgoing, bytes: number, now: number): Flight {
    const flight = { outgoing, sentAt: now, paced: this.#pace.sent(bytes, now) };
    this.#flights.sent(flight, now);
    return flight;
  }

  /**
   * Frees the place of a message that waited for the disk. Returns what to send in its place: the current
   * report of the episode, or undefined if a newer report was sent or the episode is over.
   */
  resume(flight: Flight): Outgoing | undefined {
    this.#flights.withdrawn(flight);
    this.#pace.withdrawn();
    const { outgoing } = flight;
    if (outgoing.kind !== "emergency") return outgoing;
    return this.#urgent.current(outgoing.report);
  }

  /** A message does not fit into the broker's largest packet. It is not sent on this connection. */
  unfit(outgoing: Outgoing): void {
    // Its numbers stay in `#underway`, so that they are not read again. A batch is halved until one report is
    // left.
    if (outgoing.kind === "history") this.#batches.halve(outgoing);
    // The end does not fit where the beginning did: its retained copy must go all the same.
    if (outgoing.kind === "emergency" && outgoing.report.data.state === "cleared")
      this.#urgent.removeNow(outgoing.report.data.episode);
  }

  /** The broker's answer to a message in flight. `code`: a PUBACK reason code. */
  answered(flight: Flight, code: number, now: number): Answer {
    const { outgoing } = flight;
    this.#flights.answered(flight, now);
    this.#pace.acknowledged(flight.paced, now);
    this.#reading.progressed();
    // A refusal is no refusal of emergencies: their topic is another one.
    if (outgoing.kind === "old-removal") return { kind: "old-removal", outgoing, code };
    const channel = channelOf(outgoing);
    if (code === PUBACK.packetTooLarge && flight.paced.bytes > INNOCENT_BYTES) {
      this.#putBack(outgoing);
      return { kind: "too-large", outgoing };
    }
    if (code >= PUBACK.firstRefusal) {
      this.#giveBack(outgoing);
      const chosen = outgoing.kind === "reply" ? { topic: outgoing.route.topic } : {};
      return { kind: "refused", channel, code, first: this.#pauses.refuse(channel, now), ...chosen };
    }
    const unheard = code === PUBACK.noMatchingSubscribers && !this.#settings.unheardCounts();
    if (unheard && reportsOf(outgoing).length > 0 && outgoing.kind !== "removal") {
      this.#giveBack(outgoing);
      this.#pauses.unheard(channel, outgoing.kind === "live" ? "history" : channel, now);
      // The end has no subscriber here, but the retained copy must be removed anyway.
      if (outgoing.kind === "emergency" && outgoing.report.data.state === "cleared")
        this.#urgent.removeNow(outgoing.report.data.episode);
      return { kind: "unheard", outgoing };
    }
    // The answer to a removal does not show whether there is a subscriber.
    if (outgoing.kind !== "removal" || outgoing.final) this.#pauses.taken(channel);
    return this.#delivered(outgoing, code, now - flight.sentAt);
  }

  #delivered(outgoing: Outgoing, code: number, afterMs: number): Answer {
    if (outgoing.kind === "emergency" && outgoing.report.data.state === "cleared") {
      // It counts as delivered once the retained copy is removed too.
      this.#urgent.removeNow(outgoing.report.data.episode, outgoing.report);
      return { kind: "delivered", outgoing, reports: [], code, afterMs };
    }
    if (outgoing.kind === "emergency") this.#urgent.delivered(outgoing.report);
    const reports = reportsOf(outgoing);
    for (const { seq, kind } of reports) {
      this.#underway.delete(seq);
      this.#reading.delivered(laneOf(kind), seq);
    }
    if (outgoing.kind === "removal") this.#urgent.forget(outgoing.episode);
    return { kind: "delivered", outgoing, reports, code, afterMs };
  }

  /** Puts a message back to the front of its queue, to be sent again if it can be made to fit. */
  #putBack(outgoing: Outgoing): void {
    switch (outgoing.kind) {
      case "state":
        this.#states.unshift(outgoing);
        return;
      case "emergency":
      case "removal":
        this.#urgent.putBack(outgoing);
        return;
      case "event":
        this.#events.unshift(outgoing.report);
        return;
      case "live":
        this.#live.unshift(outgoing.report);
        return;
      case "history":
        this.#batches.putBack(outgoing);
        return;
      case "reply":
        this.#replies.unshift(outgoing);
        return;
      case "old-removal":
        this.#oldCopies.unshift(outgoing.copy);
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
    if (outgoing.kind === "removal" && !outgoing.final) this.#urgent.giveBack(outgoing);
    // A refused farewell is not repeated: the broker publishes the will. No birth may follow a farewell.
    if (outgoing.kind === "state" && !outgoing.last && !this.#isLeaving) this.#states.push(outgoing);
  }

  /** A refused kind of telemetry is sent as history. */
  #giveBackLive(kind: Report["kind"]): void {
    for (const report of this.#live) if (report.kind === kind) this.#giveBack({ kind: "live", report });
    this.#live = this.#live.filter((report) => report.kind !== kind);
  }

  #oldRemoval(): Outgoing | undefined {
    if (this.#oldCopies.length === 0 || this.#flights.oldRemovals.length > 0) return undefined;
    return { kind: "old-removal", copy: this.#oldCopies.shift()! };
  }

  #ordinary(now: number): Outgoing | undefined {
    const { bytes, ...flying } = this.#flights.load;
    // More than the link can carry would wait in a queue, and an emergency would wait behind it.
    if (bytes > this.#pace.holds) return undefined;
    const reply = this.#replies.shift();
    if (reply) return reply;
    const events = flying.event < EVENT_WINDOW && !this.#pauses.waits("event", now);
    const event = events ? this.#events.shift() : undefined;
    if (event) return { kind: "event", report: event };
    const old = this.#oldRemoval();
    if (old) return old;
    const [waiting] = flying.live < LIVE_WINDOW ? this.#live : [];
    if (waiting && this.#pauses.refused(waiting.kind, now)) this.#giveBackLive(waiting.kind);
    const live = flying.live < LIVE_WINDOW ? this.#live.shift() : undefined;
    if (live) return { kind: "live", report: live };
    const batch = this.#batches.first;
    if (!batch || this.#pauses.waits("history", now)) return undefined;
    if (bytes > 0 && bytes + batch.payload.length > this.#pace.budget) return undefined;
    return this.#batches.shift();
  }

  #wants(lane: Lane, now: number): boolean {
    // Nothing else is published before it is known which emergencies wait, even if they are refused.
    if (lane === "emergency" && !this.#primed) return true;
    if (this.#pauses.waits(CHANNEL_OF_LANE[lane], now)) return false;
    if (lane === "emergency") return true;
    if (!this.#primed) return false;
    if (lane === "event") return this.#events.length === 0;
    return this.#batches.wanted;
  }
}
