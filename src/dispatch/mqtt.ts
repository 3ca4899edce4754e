import { MqttClient, Store, type IClientOptions } from "mqtt";
import { reasonOf } from "../runtime/log.ts";
import type { Time, Timer } from "../runtime/ports.ts";
import type { Lookup } from "./addresses.ts";
import { brokerAddress } from "./broker-address.ts";
import { createDial, type ConnectOver, type Place } from "./dial.ts";
import { classify, disconnected, unsuitable } from "./faults.ts";
import { silentHost, type Open, type Socket } from "./opening.ts";
import { CredentialFiles } from "./pem.ts";
import {
  LinkError,
  MAXIMUM_PACKET_BYTES,
  PUBACK,
  type Connect,
  type ConnectOptions,
  type Connection,
  type ConnectionEvents,
  type Incoming,
  type Route,
} from "./port.ts";
import { guardSocket, openSocket, systemLookup, type OpenSocket } from "./socket.ts";

/** The only file that uses the MQTT client, without its reconnecting, stores and offline queue. */

/** The client's own time limit. The limits of `dial.ts` are shorter. */
const CONNACK_MS = 30_000;
/** How long a DISCONNECT may take to be sent. */
const GOODBYE_MS = 500;
/** MQTT 5 §3.1.2.11.2; with 3.1.1 the broker decides how long a session lasts. */
const SESSION_EXPIRY_S = 86_400;
/** The most messages from dispatch that may wait for their PUBACK at once. */
const RECEIVE_MAXIMUM = 16;
const DEFAULT_RECEIVE_MAXIMUM = 65_535;
/** MQTT §2.1.4: the largest packet that can be written. */
const LARGEST_PACKET = 268_435_455;

const clientOptions = (options: ConnectOptions, version: 4 | 5): IClientOptions => ({
  protocolVersion: version,
  clientId: options.clientId,
  username: options.username,
  ...(options.password === undefined ? {} : { password: options.password }),
  keepalive: options.keepaliveS,
  clean: false,
  // Packets that were read before the client ended are still handled: its own stores would be gone by then.
  incomingStore: new Store({ clean: false }),
  outgoingStore: new Store({ clean: false }),
  reconnectPeriod: 0,
  connectTimeout: CONNACK_MS,
  resubscribe: false,
  queueQoSZero: false,
  // The cache is a buffer for each of 65,536 numbers, made in advance: 20 MiB and 40 ms.
  writeCache: false,
  ...(version === 5
    ? {
        properties: {
          sessionExpiryInterval: SESSION_EXPIRY_S,
          maximumPacketSize: MAXIMUM_PACKET_BYTES,
          receiveMaximum: RECEIVE_MAXIMUM,
        },
      }
    : {}),
  ...(options.will ? { will: { ...options.will, qos: 1, retain: true } } : {}),
});

const incomingOf = (packet: {
  topic: string;
  payload: string | Buffer;
  dup: boolean;
  retain: boolean;
  properties?: { responseTopic?: string; correlationData?: Buffer };
}): Incoming => {
  const { responseTopic, correlationData } = packet.properties ?? {};
  return {
    topic: packet.topic,
    payload: Buffer.from(packet.payload),
    ...(packet.dup ? { repeated: true } : {}),
    ...(packet.retain ? { retained: true } : {}),
    ...(responseTopic === undefined ? {} : { responseTopic }),
    ...(correlationData === undefined ? {} : { correlationData }),
  };
};

const codeOf = (thrown: unknown): number | undefined =>
  thrown instanceof Error && "code" in thrown && typeof thrown.code === "number" ? thrown.code : undefined;

/**
 * PUBACK reason codes other than 0 by packet id, as the broker sent them, until the client calls back. At most one for each
 * publish in flight.
 */
type Codes = Map<number, number>;

/** When a part of a packet came last. */
type Arriving = { at: number };

/** The client gives a list if a property was sent twice, against the standard. */
const numberOr = (otherwise: number, property: unknown): number =>
  typeof property === "number" ? property : otherwise;

/** Properties of a CONNACK (MQTT 5 §3.2.2.3), as the client gives them. */
type Announced = {
  readonly receiveMaximum?: unknown;
  readonly maximumPacketSize?: unknown;
  readonly maximumQoS?: unknown;
  readonly retainAvailable?: unknown;
};

/** A socket, and why the PEM files could not be used for it. */
type LoggedIn = Socket & {
  readonly open: OpenSocket;
  readonly unusableFile: Connection["unusableFile"];
};

type Target = Parameters<ConnectOver<LoggedIn>>[0];

/** One connection. Its client is used once. */
class MqttConnection implements Connection {
  readonly broker: string;
  readonly address: string;
  readonly version: 4 | 5;
  readonly closed: Promise<LinkError>;
  receiveMaximum = DEFAULT_RECEIVE_MAXIMUM;
  maximumPacketSize = LARGEST_PACKET;
  hadSession = false;
  readonly otherAddresses: number;
  readonly unusableFile: Connection["unusableFile"];
  readonly #place: Place;
  readonly #client: MqttClient;
  readonly #time: Time;
  readonly #codes: Codes;
  readonly #arriving: Arriving;
  /** What waits for the PINGRESP of each PINGREQ on the wire, oldest first. The client sends some of its own. */
  readonly #pings: (() => void)[] = [];
  #asking: (() => void) | undefined;
  #goodbye: Timer | undefined;
  #failure: LinkError | undefined;
  #over = false;
  /** It was ended at once: what the broker has sent is handled no further. */
  #isCut = false;
  #corked = false;
  #retains = true;

  constructor(
    { broker, version, place }: Target,
    unusableFile: Connection["unusableFile"],
    client: MqttClient,
    codes: Codes,
    on: ConnectionEvents,
    time: Time,
    arriving: Arriving,
  ) {
    this.broker = broker;
    this.address = place.address;
    this.version = version;
    this.otherAddresses = place.others;
    this.unusableFile = unusableFile;
    this.#place = place;
    this.#client = client;
    this.#codes = codes;
    this.#time = time;
    this.#arriving = arriving;
    const { promise, resolve } = Promise.withResolvers<LinkError>();
    this.closed = promise;
    // The client sends the PUBACK after `done`: the message must be on disk by then.
    client.handleMessage = (packet, done) => {
      on.message(incomingOf(packet)).then(
        () => void (this.#isCut || done()),
        (cause: unknown) => {
          const why = `${broker}: a message on ${packet.topic} cannot be kept: ${reasonOf(cause)}`;
          this.end(new LinkError("failed", why, cause));
        },
      );
    };
    client.on("packetsend", ({ cmd }) => {
      if (cmd === "pingreq") this.#pings.push(this.#asking ?? (() => undefined));
    });
    client.on("packetreceive", ({ cmd }) => {
      if (cmd === "pingresp" && !this.#over) this.#pings.shift()?.();
    });
    const endSilent = client.onKeepaliveTimeout.bind(client);
    client.onKeepaliveTimeout = () => {
      if (this.arrivedMs > client.keepalive * 1_000) endSilent();
      else {
        client.reschedulePing(true);
        client.sendPing();
      }
    };
    client.on("error", (error) => this.end(classify(broker, error)));
    client.on("disconnect", (packet) => {
      this.#failure ??= disconnected(broker, packet.reasonCode ?? 0);
    });
    client.on("close", () => {
      this.#over = true;
      this.#goodbye?.[Symbol.dispose]();
      client.end(true);
      if (!this.#goodbye) place.failed();
      resolve(this.#failure ?? new LinkError("lost", `${broker}: the connection was closed`));
    });
  }

  /** Takes what the broker announces in its CONNACK. Returns why it cannot be used; undefined: it can. */
  accept(announced: Announced | undefined, withoutRetained = false): LinkError | undefined {
    this.receiveMaximum = numberOr(DEFAULT_RECEIVE_MAXIMUM, announced?.receiveMaximum);
    this.maximumPacketSize = numberOr(LARGEST_PACKET, announced?.maximumPacketSize);
    this.#retains = announced?.retainAvailable !== false;
    return unsuitable(this.broker, {
      qos1: announced?.maximumQoS !== 0,
      retained: this.#retains || withoutRetained,
    });
  }

  get arrivedMs(): number {
    return this.#time.mono() - this.#arriving.at;
  }

  get untriedAddresses(): number {
    return this.#place.untried();
  }

  doubt(): void {
    this.#place.doubted();
  }

  publish(route: Route, payload: Buffer, done: (code: number) => void): void {
    // The client would throw. Reports without a PUBACK stay in the outbox.
    if (this.#over) return;
    this.#gather();
    const { topic, expiryS, correlationData } = route;
    const retain = route.retain && this.#retains;
    const properties = {
      ...(expiryS === undefined ? {} : { messageExpiryInterval: expiryS }),
      ...(correlationData === undefined ? {} : { correlationData }),
    };
    const options = { qos: 1, retain, ...(this.version === 5 ? { properties } : {}) } as const;
    this.#client.publish(topic, payload, options, (error, packet) => {
      if (this.#over) return;
      if (error && codeOf(error) === undefined) {
        this.end(classify(this.broker, error));
        return;
      }
      done(this.#codeOf(packet?.messageId) ?? codeOf(error) ?? PUBACK.success);
    });
  }

  #codeOf(packetId: number | undefined): number | undefined {
    if (packetId === undefined) return undefined;
    const code = this.#codes.get(packetId);
    this.#codes.delete(packetId);
    return code;
  }

  subscribe(topics: readonly string[], done: (codes: readonly number[]) => void): void {
    if (this.#over) return;
    this.#client.subscribe([...topics], { qos: 1 }, (error, _granted, packet) => {
      if (this.#over) return;
      const granted: readonly unknown[] = packet?.granted ?? [];
      const codes = granted.filter((grant) => typeof grant === "number");
      if (codes.length === topics.length) done(codes);
      else this.end(classify(this.broker, error ?? new Error("a subscription got no answer")));
    });
  }

  ask(answered: () => void): void {
    if (this.#over) return;
    this.#asking = answered;
    this.#client.sendPing();
    this.#asking = undefined;
  }

  end(error?: LinkError): void {
    this.#failure ??= error;
    this.#over = true;
    if (error) {
      this.#isCut = true;
      this.#client.end(true);
      this.#client.stream?.destroy();
      return;
    }
    this.#client.end(false);
    // If messages are unacknowledged, the client would wait for the broker, which may never answer.
    this.#goodbye ??= this.#time.after(GOODBYE_MS, () => this.#client.stream?.destroy());
  }

  /** Messages that are published in one turn of the event loop are sent in one write. */
  #gather(): void {
    if (this.#corked) return;
    this.#corked = true;
    this.#client.stream.cork();
    this.#time.soon(() => {
      this.#corked = false;
      this.#client.stream.uncork();
    });
  }
}

const connectOver = async (
  time: Time,
  target: Target,
  { open, unusableFile }: LoggedIn,
  options: ConnectOptions,
  on: ConnectionEvents,
  signal: AbortSignal,
): Promise<Connection> => {
  const codes: Codes = new Map();
  const arriving: Arriving = { at: -Infinity };
  const stream = guardSocket(open, MAXIMUM_PACKET_BYTES, {
    oversize: ({ topic, bytes }) => on.oversize(topic, bytes),
    answered(packetId, code) {
      // One for which no publish waits would be taken for the answer to a later publish with its id.
      if (packetId in client.outgoing) codes.set(packetId, code);
    },
    part() {
      arriving.at = time.mono();
    },
  });
  const client = new MqttClient(() => stream, clientOptions(options, target.version));
  const connection = new MqttConnection(target, unusableFile, client, codes, on, time, arriving);
  const abort = () => connection.end(silentHost(target.broker, "MQTT"));
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await new Promise<Connection>((resolve, reject) => {
      client.on("connect", ({ properties, sessionPresent }) => {
        connection.hadSession = sessionPresent;
        const why = connection.accept(properties, options.withoutRetained);
        if (why) {
          connection.end(why);
          return;
        }
        on.accepted(connection);
        resolve(connection);
      });
      void connection.closed.then(reject);
    });
  } finally {
    signal.removeEventListener("abort", abort);
  }
};

/** `from`: see `createConnect`. The PEM files are read for each socket. */
const opener = (from: string | undefined): Open<LoggedIn> => {
  const files = new CredentialFiles();
  return async (broker, address, options, reached, signal) => {
    const target = brokerAddress(broker);
    const { pem, kept } = target.secure ? files.read(options) : { pem: {}, kept: undefined };
    const open = await openSocket(target, address, pem, { reached, signal, from });
    return { open, unusableFile: kept, destroy: () => open.socket.destroy() };
  };
};

/**
 * Connects with the MQTT client. `lookup`: looks up host names; by default, the system's resolver. `from`: the address
 * of this machine to connect from; by default, the system chooses.
 */
export const createConnect = (time: Time, lookup: Lookup = systemLookup, from?: string): Connect =>
  createDial(
    {
      lookup,
      open: opener(from),
      connectOver: (...attempt) => connectOver(time, ...attempt),
    },
    time,
  );
