import type { EmergencyUpdate } from "../domain/report.ts";
import type { Routes } from "../domain/wire.ts";
import type { Random, Time } from "../runtime/ports.ts";
import { reopening, type Reopening, type Verdict } from "../runtime/reopening.ts";
import { pause } from "../runtime/wait.ts";
import type { Compress } from "../wire/encode.ts";
import { isStuck } from "./brokers.ts";
import {
  LinkError,
  type Connect,
  type Connection,
  type ConnectionEvents,
  type ConnectOptions,
} from "./port.ts";
import { TRUST_MS } from "./brokers.ts";
import { Session, type SessionEvents } from "./session.ts";
import { Traffic, type Answer } from "./traffic.ts";

/**
 * Carries emergencies to one broker beside the link, without disturbing it: says each episode as it
 * stands, hears the answers there, and removes its retained copy when the episode is over. It lives as
 * long as it has something to carry.
 */
export type CourierOptions = {
  readonly broker: string;
  readonly connect: Connect;
  /** Those of the link, without its will. */
  readonly options: ConnectOptions;
  readonly routes: Routes;
  readonly time: Time;
  readonly random: Random;
  readonly compress: Compress;
  readonly unheardCounts: () => boolean;
  readonly session: Pick<SessionEvents, "isLive" | "right" | "publishing">;
  readonly on: ConnectionEvents & {
    answer(answer: Answer, broker: string): void;
    /** Nothing more to carry, or it had to give way to the link. */
    done(): void;
  };
};

/** While an emergency waits, a broker that comes back must get it within 10 s. */
const RETRY_MS = { min: 1_000, max: 4_000 };
const CONNECT_MS = 5_000;
/** What the broker refused, or nobody heard, is said again this often. */
const REPEAT_MS = 5_000;
/** Only what is over waits: its copy must be gone within a minute after the broker is reachable again. */
const UNHURRIED_MS = 25_000;
/** So many attempts are made before that. */
const HURRIED_VISITS = 8;
/** A link may be slow: patience with it doubles up to this. */
const PATIENCE_MS = 40_000;
const SUFFIX = ".courier";
const UNLIMITED_BYTES = 0;

type Load = {
  /** What is to be said; undefined: the episode is only removed. */
  readonly report: EmergencyUpdate | undefined;
  /** Its end found no subscriber here, and its retained copy is removed. */
  readonly removed: boolean;
};

export class Courier {
  readonly broker: string;
  readonly #options: CourierOptions;
  readonly #stopping = new AbortController();
  /** At most one entry an episode. */
  readonly #load = new Map<string, Load>();
  readonly #running: Reopening;
  #session: Session | undefined;
  #suffix = SUFFIX;
  #visits = 0;
  #patienceMs = TRUST_MS;
  #saidAt = -Infinity;
  #waking = new AbortController();

  constructor(options: CourierOptions, first: { episode: string; report?: EmergencyUpdate }) {
    this.broker = options.broker;
    this.#options = options;
    this.#load.set(first.episode, { report: first.report, removed: false });
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

  carries(episode: string): boolean {
    return this.#load.has(episode);
  }

  /** Whether it uses the link's own client id: a broker lets only one of the two stay. */
  get takesOver(): boolean {
    return this.#suffix === "" && this.#session !== undefined;
  }

  /** Whether nothing of the episode is left on the broker. */
  hasRemoved(episode: string): boolean {
    return this.#load.get(episode)?.removed ?? false;
  }

  /** Looks at what no event tells: a connection without an answer is given up for a new one. */
  look(now: number): void {
    const session = this.#session;
    // A lost acknowledgement of an emergency comes only on another connection, whatever else is answered.
    if (!session) return;
    const { traffic } = session;
    if (traffic.inFlight === 0 && now - this.#saidAt >= REPEAT_MS) this.#sayAll(session);
    const stuck = isStuck({ urgentMs: traffic.urgentMs(now), blocked: traffic.blocked }, this.#patienceMs);
    if (!stuck && traffic.silentMs(now) < this.#patienceMs) return;
    const why = `${this.broker}: no answer for ${this.#patienceMs / 1_000} s`;
    this.#patienceMs = Math.min(2 * this.#patienceMs, PATIENCE_MS);
    session.connection.end(new LinkError("stalled", why));
  }

  /** The episode as it now stands. A cleared one is removed from the broker and put down. */
  say(report: EmergencyUpdate): void {
    const { episode } = report.data;
    this.#load.set(episode, { report, removed: this.hasRemoved(episode) });
    this.#session?.traffic.say(report);
    this.#session?.pump();
    this.#visits = 0;
    this.#waking.abort();
  }

  /** Removes an episode that the unit has nothing more to say of. */
  remove(episode: string): void {
    const known = this.#load.get(episode);
    if (known?.removed) {
      this.#putDown(episode);
      return;
    }
    // What is being said of its end removes it as well.
    if (known?.report?.data.state === "cleared") return;
    this.#load.set(episode, { report: undefined, removed: false });
    this.#session?.traffic.remove(episode);
    this.#session?.pump();
  }

  /** It need not be said here any more: another broker has its end, and nothing of it is here. */
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
    const { time } = this.#options;
    if (++this.#visits > HURRIED_VISITS && !this.#isUrgent) {
      this.#waking = new AbortController();
      await pause(UNHURRIED_MS, AbortSignal.any([this.#stopping.signal, this.#waking.signal]), time);
      if (this.#stopping.signal.aborted || this.#load.size === 0) return "done";
    }
    const patience = new AbortController();
    using _ = time.after(CONNECT_MS, () => patience.abort());
    try {
      const connection = await this.#connect(AbortSignal.any([this.#stopping.signal, patience.signal]));
      return await this.#serve(connection);
    } catch (cause) {
      // A broker that knows no second client id of this unit: the plain one, as long as the link allows it.
      const refused = cause instanceof LinkError && cause.code === "unauthorised";
      if (!refused || this.#suffix === "") return "failed"; // the link reports how the brokers are
      this.#suffix = "";
      return "again";
    }
  }

  get #isUrgent(): boolean {
    return [...this.#load.values()].some(({ report }) => report && report.data.state !== "cleared");
  }

  #connect(signal: AbortSignal): Promise<Connection> {
    const { connect, broker, options, on } = this.#options;
    const { will: _, ...own } = options;
    return connect(broker, { ...own, clientId: `${options.clientId}${this.#suffix}` }, on, signal);
  }

  async #serve(connection: Connection): Promise<Verdict> {
    const { routes, time, compress, session, on, broker, unheardCounts } = this.#options;
    const traffic = new Traffic(
      {
        receiveMaximum: connection.receiveMaximum,
        maxInFlightBytes: UNLIMITED_BYTES,
        oldest: 1,
        unheardCounts,
        // It reads no outbox.
        hasEnded: () => false,
        boot: 0,
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
        answer: (answer) => {
          this.#patienceMs = TRUST_MS;
          on.answer(answer, broker);
          if (answer.kind === "delivered" && answer.outgoing.kind === "removal")
            this.#removed(answer.outgoing.episode, answer.outgoing.final !== undefined);
        },
        tooLarge: () => undefined, // the link declares what no broker takes
        limited: () => undefined, // learned anew on each connection
        drained: () => undefined,
      },
    });
    connection.subscribe([routes.acks], () => undefined); // a refused one: the link hears the answers
    this.#sayAll(this.#session);
    const error = await connection.closed;
    this.#session = undefined;
    if (error.code === "taken-over" && this.#suffix === "") return "done";
    if (error.code === "stalled") return "again";
    return this.#load.size === 0 ? "done" : "failed";
  }

  /** `final`: its end was heard here. */
  #removed(episode: string, final: boolean): void {
    const report = this.#load.get(episode)?.report;
    if (report && !final) this.#load.set(episode, { report, removed: true });
    else this.#putDown(episode);
  }

  #sayAll(session: Session): void {
    this.#saidAt = this.#options.time.mono();
    for (const [episode, { report }] of this.#load) {
      if (report) session.traffic.say(report);
      else session.traffic.remove(episode);
    }
    session.pump();
  }

  #putDown(episode: string): void {
    this.#load.delete(episode);
    if (this.#load.size === 0) this.#session?.connection.end();
  }
}
