import type { EmergencyUpdate, Report } from "../domain/report.ts";
import { Courier, type Cargo, type CourierOptions } from "./courier.ts";
import { LateCopies } from "./late-copies.ts";
import { OldCopies } from "./old-copies.ts";
import type { Live } from "./live.ts";
import type { Hearing } from "./hearing.ts";
import { PUBACK, type Connection } from "./port.ts";
import type { Session } from "./session.ts";
import type { Traffic } from "./traffic.ts";
import {
  carriedTo,
  isAwaited,
  mayTakeOver,
  published,
  reconnected,
  unheard,
  viewOf,
  type LinkState,
  type Standing,
} from "./standing.ts";
import type { Answer, OldCopy } from "./outgoing.ts";

/** Who has received an answer: the link's own connection, or a courier. */
export type Carrier = "link" | "courier";

export type EmergenciesOptions = {
  /** All configured brokers. */
  readonly brokers: readonly string[];
  /** What every courier gets. */
  readonly courier: Omit<CourierOptions, "broker" | "takeOver" | "hears" | "hasEnded" | "session" | "on">;
  readonly live: Live;
  /** Without a packet for this long, a connection is dead, in milliseconds. */
  readonly deadMs: number;
  /** The calls from the emergencies to the link. The link calls the methods of `Emergencies`. */
  readonly link: {
    /** What a connection to a broker asks for each report. */
    sessionEvents(broker: string): CourierOptions["session"];
    /** Called before each connection of a courier. */
    hears(broker: string, clientId: string): Hearing;
    /** A broker has answered a courier. */
    answered(answer: Answer, broker: string): void;
    /** Skips the reconnect delay. */
    hurry(): void;
    /** A courier has a connection. */
    accepted(connection: Connection): void;
    /** A report does not fit into the largest packet of a courier's broker. `bytes`: the size of its packet. */
    tooLarge(report: Report, bytes: number): void;
    /** Moves the link's connection to a broker that has delivered what the link could not. */
    follow(broker: string): void;
  };
};

export type EmergencyEvents = {
  /** A broker with a subscriber has acknowledged an emergency, so many milliseconds after it was published there. */
  delivered(report: EmergencyUpdate, broker: string, afterMs: number): void;
  /** A broker has not accepted an emergency, perhaps only for its size. */
  emergencyRefused(broker: string): void;
  /** A broker has no retained copy of an episode any more. `prefix`: of its topic, if it is an earlier one. */
  removed(episode: string, broker: string, prefix?: string): void;
  /** A copy cannot be removed, because its broker is not configured any more. */
  left(episode: string, broker: string, prefix?: string): void;
};

/** Whether a broker has not accepted an emergency. */
const isRefusal = (answer: Answer): boolean =>
  answer.kind === "refused"
    ? answer.channel === "emergency"
    : answer.kind === "too-large" && answer.outgoing.kind === "emergency";

/** The longest pause between connections while an emergency waits. */
const HURRY_MS = 5_000;
/** How many ended episodes are remembered. The oldest is forgotten first. */
const ENDED_EPISODES = 64;

/**
 * The emergencies on their way to dispatch: the current report of each episode, how far it got, and the
 * couriers that carry it besides the link.
 */
export class Emergencies {
  readonly #options: EmergenciesOptions;
  /** At most one courier for each broker. */
  readonly #couriers = new Map<string, Courier>();
  /** Episodes that are open, or whose end is not delivered. The ring limits them. */
  readonly #standing = new Map<string, Standing>();
  /** Episodes whose end dispatch has received. Their reports that are still pending are sent as history. */
  readonly #ended = new Set<string>();
  readonly #late: LateCopies;
  readonly #old = new OldCopies();
  #phase: "idle" | "running" | "leaving" = "idle";
  #on: EmergencyEvents | undefined;
  #session: Session | undefined;
  #tookOverAt = -Infinity;
  /** The courier to the link's broker. It listens until the link does: no answer of dispatch falls between them. */
  #relieved: Courier | undefined;
  #hurriedAt = -Infinity;

  constructor(options: EmergenciesOptions) {
    this.#options = options;
    this.#late = new LateCopies(options.deadMs);
  }

  /** From now on couriers are sent. */
  start(on: EmergencyEvents): void {
    this.#phase = "running";
    this.#on = on;
  }

  /**
   * An earlier life may have published these, and its last connections may still bring them: for a time, as if such a
   * connection had been closed now.
   */
  inherit(copies: readonly { readonly episode: string; readonly broker: string }[]): void {
    for (const { episode, broker } of copies) this.#late.closed(broker, [episode], this.#now);
  }

  /** No courier is sent any more. Each promise resolves when the connection of one courier is closed. */
  stop(): readonly Promise<void>[] {
    this.#phase = "leaving";
    const relieved = this.#relieved ? [this.#relieved] : [];
    return [...this.#couriers.values(), ...relieved].map((courier) => courier.stop());
  }

  /** Whether a courier can publish now. */
  get connected(): boolean {
    return [...this.#couriers.values()].some((courier) => courier.connected);
  }

  /** Whether an episode is open, or its end is not delivered. */
  get pending(): boolean {
    return this.#standing.size > 0;
  }

  /** Whether a report is the newest of an episode that is open, or whose end is not delivered. */
  isCurrent(report: Report): boolean {
    return report.kind === "emergency" && this.#standing.get(report.data.episode)?.report.seq === report.seq;
  }

  hasEnded(episode: string): boolean {
    return this.#ended.has(episode);
  }

  /** Whether a courier is connected to this broker with the client id of the link (contract §1). */
  takesOver(broker: string): boolean {
    return this.#couriers.get(broker)?.takesOver ?? false;
  }

  /** Publishes a report on the link, and by couriers as `carriedTo` decides. */
  publish(report: EmergencyUpdate, copies: readonly string[]): void {
    if (this.#phase === "leaving") return;
    const { episode } = report.data;
    const standing = published(this.#standing.get(episode), report, copies, this.#now);
    this.#standing.set(episode, this.#onLink(standing));
    this.#session?.traffic.say(report);
    this.#session?.pump();
    if (!this.#session) this.#hurry();
    this.#plan(episode, true);
  }

  /** Removes the retained copy of an episode from a broker. `prefix`: of its topic, if it is an earlier one. */
  remove(episode: string, broker: string, prefix?: string): void {
    if (this.#phase !== "running") return; // asked again at each new connection
    if (!this.#options.brokers.includes(broker)) this.#on?.left(episode, broker, prefix);
    else if (prefix !== undefined) this.#removeOld({ episode, prefix }, broker);
    else if (this.#session?.connection.broker === broker) this.#removeOn(this.#session, episode);
    else this.#courierTo(broker, { episode })?.remove(episode);
  }

  /** If the link's host refuses it, a courier tries the other hosts behind the broker's name. */
  #removeOn(session: Session, episode: string): void {
    const { connection, traffic } = session;
    if (traffic.refusesEmergencies && connection.otherAddresses > 0) {
      connection.doubt();
      this.#courierTo(connection.broker, { episode })?.remove(episode);
    }
    traffic.remove(episode);
    session.pump();
  }

  /** Not while an emergency waits: the broker may hang up on a topic that its rules do not cover. */
  #removeOld(copy: OldCopy, broker: string): void {
    const waiting = this.#standing.values().some(({ reach }) => reach !== "sent");
    if (waiting || !this.#old.mayAsk(broker, this.#now)) return;
    if (this.#session?.connection.broker === broker) {
      this.#session.traffic.removeOld(copy);
      this.#session.pump();
    } else this.#courierTo(broker, { old: copy })?.removeOld(copy);
  }

  /** The link has a new connection, which publishes every report. It relieves the courier to its broker. */
  linked(session: Session): void {
    const { broker, otherAddresses } = session.connection;
    this.#relieved = this.#couriers.get(broker);
    this.#couriers.delete(broker);
    // It would close the link's connection, and hears nothing yet.
    if (this.#relieved?.takesOver && !this.#relieved.connected) this.relieve();
    this.#session = session;
    for (const [episode, standing] of this.#standing) {
      this.#standing.set(episode, this.#onLink(reconnected(standing, otherAddresses, this.#now)));
      session.traffic.say(standing.report);
    }
  }

  /** The broker has answered a subscription of the link, or the link is gone: its courier is needed no longer. */
  relieve(): void {
    const relieved = this.#relieved;
    // Until it has closed, what it has on the wire may still arrive.
    void relieved?.stop().then(() => {
      if (this.#relieved === relieved) this.#relieved = undefined;
    });
  }

  /** The link's connection has ended. */
  unlinked(): void {
    this.relieve();
    if (this.#session) {
      const { connection, traffic } = this.#session;
      this.#closed(connection.broker, traffic);
    }
    this.#session = undefined;
  }

  #closed(broker: string, traffic: Traffic): void {
    this.#late.closed(broker, traffic.flights.episodes, this.#now);
    this.#old.closed(broker, traffic.flights.oldRemovals.length > 0, this.#now);
  }

  /** Sends couriers with what the link cannot deliver now. */
  replan(): void {
    for (const episode of this.#standing.keys()) this.#plan(episode, false);
  }

  /** Checks what no event reports: emergencies and couriers without an answer. */
  look(now: number): void {
    for (const courier of this.#couriers.values()) courier.look(now);
    this.#session?.look();
    this.replan();
    const awaited = this.#standing.values().some(isAwaited);
    if (awaited && !this.#session && now - this.#hurriedAt >= HURRY_MS) this.#hurry();
  }

  /** A report was not published to a broker after all: it does not fit into its packets. */
  withheld(report: Report, broker: string): void {
    if (report.kind === "emergency") this.#on?.emergencyRefused(broker);
  }

  /** A report does not fit into the packets of the link's broker. Another one may accept it. */
  unfit(episode: string): void {
    this.#unheard(episode);
  }

  /** A broker has answered. */
  answered(answer: Answer, broker: string, by: Carrier): void {
    if (isRefusal(answer)) this.#on?.emergencyRefused(broker);
    if (answer.kind === "refused") {
      if (answer.channel === "emergency" && by === "link")
        for (const episode of this.#standing.keys()) this.#unheard(episode);
      return;
    }
    if (answer.kind === "old-removal") {
      const { episode, prefix } = answer.outgoing.copy;
      if (answer.code >= PUBACK.firstRefusal) this.#old.refused(broker, this.#now);
      else {
        this.#old.accepted(broker);
        this.#on?.removed(episode, broker, prefix);
      }
      return;
    }
    const { kind, outgoing } = answer;
    if (kind === "unheard" && outgoing.kind === "emergency" && by === "link")
      this.#unheard(outgoing.report.data.episode);
    if (kind !== "delivered") return;
    if (outgoing.kind === "emergency" && answer.reports.length > 0)
      this.#delivered(outgoing.report, answer.afterMs, broker, by);
    if (outgoing.kind === "removal") {
      if (outgoing.final) this.#delivered(outgoing.final, answer.afterMs, broker, by);
      else this.#gone(outgoing.episode, broker, by);
    }
  }

  get #now(): number {
    return this.#options.courier.time.mono();
  }

  get #link(): LinkState | undefined {
    const session = this.#session;
    return (
      session && {
        broker: session.connection.broker,
        elsewhere: session.connection.otherAddresses > 0,
        emergencyMs: session.traffic.flights.emergencyMs(this.#now),
        arrivedMs: session.connection.arrivedMs,
      }
    );
  }

  /** A courier wants to use the link's client id. Returns whether it may; then it does. */
  #takeOver(broker: string, urgent: boolean): boolean {
    const link = this.#link;
    if (link?.broker !== broker) return true;
    if (!mayTakeOver(link, urgent, this.#now - this.#tookOverAt)) return false;
    this.#tookOverAt = this.#now;
    return true;
  }

  #hurry(): void {
    this.#hurriedAt = this.#now;
    this.#options.link.hurry();
  }

  /** Sends an episode by courier to the brokers that should get it besides the link. */
  #plan(episode: string, fresh: boolean): void {
    const standing = this.#standing.get(episode);
    if (!standing || this.#phase !== "running") return;
    const { report } = standing;
    const view = viewOf(standing, this.#link, this.#now);
    for (const broker of carriedTo(standing, view, this.#options.brokers, fresh)) {
      const known = this.#couriers.get(broker);
      // The courier must not get the address of the connection that does not deliver.
      if (!known && broker === this.#session?.connection.broker) this.#session.connection.doubt();
      if (!known || fresh || !known.carries(episode))
        this.#courierTo(broker, { episode, report })?.say(report);
    }
    // Couriers that carry the episode get every change. A new emergency goes to every connected courier,
    // which may be faster than the link.
    for (const courier of fresh ? this.#couriers.values() : [])
      if (courier.carries(episode) || (report.data.state === "active" && courier.connected))
        courier.say(report);
  }

  /** The courier to a broker. Undefined: it was made just now and has the cargo already. */
  #courierTo(broker: string, cargo: Cargo): Courier | undefined {
    const known = this.#couriers.get(broker);
    if (known) return known;
    const { courier: shared, link } = this.#options;
    const courier: Courier = new Courier(
      {
        ...shared,
        broker,
        takeOver: (urgent) => this.#takeOver(broker, urgent),
        hasEnded: (ended) => this.#ended.has(ended),
        session: link.sessionEvents(broker),
        hears: (clientId) => link.hears(broker, clientId),
        on: {
          answer: (answer) => link.answered(answer, broker),
          accepted: (connection) => link.accepted(connection),
          tooLarge: (one, bytes) => {
            this.withheld(one, broker);
            link.tooLarge(one, bytes);
          },
          closed: (traffic) => this.#closed(broker, traffic),
          done: () => {
            if (this.#couriers.get(broker) === courier) this.#couriers.delete(broker);
          },
        },
      },
      cargo,
    );
    this.#couriers.set(broker, courier);
    return undefined;
  }

  /** If the copy may come back, it is removed again at the next sweep. */
  #gone(episode: string, broker: string, by: Carrier): void {
    const mayComeBack = this.#isFlying(episode, broker, by) || this.#late.mayCome(broker, episode, this.#now);
    if (!mayComeBack) this.#on?.removed(episode, broker);
  }

  /** Whether a report of the episode is on its way to the broker over another connection. */
  #isFlying(episode: string, broker: string, by: Carrier): boolean {
    const relieved = this.#relieved?.broker === broker ? this.#relieved : undefined;
    const link = this.#session?.connection.broker === broker ? this.#session.traffic.flights.episodes : [];
    const other = by === "link" ? (this.#couriers.get(broker)?.flyingEpisodes ?? []) : link;
    return [...other, ...(relieved?.flyingEpisodes ?? [])].includes(episode);
  }

  #unheard(episode: string): void {
    const standing = this.#standing.get(episode);
    if (!standing) return;
    this.#standing.set(episode, unheard(standing));
    this.#plan(episode, false);
  }

  /** The link does not publish what its broker has refused a moment ago, so no answer will tell. */
  #onLink(standing: Standing): Standing {
    return this.#session?.traffic.refusesEmergencies ? unheard(standing) : standing;
  }

  #delivered(report: EmergencyUpdate, afterMs: number, broker: string, by: Carrier): void {
    const { episode, state } = report.data;
    this.#options.live.delivered(report);
    const standing = this.#standing.get(episode);
    if (standing?.report.seq === report.seq) {
      const view = viewOf(standing, this.#link, this.#now);
      const silent = view.kind === "open" && view.silent;
      if (by === "courier" && silent) this.#options.link.follow(broker);
      this.#standing.set(episode, { ...standing, reach: "sent" });
      if (state === "cleared") this.#end(episode, standing.copies);
    }
    if (state === "cleared") this.#gone(episode, broker, by);
    this.#on?.delivered(report, broker, afterMs);
  }

  /** Dispatch has the end of an episode: only brokers that may have a copy still need a courier. */
  #end(episode: string, copies: readonly string[]): void {
    this.#standing.delete(episode);
    this.#ended.add(episode);
    for (const old of [...this.#ended].slice(0, -ENDED_EPISODES)) this.#ended.delete(old);
    for (const courier of this.#couriers.values())
      if (!copies.includes(courier.broker) || courier.hasRemoved(episode)) courier.drop(episode);
  }
}
