import { connect, type IClientOptions, type MqttClient } from "mqtt";
import { explain } from "../../dispatch/faults.ts";
import { brokerAddress } from "../../dispatch/broker-address.ts";
import { WireReport } from "../../domain/report.ts";
import { reasonOf } from "../../runtime/log.ts";
import { readMessage } from "../../wire/read.ts";
import { unsigned, type Compose } from "../../wire/signed.ts";
import { CommandError, EXIT } from "./command.ts";
import { describeMessage, messageAsJson } from "./describe.ts";

/** Dispatch's end of a broker, for the bench and the demo. */

const RETRY_MS = 2_000;

const attempt = (given: IClientOptions): Promise<MqttClient> =>
  new Promise((resolve, reject) => {
    const client = connect({ ...given, reconnectPeriod: 0, connectTimeout: 10_000 });
    const fail = (error?: Error) => {
      client.end(true);
      reject(error ?? new Error("the connection was closed"));
    };
    client.once("error", fail);
    client.once("close", fail);
    client.once("connect", () => {
      client.off("error", fail);
      client.off("close", fail);
      client.options.reconnectPeriod = RETRY_MS;
      resolve(client);
    });
  });

const address = (broker: string) => {
  try {
    const { secure, host, port } = brokerAddress(broker);
    return { protocol: secure ? "mqtts" : "mqtt", host, port } as const;
  } catch (cause) {
    throw new CommandError(EXIT.usage, `--broker ${reasonOf(cause)}`, cause);
  }
};

/** Why the console has no connection, in the words of the link, with the console's options. */
export const consoleWords = (cause: unknown): string =>
  explain(cause).words.replaceAll(/\bdispatch\.(ca|cert|key)\b/g, "--$1");

/** Connects with MQTT 5, or 3.1.1 if the broker has no 5; then reconnects by itself. */
export const connectConsole = async (broker: string, credentials: IClientOptions): Promise<MqttClient> => {
  const target = { ...address(broker), ...credentials };
  try {
    return await attempt({ ...target, protocolVersion: 5 }).catch(() =>
      attempt({ ...target, protocolVersion: 4 }),
    );
  } catch (cause) {
    throw new CommandError(EXIT.unavailable, `${broker}: ${consoleWords(cause)}`, cause);
  }
};

/** The stages of an acknowledgement, in order (contract §5). */
export const ANSWERS = ["received", "accepted", "cleared"] as const;
export type Answer = (typeof ANSWERS)[number];

/** Publishes one acknowledgement, as dispatch's system and its operators do. `topic`: the emergency's. */
export const acknowledge = (
  client: MqttClient,
  topic: string,
  stage: Answer,
  by: string,
  compose: Compose = unsigned,
): void => {
  const payload = compose(`${topic}/ack`, { stage, by, at: new Date().toISOString() });
  client.publish(`${topic}/ack`, payload, { qos: 1 });
};

/**
 * The next answer to the emergency in a message. Undefined: the message has no emergency, or the
 * emergency has ended.
 */
export const nextAnswer = (topic: string, payload: Buffer): Answer | undefined => {
  if (!/\/emergency\/[^/]+$/.test(topic)) return undefined;
  const received = readMessage(topic, payload);
  const report = received.kind === "json" ? WireReport.safeParse(received.values[0]) : undefined;
  if (!report?.success || report.data.kind !== "emergency") return undefined;
  return ANSWERS[(ANSWERS as readonly string[]).indexOf(report.data.data.state) + 1];
};

/** Subscribes to every message below the prefix. Throws a CommandError (69) if the broker refuses. */
export const subscribeAll = async (client: MqttClient, prefix: string): Promise<void> => {
  const granted = await client.subscribeAsync(`${prefix}/#`, { qos: 1 });
  if (granted.some((grant) => grant.qos >= 128)) {
    throw new CommandError(EXIT.unavailable, `the broker refuses a subscription to ${prefix}/#`);
  }
};

/** Prints every message below the prefix. */
export const watchDispatch = async (
  client: MqttClient,
  prefix: string,
  json: boolean,
  print: (line: string) => void,
): Promise<void> => {
  client.on("message", (topic, payload, packet) => {
    const lines = json ? [messageAsJson(topic, payload, packet.retain)] : describeMessage(topic, payload);
    for (const line of lines) print(line);
  });
  await subscribeAll(client, prefix);
};
