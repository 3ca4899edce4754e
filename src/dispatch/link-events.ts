import type { StateMessage } from "../domain/messages.ts";
import type { PendingReports } from "../domain/pending.ts";
import type { EmergencyUpdate, Report } from "../domain/report.ts";
import type { Clock } from "../domain/time.ts";
import type { Routes } from "../domain/wire.ts";
import type { Random, Time } from "../runtime/ports.ts";
import type { Compress } from "../wire/encode.ts";
import type { KeptSessions } from "./collector.ts";
import type { EmergencyEvents } from "./emergencies.ts";
import type { Connect, Connection, ConnectOptions, Incoming, LinkError, LinkFault } from "./port.ts";

/** What the link needs, shows and reports. */

export type LinkStatus = {
  /** The broker that is connected and has answered any message. */
  readonly broker?: string;
  readonly reconnects: number;
  readonly rttMs?: number;
  /** Why the last connection failed or ended. */
  readonly fault?: string;
};

/** One broker, for people. */
export type BrokerStatus = {
  readonly url: string;
  /** `connecting`: it is tried, or has accepted a connection and answered nothing yet. */
  readonly state: "connected" | "connecting" | "standby";
  /** Why the last connection to it failed or ended, if that is not over. */
  readonly fault?: LinkFault;
  /** From the last publish on the link to its PUBACK, and when that came, on the clock of `time.mono`. */
  readonly rtt?: { readonly ms: number; readonly at: number };
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
  readonly sessions: KeptSessions;
  /** The most bytes of history in flight. */
  readonly maxInFlightBytes: number;
  /** Whether 0x10 (no matching subscribers) of this broker counts as delivery now. */
  readonly unheardCounts: (broker: string) => boolean;
  /** Whether it counts as delivery for good, by the configuration. Otherwise only a receipt makes it one. */
  readonly settlesUnheard: boolean;
  /** Whether the link should leave this broker, because dispatch does not get what it acknowledges. */
  readonly unconfirmed: (broker: string) => boolean;
  readonly state: (state: StateMessage["state"], connection: number, reason?: string) => StateMessage;
};

export type LinkEvents = EmergencyEvents & {
  up(broker: string, version: 4 | 5): void;
  /** The broker has acknowledged the birth. */
  born(broker: string): void;
  /**
   * A connection could not be made, or was lost. Each different fault of a broker is reported once; `unconfirmed`, which
   * is no fault of the connection, each time.
   * `silentMs`: for how long the broker had answered nothing before that.
   */
  down(error: LinkError, broker: string, silentMs: number): void;
  /** Nobody listens at the only broker. The connection stays open. Reported once. */
  deserted(error: LinkError, broker: string): void;
  /** The connection is open, and the broker has answered nothing for `ms`. Repeated while it lasts. */
  silent(ms: number): void;
  /**
   * The fault of a broker that `down` reported last is over: the broker has let the unit in, or after
   * `no-listener` somebody listens there.
   */
  recovered(broker: string, code: LinkFault): void;
  /**
   * A broker refuses a topic. Reported once for each connection. `topic`: a channel, or the filter of a
   * subscription.
   */
  refused(broker: string, topic: string, why: string): void;
  /** A broker accepts a topic that it has refused. */
  accepted(broker: string, topic: string): void;
  /** No broker accepts a packet as large as an emergency in its shortest form. It waits. `bytes`: of its packet. */
  tooLarge(bytes: number): void;
  /**
   * The PEM file that could not be used for a new connection, which was made with what was read last;
   * undefined: all could be used.
   */
  files(unusable: Connection["unusableFile"]): void;
  /** A message from dispatch was too large to be kept. */
  oversize(topic: string, bytes: number): void;
  /**
   * Called before an emergency is published to a broker, which waits for the promise. Undefined: it is
   * published at once.
   */
  publishing(report: EmergencyUpdate, broker: string): Promise<void> | undefined;
  /** The link's broker has acknowledged reports. */
  acknowledged(reports: readonly Report[], broker: string): void;
  /** Whether the message that was acknowledged last had a subscriber. Called again after a silence. */
  heard(listening: boolean): void;
  /**
   * A message from dispatch, by this broker. It is acknowledged to the broker when the promise resolves. `waitedMs`: for how
   * long it may have waited in the session or on the wire; Infinity if that is not known.
   */
  message(message: Incoming, broker: string, waitedMs: number): Promise<void>;
};

/** No events are reported before the link is started. */
export const NOBODY: LinkEvents = {
  up: () => undefined,
  born: () => undefined,
  down: () => undefined,
  deserted: () => undefined,
  silent: () => undefined,
  recovered: () => undefined,
  refused: () => undefined,
  accepted: () => undefined,
  tooLarge: () => undefined,
  files: () => undefined,
  oversize: () => undefined,
  publishing: () => undefined,
  delivered: () => undefined,
  emergencyRefused: () => undefined,
  removed: () => undefined,
  left: () => undefined,
  acknowledged: () => undefined,
  heard: () => undefined,
  message: () => Promise.resolve(),
};
