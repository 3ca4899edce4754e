import type { Time } from "../runtime/ports.ts";
import { Emptying } from "./emptying.ts";
import { LeftSessions } from "./left-sessions.ts";
import type { Connect, ConnectionEvents, ConnectOptions, LinkError } from "./port.ts";

/** The brokers at which the unit may have a session, kept over a restart. */
export type KeptSessions = {
  readonly kept: readonly string[];
  readonly keep: (brokers: readonly string[]) => void;
};

export type CollectorOptions = {
  readonly connect: Connect;
  /** Those of the link, without its will. */
  readonly options: Omit<ConnectOptions, "will">;
  readonly time: Time;
  readonly hears: (broker: string) => ConnectionEvents;
  readonly sessions: KeptSessions;
  /** Whether somebody else uses the client id of the link at this broker. */
  readonly isTaken: (broker: string) => boolean;
};

/** What waited in a session: all of it has come, there was no session, or some of it may still be there. */
type Found = "all" | "none" | "rest";

type Running = {
  readonly broker: string;
  connectedAt?: number;
  readonly stopping: AbortController;
  readonly ended: Promise<void>;
};

/** The limit for one visit to be accepted, over both versions of MQTT. */
const CONNECT_MS = 30_000;
const LOOK_MS = 250;

/**
 * Gets what waits for the unit in the sessions of other brokers than the link's: acknowledgements and commands
 * that dispatch sent while the unit had no coverage (contract §2). It connects with the client id of the link,
 * publishes and subscribes nothing, and leaves when nothing comes any more. Nodes of a cluster share their sessions, and
 * would close the link's connection: it learns which do.
 */
export class Collector {
  readonly #options: CollectorOptions;
  readonly #left: LeftSessions;
  #kept: readonly string[];
  #running: Running | undefined;
  #isStopped = false;

  constructor(options: CollectorOptions) {
    const { sessions, time } = options;
    this.#options = options;
    this.#kept = sessions.kept;
    this.#left = new LeftSessions(sessions.kept, time.mono());
  }

  #keep(): void {
    const brokers = this.#left.brokers(this.#options.time.mono());
    if (brokers.length === this.#kept.length && brokers.every((broker, n) => broker === this.#kept[n]))
      return;
    this.#kept = brokers;
    this.#options.sessions.keep(brokers);
  }

  /** The link is connected to the broker, and subscribes there. */
  entered(broker: string): void {
    this.#left.entered(broker, this.#options.time.mono());
    this.#keep();
  }

  /** The link's connection to the broker has ended. Returns whether this collector was the cause. */
  left(broker: string, { code }: LinkError): boolean {
    const { time, isTaken } = this.#options;
    const now = time.mono();
    this.#left.left(broker, now);
    // A courier with the id of the link has taken its connection over.
    const isCourier = code === "taken-over" && isTaken(broker);
    const isOwnDoing =
      this.#running !== undefined && !isCourier && this.#left.collided(broker, this.#running, code, now);
    this.#keep();
    return isOwnDoing;
  }

  /** Called several times a second while the link serves. */
  look(): void {
    const { time, isTaken } = this.#options;
    if (this.#isStopped || this.#running) return;
    const broker = this.#left.due(time.mono(), isTaken);
    if (broker === undefined) return;
    const began = time.mono();
    const stopping = new AbortController();
    const connected = (): void => {
      if (this.#running) this.#running.connectedAt = time.mono();
      this.#left.connected(broker, time.mono());
    };
    const ended = this.#collect(broker, stopping.signal, connected).then((found) => {
      if (found === "rest") this.#left.failed(broker, time.mono());
      else this.#left.collected(broker, began, time.mono(), found === "all");
      this.#running = undefined;
      this.#keep();
    });
    this.#running = { broker, stopping, ended };
  }

  /** The link is about to connect to the broker. Resolves when the client id is free there. */
  async giveWay(broker: string): Promise<void> {
    if (this.#running?.broker === broker) await this.#end();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#end();
  }

  async #end(): Promise<void> {
    this.#running?.stopping.abort();
    await this.#running?.ended;
  }

  /** Never rejects. */
  async #collect(broker: string, signal: AbortSignal, connected: () => void): Promise<Found> {
    const { connect, options, time, hears } = this.#options;
    const on = hears(broker);
    const emptying = new Emptying();
    const message: ConnectionEvents["message"] = (incoming) => {
      emptying.came(time.mono());
      return on.message(incoming).finally(() => emptying.settled());
    };
    const patience = new AbortController();
    using _late = time.after(CONNECT_MS, () => patience.abort());
    try {
      const either = AbortSignal.any([signal, patience.signal]);
      const connection = await connect(
        broker,
        { ...options, withoutRetained: true, patient: true },
        { ...on, message },
        either,
      );
      emptying.accepted(time.mono());
      connected();
      if (!connection.hadSession) {
        // Another host of its name may have it.
        connection.doubt();
        connection.end();
        await connection.closed;
        return connection.otherAddresses === 0 ? "none" : "rest";
      }
      const { promise: all, resolve } = Promise.withResolvers<Found>();
      using _look = time.every(LOOK_MS, () => {
        const next = emptying.look(time.mono(), connection.arrivedMs);
        if (next === "give-up") resolve("rest");
        if (next === "ask") connection.ask(() => void (emptying.answered() && resolve("all")));
      });
      const leave = (): void => resolve("rest");
      signal.addEventListener("abort", leave, { once: true });
      if (signal.aborted) leave();
      void connection.closed.then(() => resolve("rest"));
      const found = await all;
      signal.removeEventListener("abort", leave);
      connection.end();
      await connection.closed;
      return found;
    } catch {
      return "rest"; // the link reports the faults of brokers
    }
  }
}
