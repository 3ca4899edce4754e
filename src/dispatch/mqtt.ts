import { MqttClient, type IClientOptions } from "mqtt";
import { reasonOf } from "../runtime/log.ts";
import type { Time } from "../runtime/ports.ts";
import { pause } from "../runtime/wait.ts";
import { classify, disconnected } from "./faults.ts";
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
import { addressesOf, brokerAddress, GuardedStream, openSocket, readCredentials } from "./socket.ts";

/** The only file that knows the MQTT client. Its reconnecting, its stores and its offline queue are not used. */

/** From the first packet to an accepted connection, on all addresses together. */
const CONNECT_MS = 10_000;
/** An address that has not accepted by then gets company from the next one. */
const NEXT_ADDRESS_MS = 1_500;
/** What a DISCONNECT may take to get out. */
const GOODBYE_MS = 500;
/** MQTT 5 §3.1.2.11.2; with 3.1.1 the broker decides how long a session lasts. */
const SESSION_EXPIRY_S = 86_400;
/** Messages from dispatch that may wait for their acknowledgement at once. */
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
  reconnectPeriod: 0,
  connectTimeout: CONNECT_MS,
  resubscribe: false,
  queueQoSZero: false,
  // A buffer for each of 65,536 numbers, made in advance: 20 MiB and 40 ms for nothing.
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
  properties?: { responseTopic?: string; correlationData?: Buffer };
}): Incoming => {
  const { responseTopic, correlationData } = packet.properties ?? {};
  return {
    topic: packet.topic,
    payload: Buffer.from(packet.payload),
    ...(responseTopic === undefined ? {} : { responseTopic }),
    ...(correlationData === undefined ? {} : { correlationData }),
  };
};

const codeOf = (thrown: unknown): number | undefined =>
  thrown instanceof Error && "code" in thrown && typeof thrown.code === "number" ? thrown.code : undefined;

/** One accepted connection. The client behind it is used once and thrown away. */
class MqttConnection implements Connection {
  readonly broker: string;
  readonly version: 4 | 5;
  readonly closed: Promise<LinkError>;
  receiveMaximum = DEFAULT_RECEIVE_MAXIMUM;
  maximumPacketSize = LARGEST_PACKET;
  readonly #client: MqttClient;
  readonly #time: Time;
  #failure: LinkError | undefined;
  #over = false;
  #corked = false;

  constructor(broker: string, version: 4 | 5, client: MqttClient, on: ConnectionEvents, time: Time) {
    this.broker = broker;
    this.version = version;
    this.#client = client;
    this.#time = time;
    const { promise, resolve } = Promise.withResolvers<LinkError>();
    this.closed = promise;
    // Called before the PUBACK goes out: what dispatch said must be on disk by then.
    client.handleMessage = (packet, done) => {
      on.message(incomingOf(packet)).then(
        () => done(),
        (cause: unknown) => {
          const why = `${broker}: a message on ${packet.topic} cannot be kept: ${reasonOf(cause)}`;
          this.end(new LinkError("failed", why, cause));
        },
      );
    };
    client.on("error", (error) => this.end(classify(broker, error)));
    client.on("disconnect", (packet) => {
      this.#failure ??= disconnected(broker, packet.reasonCode ?? 0);
    });
    client.on("close", () => {
      this.#over = true;
      client.end(true);
      resolve(this.#failure ?? new LinkError("lost", `${broker}: the connection was closed`));
    });
  }

  /** What the broker announced in its CONNACK. */
  accept(properties: { receiveMaximum?: number; maximumPacketSize?: number } | undefined): this {
    this.receiveMaximum = properties?.receiveMaximum ?? DEFAULT_RECEIVE_MAXIMUM;
    this.maximumPacketSize = properties?.maximumPacketSize ?? LARGEST_PACKET;
    return this;
  }

  publish(route: Route, payload: Buffer, done: (code: number) => void): void {
    // The client throws on this. What is not acknowledged is found again in the outbox.
    if (this.#over) return;
    this.#gather();
    const { topic, retain, expiryS, correlationData } = route;
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
      const code = packet && "reasonCode" in packet ? packet.reasonCode : undefined;
      done(codeOf(error) ?? code ?? PUBACK.success);
    });
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

  end(error?: LinkError): void {
    this.#failure ??= error;
    this.#over = true;
    if (error) {
      this.#client.end(true);
      this.#client.stream?.destroy();
      return;
    }
    this.#client.end(false);
    // If messages are unacknowledged, the client would wait for a broker that may say nothing.
    this.#time.after(GOODBYE_MS, () => this.#client.stream?.destroy());
  }

  /** What one turn of the event loop publishes leaves in one write. */
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

/** Connects to one address with one version of MQTT. Rejects with LinkError. */
const connectOnce = async (
  target: { readonly broker: string; readonly address: string; readonly version: 4 | 5 },
  options: ConnectOptions,
  on: ConnectionEvents,
  time: Time,
  signal: AbortSignal,
): Promise<Connection> => {
  const { broker, address, version } = target;
  const socket = await openSocket(brokerAddress(broker), address, readCredentials(options), signal).catch(
    (cause: unknown) => {
      throw classify(broker, cause);
    },
  );
  const stream = new GuardedStream(socket, MAXIMUM_PACKET_BYTES, ({ topic, bytes }) =>
    on.oversize(topic, bytes),
  );
  const client = new MqttClient(() => stream, clientOptions(options, version));
  const connection = new MqttConnection(broker, version, client, on, time);
  const abort = () => connection.end(new LinkError("timeout", `${broker}: the host does not answer`));
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await new Promise<Connection>((resolve, reject) => {
      client.on("connect", ({ properties }) => resolve(connection.accept(properties)));
      void connection.closed.then(reject);
    });
  } finally {
    signal.removeEventListener("abort", abort);
  }
};

/**
 * The first address that accepts. Each next one is tried when the one before has failed, or has not
 * accepted within `NEXT_ADDRESS_MS`; the others are given up.
 */
const connectAny = async (
  broker: string,
  version: 4 | 5,
  options: ConnectOptions,
  on: ConnectionEvents,
  time: Time,
  signal: AbortSignal,
): Promise<Connection> => {
  const addresses = await addressesOf(brokerAddress(broker).host).catch((cause: unknown) => {
    throw classify(broker, cause);
  });
  const losers = new AbortController();
  const either = AbortSignal.any([signal, losers.signal]);
  let before: Promise<unknown> = Promise.resolve();
  const attempts = addresses.map((address, n) => {
    const turn =
      n === 0
        ? before
        : Promise.race([before.catch(() => undefined), pause(NEXT_ADDRESS_MS * n, either, time)]);
    const attempt = turn.then(() => {
      if (either.aborted) throw new LinkError("timeout", `${broker}: the host does not answer`);
      return connectOnce({ broker, address, version }, options, on, time, either);
    });
    before = attempt;
    return attempt;
  });
  try {
    return await Promise.any(attempts);
  } catch (cause) {
    throw cause instanceof AggregateError ? classify(broker, cause.errors[0]) : cause;
  } finally {
    losers.abort();
  }
};

/** Connects with MQTT 5, or with 3.1.1 if the broker refuses 5 or hangs up on it. */
export const createConnect = (time: Time): Connect => {
  /** Brokers that have refused MQTT 5 by its code: asking again would cost each connection a round trip. */
  const older = new Set<string>();
  return async (broker, options, on, signal) => {
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(CONNECT_MS)]);
    const timedOut = Promise.withResolvers<never>();
    timedOut.promise.catch(() => undefined);
    deadline.addEventListener("abort", () =>
      timedOut.reject(new LinkError("timeout", `${broker}: the host does not answer`)),
    );
    const attempt = (version: 4 | 5) =>
      Promise.race([connectAny(broker, version, options, on, time, deadline), timedOut.promise]);
    if (older.has(broker)) return attempt(4);
    try {
      return await attempt(5);
    } catch (error) {
      const refused = error instanceof LinkError && (error.code === "version" || error.code === "lost");
      if (!refused || deadline.aborted) throw error;
      const connection = await attempt(4);
      if (error.code === "version") older.add(broker);
      return connection;
    }
  };
};
