import { readFileSync } from "node:fs";
import { connect, type IClientOptions, type MqttClient } from "mqtt";
import { reasonOf } from "../runtime/log.ts";
import type { Route } from "./topics.ts";

/** Why there is no connection, one word for each thing that a technician would do differently. */
export type LinkFault =
  | "refused"
  | "unknown-host"
  | "unreachable"
  | "timeout"
  | "certificate"
  | "unauthorised"
  | "version"
  | "taken-over"
  | "stalled"
  | "publish-refused"
  | "lost"
  | "credentials-unreadable"
  | "failed";

export class LinkError extends Error {
  readonly code: LinkFault;
  constructor(code: LinkFault, message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

export type BrokerOptions = {
  readonly clientId: string;
  readonly username: string;
  readonly password?: string;
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly keepaliveS: number;
  readonly will: { readonly topic: string; readonly payload: Buffer } | undefined;
};

/** One connection, from CONNACK to its end. It never reconnects by itself. */
export type Connection = {
  readonly broker: string;
  readonly version: 4 | 5;
  /** Messages that the broker takes before it has acknowledged one. */
  readonly receiveMaximum: number;
  /** Bytes of the largest packet that the broker takes. */
  readonly maximumPacketSize: number;
  /** Publishes at QoS 1; `done` is called with nothing on PUBACK, with an error if it is refused. */
  publish(route: Route, payload: Buffer, done: (error?: Error) => void): void;
  /** Asks for messages of these topics at QoS 1; `done` as with `publish`. */
  subscribe(topics: readonly string[], done: (error?: Error) => void): void;
  /** Resolves with the reason when the connection is over, however it ended. */
  readonly closed: Promise<LinkError>;
  /** DISCONNECT and close; with `error`, close at once as a failure. */
  end(error?: LinkError): void;
};

/** A message from dispatch. It is acknowledged to the broker when the promise resolves, and not before. */
export type Incoming = {
  readonly topic: string;
  readonly payload: Buffer;
  readonly responseTopic?: string;
  readonly correlationData?: Buffer;
};
export type OnMessage = (message: Incoming) => Promise<void>;

const CONNECT_MS = 10_000;
/** What a DISCONNECT may take to get out. */
const GOODBYE_MS = 500;
/** MQTT 5 §3.1.2.11.2; on 3.1.1 the broker decides how long a session lasts. */
const SESSION_EXPIRY_S = 86_400;

const SYSTEM_FAULTS: Readonly<Record<string, readonly [LinkFault, string]>> = {
  ECONNREFUSED: ["refused", "the host answers but no broker listens there"],
  ENOTFOUND: ["unknown-host", "the host name is not known"],
  EAI_AGAIN: ["unknown-host", "the host name cannot be looked up (no DNS?)"],
  EHOSTUNREACH: ["unreachable", "there is no way to the host"],
  ENETUNREACH: ["unreachable", "there is no network"],
  ETIMEDOUT: ["timeout", "the host does not answer"],
};

const TLS_FAULT = /^(CERT_|ERR_TLS|ERR_SSL|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|HOSTNAME_|EPROTO)/;

/** CONNACK codes: MQTT 3.1.1 table 3.1 (1 to 5) and MQTT 5 §3.2.2.2 (128 and up). */
const CONNACK_FAULTS: Readonly<Record<number, readonly [LinkFault, string]>> = {
  1: ["version", "the broker does not speak this version of MQTT"],
  2: ["unauthorised", "the broker refuses this client id"],
  3: ["failed", "the broker says that its service is unavailable"],
  4: ["unauthorised", "the broker refuses user name or password"],
  5: ["unauthorised", "the broker does not let this unit in"],
  132: ["version", "the broker does not speak this version of MQTT"],
  133: ["unauthorised", "the broker refuses this client id"],
  134: ["unauthorised", "the broker refuses user name or password"],
  135: ["unauthorised", "the broker does not let this unit in"],
  136: ["failed", "the broker says that it is unavailable"],
  138: ["unauthorised", "the broker has banned this unit"],
};

const classify = (broker: string, thrown: unknown): LinkError => {
  if (thrown instanceof LinkError) return thrown;
  const raw = (thrown as { code?: string | number } | undefined)?.code;
  // A host with several addresses fails with all of them at once.
  const nested = (thrown as { errors?: { code?: string }[] } | undefined)?.errors?.[0]?.code;
  const code = raw ?? nested;
  const reason = reasonOf(thrown);
  const known =
    typeof code === "number" ? CONNACK_FAULTS[code] : code === undefined ? undefined : SYSTEM_FAULTS[code];
  if (known) return new LinkError(known[0], `${broker}: ${known[1]}`, thrown);
  if ((typeof code === "string" && TLS_FAULT.test(code)) || /certificate|tls|ssl|pem/i.test(reason)) {
    return new LinkError("certificate", `${broker}: TLS failed: ${reason}`, thrown);
  }
  if (/connack timeout/i.test(reason))
    return new LinkError("timeout", `${broker}: the host does not answer`, thrown);
  if (/keepalive timeout/i.test(reason))
    return new LinkError("stalled", `${broker}: no answer within the keepalive`, thrown);
  return new LinkError("failed", `${broker}: ${reason}`, thrown);
};

const pem = (file: string | undefined): Buffer | undefined => {
  if (file === undefined) return undefined;
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new LinkError("credentials-unreadable", `${file} cannot be read: ${reasonOf(cause)}`, cause);
  }
};

const DEFAULT_PORT = { "mqtt:": 1883, "mqtts:": 8883 } as const;

/** `mqtt://host:port` or `mqtts://host:port`, taken apart as the client wants it. Throws LinkError. */
export const brokerAddress = (url: string): Pick<IClientOptions, "protocol" | "host" | "port"> => {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  const scheme = parsed?.protocol;
  if (!parsed || (scheme !== "mqtt:" && scheme !== "mqtts:")) {
    throw new LinkError("failed", `${url}: expected mqtt://host:port or mqtts://host:port`);
  }
  const port = parsed.port === "" ? DEFAULT_PORT[scheme] : Number(parsed.port);
  return { protocol: scheme === "mqtt:" ? "mqtt" : "mqtts", host: parsed.hostname, port };
};

const clientOptions = (options: BrokerOptions, version: 4 | 5): IClientOptions => {
  const ca = pem(options.ca);
  const cert = pem(options.cert);
  const key = pem(options.key);
  return {
    protocolVersion: version,
    clientId: options.clientId,
    username: options.username,
    ...(options.password === undefined ? {} : { password: options.password }),
    ...(ca ? { ca } : {}),
    ...(cert ? { cert } : {}),
    ...(key ? { key } : {}),
    keepalive: options.keepaliveS,
    clean: false,
    reconnectPeriod: 0,
    connectTimeout: CONNECT_MS,
    resubscribe: false,
    queueQoSZero: false,
    // A buffer for each of 65,536 numbers, made in advance: 20 MiB and 40 ms for nothing.
    writeCache: false,
    ...(version === 5 ? { properties: { sessionExpiryInterval: SESSION_EXPIRY_S } } : {}),
    ...(options.will ? { will: { ...options.will, qos: 1, retain: true } } : {}),
  };
};

const propertiesOf = ({ expiryS, correlationData }: Route) => ({
  ...(expiryS === undefined ? {} : { messageExpiryInterval: expiryS }),
  ...(correlationData === undefined ? {} : { correlationData }),
});

/** Connects once. Rejects with LinkError. */
const attempt = (
  broker: string,
  options: BrokerOptions,
  version: 4 | 5,
  onMessage: OnMessage,
  signal: AbortSignal,
): Promise<Connection> =>
  new Promise((resolve, reject) => {
    let client: MqttClient;
    try {
      client = connect({ ...brokerAddress(broker), ...clientOptions(options, version) });
    } catch (cause) {
      reject(classify(broker, cause));
      return;
    }
    let failure: LinkError | undefined;
    let over = false;
    // Called before the PUBACK goes out: what dispatch said must be on disk by then.
    client.handleMessage = ({ topic, payload, properties }, done) => {
      const { responseTopic, correlationData } = properties ?? {};
      onMessage({
        topic,
        payload: Buffer.from(payload),
        ...(responseTopic === undefined ? {} : { responseTopic }),
        ...(correlationData === undefined ? {} : { correlationData }),
      }).then(
        () => done(),
        (cause: unknown) => {
          failure ??= new LinkError(
            "failed",
            `a message on ${topic} cannot be taken: ${reasonOf(cause)}`,
            cause,
          );
          client.end(true);
        },
      );
    };
    const { promise: closed, resolve: close } = Promise.withResolvers<LinkError>();
    // A graceful end that waits for a silent broker can only be cut short from below.
    const abort = () => {
      client.end(true);
      client.stream?.destroy();
    };
    signal.addEventListener("abort", abort);
    client.on("error", (error) => {
      over = true;
      failure ??= classify(broker, error);
      client.end(true);
    });
    client.on("disconnect", (packet) => {
      failure ??=
        packet.reasonCode === 142
          ? new LinkError("taken-over", `${broker}: another client with this unit's id has connected`)
          : new LinkError(
              "lost",
              `${broker}: the broker ended the connection (reason ${packet.reasonCode ?? 0})`,
            );
    });
    client.on("close", () => {
      over = true;
      signal.removeEventListener("abort", abort);
      const error = failure ?? new LinkError("lost", `${broker}: the connection was closed`);
      client.end(true);
      close(error);
      reject(error);
    });
    client.on("connect", (connack) => {
      // What one turn of the event loop publishes leaves in one write.
      let corked = false;
      const gather = () => {
        if (corked) return;
        corked = true;
        client.stream.cork();
        setImmediate(() => {
          corked = false;
          client.stream.uncork();
        });
      };
      resolve({
        broker,
        version,
        receiveMaximum: connack.properties?.receiveMaximum ?? 65_535,
        maximumPacketSize: connack.properties?.maximumPacketSize ?? 268_435_455,
        publish(route, payload, done) {
          // The client throws on this; what is not acknowledged is found again in the outbox.
          if (over) return;
          gather();
          client.publish(
            route.topic,
            payload,
            {
              qos: 1,
              retain: route.retain,
              ...(version === 5 ? { properties: propertiesOf(route) } : {}),
            },
            (error) => done(error ?? undefined),
          );
        },
        subscribe(topics, done) {
          if (over) return;
          client.subscribe([...topics], { qos: 1 }, (error, granted) => {
            const denied = granted?.find(({ qos }) => qos >= 128);
            done(error ?? (denied ? new Error(`${denied.topic} is denied`) : undefined));
          });
        },
        closed,
        end(error) {
          failure ??= error;
          over = true;
          client.end(error !== undefined);
          // With messages unacknowledged the client would wait for a broker that may say nothing.
          setTimeout(() => client.stream?.destroy(), GOODBYE_MS).unref();
        },
      });
    });
  });

/** Connects with MQTT 5, or with 3.1.1 where the broker refuses 5 or hangs up on it. */
export const connectBroker = async (
  broker: string,
  options: BrokerOptions,
  onMessage: OnMessage,
  signal: AbortSignal,
): Promise<Connection> => {
  try {
    return await attempt(broker, options, 5, onMessage, signal);
  } catch (error) {
    const versionRefused = error instanceof LinkError && (error.code === "version" || error.code === "lost");
    if (!versionRefused || signal.aborted) throw error;
    return attempt(broker, options, 4, onMessage, signal);
  }
};
