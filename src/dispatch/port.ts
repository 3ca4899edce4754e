import type { Route } from "../domain/wire.ts";

/**
 * The port to a broker. `mqtt.ts` implements it with the MQTT client, the simulation with a model;
 * one contract suite runs on both. A connection is made once, used, and thrown away.
 */

/** Why there is no connection. Each code needs another remedy. */
export const LINK_FAULTS = [
  "refused",
  "unknown-host",
  "unreachable",
  "timeout",
  "certificate",
  "unauthorised",
  "version",
  "taken-over",
  "stalled",
  "no-listener",
  "small-packets",
  "lost",
  "credentials-unreadable",
  "failed",
] as const;
/** `unconfirmed`: the connection works, and dispatch does not get what the broker acknowledges. Custody reports it. */
export type LinkFault = (typeof LINK_FAULTS)[number] | "unconfirmed";

export class LinkError extends Error {
  readonly code: LinkFault;
  constructor(code: LinkFault, message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

export type { Route } from "../domain/wire.ts";

/** A message from dispatch. It is acknowledged to the broker when the listener's promise resolves, not before. */
export type Incoming = {
  readonly topic: string;
  readonly payload: Buffer;
  /** The broker has sent it before, on an earlier connection too (DUP). */
  readonly repeated?: true;
  /** The broker has kept it, and delivers it because of a subscription: nobody knows how old it is. */
  readonly retained?: true;
  readonly responseTopic?: string;
  readonly correlationData?: Buffer;
};

export type ConnectOptions = {
  readonly clientId: string;
  readonly username: string;
  readonly password?: string;
  /** PEM files. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly keepaliveS: number;
  /**
   * Whether a broker that keeps no retained messages is good enough (a courier's): messages are then
   * published without retain.
   */
  readonly withoutRetained?: boolean;
  /** It may take long to connect: the network may be slow. */
  readonly patient?: boolean;
  /** Fires when an emergency begins to wait for the connection (a courier's). From then on the answer to CONNECT has less time. */
  readonly hurry?: AbortSignal;
  /** Retained, QoS 1. A courier has none. */
  readonly will?: { readonly topic: string; readonly payload: Buffer };
};

/** What a connection reports. */
export type ConnectionEvents = {
  /** The broker has accepted the connection. Called before anything comes over it. */
  accepted(connection: Connection): void;
  /** Rejecting ends the connection: the broker delivers the message again on the next one. */
  message(incoming: Incoming): Promise<void>;
  /** A message above `MAXIMUM_PACKET_BYTES` was skipped and acknowledged; its size in bytes. */
  oversize(topic: string, bytes: number): void;
};

/** MQTT 5 §3.4.2.1 PUBACK reason codes with a meaning of their own. 3.1.1 has none: the code is 0. */
export const PUBACK = {
  success: 0x00,
  noMatchingSubscribers: 0x10,
  firstRefusal: 0x80,
  packetTooLarge: 0x95,
} as const;

/** A message of at most this many bytes is never treated as too large, whatever the broker answers. */
export const INNOCENT_BYTES = 1_024;

/** The unit announces this Maximum Packet Size, and never keeps more of one message in memory. */
export const MAXIMUM_PACKET_BYTES = 1024 * 1024;

export type Connection = {
  /** The address as configured, for example `mqtts://dispatch-a:8883`. */
  readonly broker: string;
  /** The one of its name's addresses that the connection is to. */
  readonly address: string;
  readonly version: 4 | 5;
  /** How many QoS 1 messages the broker accepts before it has acknowledged one. */
  readonly receiveMaximum: number;
  /** Bytes of the largest packet that the broker accepts, headers included. */
  readonly maximumPacketSize: number;
  /** Whether the broker had a session of this client id (session present): what waits there comes now. */
  readonly hadSession: boolean;
  /**
   * How long ago a part of a packet came, in ms: the broker's answers wait behind the rest of it. Infinity: nothing has
   * come in parts on this connection.
   */
  readonly arrivedMs: number;
  /** How many other addresses the broker's name has. */
  readonly otherAddresses: number;
  /** How many of the other addresses have not failed lately (TRIED_MS in turns.ts). */
  readonly untriedAddresses: number;
  /**
   * The PEM file that could not be used for this connection, and why. It was made with what was read from the
   * files last. Undefined: they could be used.
   */
  readonly unusableFile: { readonly file: string; readonly message: string } | undefined;
  /** The connection does not deliver. New ones go to other addresses of the name first. */
  doubt(): void;
  /** Publishes at QoS 1. `done` gets the PUBACK's reason code; it is not called if the connection ends first. */
  publish(route: Route, payload: Buffer, done: (code: number) => void): void;
  /** Subscribes at QoS 1. `done` gets one SUBACK code for each topic (0x80 and above: refused). */
  subscribe(topics: readonly string[], done: (codes: readonly number[]) => void): void;
  /**
   * PINGREQ. `answered` is called with the PINGRESP: what the broker sent before that has come. It is not called if the
   * connection ends first.
   */
  ask(answered: () => void): void;
  /** Resolves with the reason when the connection is over, however it ended. */
  readonly closed: Promise<LinkError>;
  /** With an error: closes at once. Without: DISCONNECT, then close within half a second. */
  end(error?: LinkError): void;
};

/** Connects once: resolves with an accepted connection (CONNACK), rejects with LinkError. */
export type Connect = (
  broker: string,
  options: ConnectOptions,
  on: ConnectionEvents,
  signal: AbortSignal,
) => Promise<Connection>;
