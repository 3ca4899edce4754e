import type { EmergencyUpdate } from "../domain/report.ts";
import { createBackoff } from "../runtime/backoff.ts";
import { pause } from "../runtime/wait.ts";
import { connectBroker, type BrokerOptions, type Connection, type OnMessage } from "./connection.ts";
import { encodeReport } from "./encode.ts";
import type { Routes } from "./topics.ts";

/**
 * Carries emergencies to a broker that the unit is not connected to, beside the link and without
 * disturbing it: says each episode as it stands, hears the answers there, and takes what it has
 * left there off again when the episode is over. It lives as long as it has something to carry.
 */
export type Courier = {
  readonly broker: string;
  /** Whether it carries this episode. */
  carries(episode: string): boolean;
  /** The episode as it now stands; cleared, it is taken off the broker and put down. */
  say(report: EmergencyUpdate): void;
  /** Takes an episode off that an earlier life of the unit has left there. */
  remove(episode: string): void;
  /** Resolves when it has let go of its connection. */
  stop(): Promise<void>;
};

export type CourierOptions = {
  readonly broker: string;
  /** With a client id of its own: where the brokers are one cluster, it must not end the link. */
  readonly options: BrokerOptions;
  readonly routes: Routes;
  readonly isLive: (report: EmergencyUpdate) => boolean;
  /** A report with its time put right, where that is known by now. */
  readonly right: (report: EmergencyUpdate) => EmergencyUpdate;
  readonly on: {
    readonly message: OnMessage;
    /** The broker has it; cleared: nothing of it is left there. */
    delivered(report: EmergencyUpdate): void;
    removed(episode: string): void;
    /** Nothing more to carry. */
    done(): void;
  };
};

const RETRY_MS = { min: 5_000, max: 60_000 };

export const startCourier = (options: CourierOptions): Courier => {
  const { routes, on } = options;
  const stopping = new AbortController();
  /** What is to be said; undefined: only taken off. */
  const load = new Map<string, EmergencyUpdate | undefined>();
  const backoff = createBackoff(RETRY_MS.min, RETRY_MS.max);
  let connection: Connection | undefined;

  const putDown = (episode: string): void => {
    load.delete(episode);
    if (load.size === 0) connection?.end();
  };

  const takeOff = (episode: string, then: () => void): void => {
    const route = { topic: routes.emergency(episode), retain: true };
    connection?.publish(route, Buffer.alloc(0), (error) => {
      if (error) {
        connection?.end(); // refused: tried again on the next connection
        return;
      }
      on.removed(episode);
      then();
      putDown(episode);
    });
  };

  const carry = (episode: string): void => {
    if (!connection) return;
    const loaded = load.get(episode);
    if (!loaded) {
      takeOff(episode, () => undefined);
      return;
    }
    const report = options.right(loaded);
    const cleared = report.data.state === "cleared";
    connection.publish(routes.of(report), encodeReport(report, options.isLive(report)), (error) => {
      if (error) connection?.end();
      else {
        backoff.reset();
        if (!cleared) on.delivered(report);
      }
    });
    if (cleared) takeOff(episode, () => on.delivered(report));
  };

  const visit = async (): Promise<void> => {
    const made = await connectBroker(options.broker, options.options, on.message, stopping.signal);
    connection = made;
    made.subscribe([routes.subscriptions[0]], (error) => {
      if (error) made.end();
    });
    for (const episode of load.keys()) carry(episode);
    await made.closed;
    connection = undefined;
  };

  const run = async (): Promise<void> => {
    while (load.size > 0 && !stopping.signal.aborted) {
      // oxlint-disable-next-line no-await-in-loop -- tried until it has been carried
      await visit().catch(() => undefined); // the link tells how the brokers are
      // oxlint-disable-next-line no-await-in-loop
      if (load.size > 0) await pause(backoff.next(), stopping.signal);
    }
    on.done();
  };
  let running: Promise<void> | undefined;
  const start = () => {
    running ??= run();
  };

  return {
    broker: options.broker,
    carries: (episode) => load.has(episode),
    say(report) {
      load.set(report.data.episode, report);
      start();
      carry(report.data.episode);
    },
    remove(episode) {
      // What is being said of its end takes it off as well.
      if (load.get(episode)?.data.state === "cleared") return;
      load.set(episode, undefined);
      start();
      carry(episode);
    },
    async stop() {
      stopping.abort();
      connection?.end();
      await running;
    },
  };
};
