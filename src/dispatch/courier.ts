import type { EmergencyUpdate, Report } from "../domain/report.ts";
import type { Routes } from "../domain/wire.ts";
import type { Random, Time } from "../runtime/ports.ts";
import { reopening, type Reopening, type Verdict } from "../runtime/reopening.ts";
import { pause } from "../runtime/wait.ts";
import type { Compress } from "../wire/encode.ts";
import { isStuck, noListener } from "./giving-up.ts";
import type { Hearing } from "./hearing.ts";
import {
  LinkError,
  type Connect,
  type Connection,
  type ConnectionEvents,
  type ConnectOptions,
  type LinkFault,
} from "./port.ts";
import { Patience } from "./patience.ts";
import { Session, type SessionEvents } from "./session.ts";
import type { Answer, OldCopy } from "./outgoing.ts";
import { Traffic } from "./traffic.ts";

export type CourierOptions = {
  readonly broker: string;
  readonly connect: Connect;
  /** The options of the link, without its will. */
  readonly options: ConnectOptions;
  readonly routes: Routes;
  readonly time: Time;
  readonly random: Random;
  readonly compress: Compress;
  readonly unheardCounts: (broker: string) => boolean;
  /**
   * The courier is about to use the client id of the link: a connection of the link to this broker would be closed. Returns
   * whether it may. `urgent`: it carries an emergency that is not over.
   */
  readonly takeOver: (urgent: boolean) => boolean;
  /** Whether dispatch has the end of an episode, from another broker. */
  readonly hasEnded: (episode: string) => boolean;
  readonly session: Pick<SessionEvents, "isLive" | "right" | "publishing">;
  /** Called before each connection. */
  readonly hears: (clientId: string) => Hearing;
  readonly on: {
    answer(answer: Answer, broker: string): void;
    /** It has a connection. */
    accepted(connection: Connection): void;
    /** A report does not fit into the broker's largest packet. `bytes`: the size of its packet. */
    tooLarge(report: Report, bytes: number): void;
    /** Its connection has ended. */
    closed(traffic: Traffic): void;
    /** It has no more episodes, or had to give way to the link. */
    done(): void;
  };
};

/**
 * The client id of a courier. `own`; `link`: that of the link for the next attempt; `link-only`: the broker has refused
 * `own` with a code.
 */
type ClientId = "own" | "link" | "link-only";
/** What a broker that refuses a client id may do, besides saying so. */
const MAY_BE_THE_ID: ReadonlySet<LinkFault> = new Set(["unauthorised", "failed", "lost"]);
/** While an emergency waits, a broker must get it within 10 s of becoming reachable. */
const RETRY_MS = { min: 1_000, max: 4_000 };
/** How often a report is published again that the broker refused, or that had no subscriber. */
const REPEAT_MS = 5_000;
/**
 * The pause while only ended episodes are left. Their copies must be removed within a minute after the broker
 * is reachable again: this pause, the longest of RETRY_MS, the 5 s between two sockets and PATIENCE_MS together are less.
 */
const UNHURRIED_MS = 20_000;
/** How many attempts are made before these longer pauses. */
const HURRIED_VISITS = 8;
const SUFFIX = ".courier";
/** The link may hear so long after the courier's end that it was closed for the courier. */
const ECHO_MS = 5_000;
const UNLIMITED_BYTES = 0;

/** What a courier is made for: to publish or remove an episode, or to remove a copy from an earlier topic. */
export type Cargo =
  | { readonly episode: string; readonly report?: EmergencyUpdate }
  | { readonly old: OldCopy };

type Load = {
  /** The report to publish; undefined: the episode is only removed. */
  readonly report: EmergencyUpdate | undefined;
  /** The end of the episode found no subscriber here, and its retained copy was removed. */
  readonly removed: boolean;
  /** A copy on a topic with an earlier prefix, which is removed. */
  readonly old?: OldCopy;
};

/** The name of an old copy among the episodes: no id of an episode has a slash. */
const nameOf = ({ episode, prefix }: OldCopy): string => `${prefix}/${episode}`;

/** Whether an emergency that is not over was refused, or had no subscriber. */
const isInVain = (answer: Answer): boolean => {
  if (answer.kind === "refused") return answer.channel === "emergency";
  if (answer.kind !== "unheard" || answer.outgoing.kind !== "emergency") return false;
  return answer.outgoing.report.data.state !== "cleared";
};

/**
 * Publishes emergencies to one broker besides the link, over its own connection: the current report of
 * each episode. It receives acknowledgements there, and removes the retained copy when the episode is
 * over. It exists as long as it has an episode to carry.
 */
export class Courier {
  readonly broker: string;
  readonly #options: CourierOptions;
  readonly #stopping = new AbortController();
  /** At most one entry for each episode, and for each old copy. */
  readonly #load = new Map<string, Load>();
  readonly #running: Reopening;
  #session: Session | undefined;
  #takesOverUntil = -Infinity;
  #id: ClientId = "own";
  #visits = 0;
  /** How many addresses the broker's name has, as far as it is known. */
  #addresses = 1;
  readonly #patience = new Patience();
  #saidAt = -Infinity;
  /** The last answer to an emergency on this connection was of no use. */
  #inVain = false;
  #waking = new AbortController();
  /** Of the attempt to connect: fires when an emergency waits for it. */
  #hurry = new AbortController();

  constructor(options: CourierOptions, first: Cargo) {
    this.broker = options.broker;
    this.#options = options;
    if ("old" in first) this.removeOld(first.old);
    else this.#load.set(first.episode, { report: first.report, removed: false });
    this.#running = reopening({
      time: options.time,
      random: options.random,
      minMs: RETRY_MS.min,
      maxMs: RETRY_MS.max,
      signal: this.#stopping.signal,
      visit: () => this.#visit(),
    });
    void this.#running.ended.then(() => options.on.done());
  }

  get connected(): boolean {
    return this.#session !== undefined;
  }

  /** Episodes whose report has no answer yet. */
  get flyingEpisodes(): readonly string[] {
    return this.#session?.traffic.flights.episodes ?? [];
  }

  carries(episode: string): boolean {
    return this.#load.has(episode);
  }

  /**
   * Whether it is connected or connecting with the client id of the link, or was until a moment ago: the broker closes the
   * link's connection.
   */
  get takesOver(): boolean {
    return this.#options.time.mono() < this.#takesOverUntil;
  }

  /** Whether the retained copy of the episode was removed from the broker. */
  hasRemoved(episode: string): boolean {
    return this.#load.get(episode)?.removed ?? false;
  }

  /** Checks what no event reports: a connection without an answer is replaced by a new one. */
  look(now: number): void {
    const session = this.#session;
    if (!session) return;
    const { traffic, connection } = session;
    session.look();
    this.#tryElsewhere(connection);
    if (traffic.flights.size === 0 && now - this.#saidAt >= REPEAT_MS) this.#sayAll(session);
    // A lost acknowledgement is repeated only on another connection, even if other messages are acknowledged.
    const limitMs = this.#patience.limitMs(connection, this.#isUrgent);
    const blocked = traffic.blocked && this.#isUrgent;
    const stuck = isStuck({ urgentMs: traffic.urgentMs(now), blocked }, limitMs);
    if (!stuck && traffic.flights.silentMs(now) < limitMs) return;
    const why = `${this.broker}: no answer for ${limitMs / 1_000} s`;
    this.#patience.gaveUp(limitMs);
    connection.end(new LinkError("stalled", why));
  }

  /**
   * Publishes the current report of an episode. If it is cleared, the episode is removed from the broker
   * and forgotten here.
   */
  say(report: EmergencyUpdate): void {
    const { episode } = report.data;
    const wasUrgent = this.#isUrgent;
    this.#load.set(episode, { report, removed: this.hasRemoved(episode) });
    if (this.#isUrgent && !wasUrgent) {
      this.#hurry.abort();
      this.#patience.anew();
    }
    this.#session?.traffic.say(report);
    this.#session?.pump();
    this.#visits = 0;
    this.#waking.abort();
  }

  /** Removes an episode of which the unit has no report any more. */
  remove(episode: string): void {
    const known = this.#load.get(episode);
    if (known?.removed) {
      this.#putDown(episode);
      return;
    }
    // Its final report is being published, which also removes it.
    if (known?.report?.data.state === "cleared") return;
    this.#load.set(episode, { report: undefined, removed: false });
    this.#session?.traffic.remove(episode);
    this.#session?.pump();
  }

  /** Removes a copy from a topic with an earlier prefix. If the broker refuses, it is not asked again here. */
  removeOld(copy: OldCopy): void {
    this.#load.set(nameOf(copy), { report: undefined, removed: false, old: copy });
    this.#session?.traffic.removeOld(copy);
    this.#session?.pump();
  }

  /** Forgets an episode: another broker has its end, and this one has no copy. */
  drop(episode: string): void {
    if (this.#load.has(episode)) this.#putDown(episode);
  }

  /** Resolves when its connection is closed. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#session?.connection.end();
    await this.#running.ended;
  }

  async #visit(): Promise<Verdict> {
    if (this.#load.size === 0) return "done";
    const { time, options, hears } = this.#options;
    // The pause is between two rounds, not between two addresses: only one of them may work.
    if (++this.#visits > HURRIED_VISITS && !this.#isUrgent && this.#visits % this.#addresses === 0) {
      this.#waking = new AbortController();
      await pause(UNHURRIED_MS, AbortSignal.any([this.#stopping.signal, this.#waking.signal]), time);
      if (this.#stopping.signal.aborted || this.#load.size === 0) return "done";
    }
    try {
      const clientId = `${options.clientId}${this.#id === "own" ? SUFFIX : ""}`;
      const hearing = hears(clientId);
      const connection = await this.#connect(clientId, hearing.events);
      return await this.#serve(connection, hearing);
    } catch (cause) {
      // The link reports the faults of brokers.
      return cause instanceof LinkError && this.#changesId(cause.code) ? "again" : "failed";
    }
  }

  /**
   * A broker that does not accept a connection may allow this unit only one client id, that of the link, whatever it
   * answers: the two ids take turns. Returns whether the id of the link is to be tried at once.
   */
  #changesId(code: LinkFault): boolean {
    if (!MAY_BE_THE_ID.has(code)) return false;
    if (this.#id !== "own") {
      if (this.#id === "link") this.#id = "own";
      return false;
    }
    if (!this.#options.takeOver(this.#isUrgent)) return false;
    this.#id = code === "unauthorised" ? "link-only" : "link";
    return true;
  }

  get #isUrgent(): boolean {
    return [...this.#load.values()].some(({ report }) => report && report.data.state !== "cleared");
  }

  async #connect(clientId: string, on: ConnectionEvents): Promise<Connection> {
    const { connect, broker, options, time } = this.#options;
    const { signal } = this.#stopping;
    const { will: _, ...rest } = options;
    this.#hurry = new AbortController();
    if (this.#isUrgent) this.#hurry.abort();
    const login: ConnectOptions = {
      ...rest,
      clientId,
      withoutRetained: true,
      patient: true,
      hurry: this.#hurry.signal,
    };
    if (this.#id === "own") return connect(broker, login, on, signal);
    const ended = (): void => {
      this.#takesOverUntil = time.mono() + ECHO_MS;
    };
    this.#takesOverUntil = Infinity;
    try {
      const connection = await connect(broker, login, on, signal);
      void connection.closed.then(ended);
      return connection;
    } catch (cause) {
      ended();
      throw cause;
    }
  }

  async #serve(connection: Connection, hearing: Hearing): Promise<Verdict> {
    // Its last episode was dropped while it was connecting: nothing else would end this connection.
    if (this.#load.size === 0) {
      connection.end();
      await connection.closed;
      return "done";
    }
    const { routes, time, compress, session, on, broker, unheardCounts } = this.#options;
    on.accepted(connection);
    this.#addresses = connection.otherAddresses + 1;
    this.#inVain = false;
    const traffic = new Traffic(
      {
        receiveMaximum: connection.receiveMaximum,
        maxInFlightBytes: UNLIMITED_BYTES,
        oldest: 1,
        unheardCounts: () => unheardCounts(broker),
        // It reads no outbox.
        hasEnded: () => false,
        madeHere: () => false,
        held: [],
      },
      time.mono(),
    );
    this.#session = new Session({
      connection,
      traffic,
      routes,
      time,
      compress,
      maximumPacketSize: connection.maximumPacketSize,
      outbox: undefined,
      on: {
        ...session,
        answer: (answer, rttMs) => {
          this.#patience.anew();
          hearing.answered(rttMs);
          on.answer(answer, broker);
          if (answer.kind === "old-removal") this.#putDown(nameOf(answer.outgoing.copy));
          if (answer.kind === "delivered" && answer.outgoing.kind === "removal")
            this.#removed(answer.outgoing.episode, answer.outgoing.final !== undefined);
          if (isInVain(answer)) this.#inVain = true;
          else if (answer.kind === "delivered" && answer.outgoing.kind === "emergency") this.#inVain = false;
          this.#tryElsewhere(connection);
        },
        tooLarge: (report, bytes) => on.tooLarge(report, bytes),
        limited: () => undefined, // learned anew on each connection
        drained: () => undefined,
      },
    });
    // A broker may hang up instead of refusing the subscription: the press is on its way before that. If it
    // is refused, only the link receives the answers.
    this.#sayAll(this.#session);
    connection.subscribe([routes.acks], () => undefined);
    const error = await connection.closed;
    on.closed(traffic);
    this.#session = undefined;
    if (error.code === "taken-over" && this.#id !== "own") return "done";
    // Another address of the name may deliver it.
    if (error.code === "stalled" || error.code === "no-listener") return "again";
    return this.#load.size === 0 ? "done" : "failed";
  }

  /** This address does not deliver: another one may, now or when its last failure is some seconds old. */
  #tryElsewhere(connection: Connection): void {
    if (this.#inVain && connection.untriedAddresses > 0) connection.end(noListener(this.broker));
  }

  /** `final`: the broker had a subscriber for its end. */
  #removed(episode: string, final: boolean): void {
    const report = this.#load.get(episode)?.report;
    if (report && !final && !this.#options.hasEnded(episode))
      this.#load.set(episode, { report, removed: true });
    else this.#putDown(episode);
  }

  #sayAll(session: Session): void {
    this.#saidAt = this.#options.time.mono();
    for (const [episode, { report, old }] of this.#load) {
      if (report) session.traffic.say(report);
      else if (old) session.traffic.removeOld(old);
      else session.traffic.remove(episode);
    }
    session.pump();
  }

  #putDown(episode: string): void {
    this.#load.delete(episode);
    if (this.#load.size === 0) this.#session?.connection.end();
  }
}
