import type { Duplex } from "node:stream";
import { createBackoff } from "../../runtime/backoff.ts";
import { reasonOf, type Log } from "../../runtime/log.ts";
import type { Random, Time } from "../../runtime/ports.ts";
import { pause } from "../../runtime/wait.ts";
import { MqttVersion, type ConnectFailure } from "../../wire/mqtt-version.ts";
import { Outbound, type Outgoing } from "./outbound.ts";
import { Session, SessionError, type Received, type SessionOptions } from "./session.ts";

/** Wait between attempts to connect, ms. */
const BACKOFF_MS = { min: 500, max: 30_000 };
/**
 * The longest wait for a broker that does not answer yet: when it comes back, emergencies wait there. A server that
 * starts, or whose cluster has lost a node, accepts connections and hangs up.
 */
const ABSENT_MS = 5_000;
/** After a connection of this length the pauses are short again, ms. */
const STEADY_MS = 10_000;
/** How long a clean stop waits for what is still to be published, ms. */
const GOODBYE_MS = 1_000;
const LOOK_MS = 20;

export type BrokerOptions = Omit<SessionOptions, "version"> & {
  readonly url: string;
  /** Opens TCP or TLS. Rejects with the error of the system. */
  readonly dial: (url: string, signal: AbortSignal) => Promise<Duplex>;
  /** What an error of the system or of TLS means, for the log. Left out: its message. */
  readonly words?: (cause: unknown) => string;
  readonly time: Time;
  readonly random: Random;
  readonly log: Log;
  /** What to publish at the beginning of each connection. */
  readonly birth?: (() => Outgoing) | undefined;
};

export type BrokerEvents = {
  message(broker: Broker, message: Received): void;
  /** The connection to a broker is there now, or was lost. */
  changed(broker: Broker, isUp: boolean): void;
};

/** How a connection ended. `isReached`: TCP or TLS was open. */
type Attempt = { readonly isReached: boolean; readonly cause: unknown };

/** CONNACK codes that refuse the version: MQTT 5 §3.2.2.2, MQTT 3.1.1 table 3.1. */
const REFUSES_VERSION: ReadonlySet<number> = new Set([0x84, 0x01]);

const codeOf = (cause: unknown): number | undefined =>
  cause instanceof SessionError ? cause.code : undefined;

const failureOf = (code: number | undefined): ConnectFailure => {
  if (code === undefined) return "lost";
  return REFUSES_VERSION.has(code) ? "version" : "other";
};

/** One session at a broker: connects again and again, with the same persistent session. */
export class Broker {
  readonly url: string;
  readonly #options: BrokerOptions;
  readonly #on: BrokerEvents;
  readonly #outbound = new Outbound();
  readonly #version = new MqttVersion();
  /** The version of the connection, or of the next attempt. */
  #asks: 4 | 5 = 5;
  readonly #backoff;
  #session: Session | undefined;
  #isUp = false;
  #upAt = 0;
  #isPaused = false;

  constructor(options: BrokerOptions, on: BrokerEvents) {
    this.url = options.url;
    this.#options = options;
    this.#on = on;
    this.#backoff = createBackoff(BACKOFF_MS.min, BACKOFF_MS.max, options.random);
  }

  /** The version of MQTT that the connection has. */
  get mqtt(): "5" | "3.1.1" {
    return this.#asks === 5 ? "5" : "3.1.1";
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  /** When the broker last sent something, `Time.mono`; undefined while there is no connection. */
  get heardAt(): number | undefined {
    return this.#isUp ? this.#session?.heardAt : undefined;
  }

  /** Publishes now, or when there is a connection. A newer message of a slot replaces an older one. */
  publish(message: Outgoing): void {
    this.#outbound.add(message);
    this.#flush();
  }

  pause(): void {
    this.#isPaused = true;
    this.#session?.pause();
  }

  resume(): void {
    this.#isPaused = false;
    this.#session?.resume();
  }

  /** Connects until the signal fires. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { time, log, words } = this.#options;
    while (!signal.aborted) {
      // oxlint-disable-next-line no-await-in-loop -- one connection after the other
      const { cause, isReached } = await this.#connectOnce(signal);
      if (signal.aborted) return;
      const again = isReached && this.#tries4(cause);
      this.#asks = again ? 4 : this.#version.first;
      const hasAnswered = this.#isUp || codeOf(cause) !== undefined;
      this.#down();
      if (again) continue;
      const waitMs = Math.min(this.#backoff.next(), hasAnswered ? BACKOFF_MS.max : ABSENT_MS);
      log.warn("no connection to a broker", {
        broker: this.url,
        cause: cause instanceof SessionError ? cause.message : (words ?? reasonOf)(cause),
        retryMs: Math.round(waitMs),
      });
      // oxlint-disable-next-line no-await-in-loop -- the pause between them
      await pause(waitMs, signal, time);
    }
  }

  /** Publishes a last message, if there is one, waits shortly for its PUBACK, and disconnects. */
  async close(last?: Outgoing): Promise<void> {
    const { time } = this.#options;
    const enough = new AbortController();
    if (this.#isUp && last) {
      this.publish(last);
      const until = time.mono() + GOODBYE_MS;
      while (!this.#outbound.isEmpty && this.#isUp && time.mono() < until) {
        // oxlint-disable-next-line no-await-in-loop -- short looks
        await pause(LOOK_MS, enough.signal, time);
      }
    }
    this.#session?.close();
  }

  /** A connection has ended, or was not accepted. Returns whether 3.1.1 is to be tried at once. */
  #tries4(cause: unknown): boolean {
    const isFirst = this.#asks === this.#version.first;
    return !this.#isUp && isFirst && this.#version.failed(failureOf(codeOf(cause)));
  }

  async #connectOnce(signal: AbortSignal): Promise<Attempt> {
    let socket: Duplex;
    try {
      socket = await this.#options.dial(this.url, signal);
    } catch (cause) {
      return { isReached: false, cause };
    }
    const { promise, resolve } = Promise.withResolvers<Error>();
    const events = {
      ready: (receiveMaximum: number) => this.#ready(receiveMaximum),
      message: (message: Received) => this.#on.message(this, message),
      published: (id: number) => {
        this.#outbound.acknowledged(id);
        this.#flush();
      },
      ended: resolve,
    };
    const options = { ...this.#options, version: this.#asks };
    this.#session = new Session(socket, options, events, this.#options.time);
    if (this.#isPaused) this.#session.pause();
    return { isReached: true, cause: await promise };
  }

  #ready(receiveMaximum: number): void {
    this.#version.accepted(this.#asks);
    this.#isUp = true;
    this.#upAt = this.#options.time.mono();
    this.#outbound.connected(receiveMaximum);
    const birth = this.#options.birth?.();
    if (birth) this.#outbound.add(birth);
    this.#flush();
    this.#on.changed(this, true);
  }

  #down(): void {
    this.#session = undefined;
    this.#outbound.lost();
    if (!this.#isUp) return;
    this.#isUp = false;
    // Two clients with one id end each other's connections: then the pauses grow.
    if (this.#options.time.mono() - this.#upAt > STEADY_MS) this.#backoff.reset();
    this.#on.changed(this, false);
  }

  #flush(): void {
    if (!this.#isUp || !this.#session) return;
    for (const [id, message] of this.#outbound.take()) this.#session.publish(id, message);
  }
}
