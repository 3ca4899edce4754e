import { readFileSync } from "node:fs";
import { connect, type IClientOptions, type MqttClient } from "mqtt";
import { WireReport } from "../domain/report.ts";
import { brokerAddress } from "../dispatch/socket.ts";
import { readMessage } from "../wire/read.ts";
import { reasonOf } from "../runtime/log.ts";
import { CommandError, EXIT, options, required, unreadable, type Command } from "./lib/command.ts";
import { describeMessage, messageAsJson } from "./lib/describe.ts";
import { onStopRequest } from "./lib/stop.ts";

const RETRY_MS = 2_000;

const file = (path: string | undefined): Buffer | undefined => {
  if (path === undefined) return undefined;
  try {
    return readFileSync(path);
  } catch (cause) {
    throw unreadable(path, cause);
  }
};

const defined = <T extends object>(value: T): { [K in keyof T]?: NonNullable<T[K]> } =>
  Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined)) as never;

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

/** Connects with MQTT 5, or 3.1.1 if the broker has no 5; then reconnects by itself. */
export const connectConsole = async (broker: string, credentials: IClientOptions): Promise<MqttClient> => {
  const target = { ...address(broker), ...credentials };
  try {
    return await attempt({ ...target, protocolVersion: 5 }).catch(() =>
      attempt({ ...target, protocolVersion: 4 }),
    );
  } catch (cause) {
    throw new CommandError(EXIT.unavailable, `${broker}: ${reasonOf(cause) || "no broker answers"}`, cause);
  }
};

const ANSWERS = ["received", "accepted", "cleared"] as const;
export type Answer = (typeof ANSWERS)[number];

/** Publishes one acknowledgement, as dispatch's system and its operators do. `topic`: the emergency's. */
export const acknowledge = (client: MqttClient, topic: string, stage: Answer, by: string): void => {
  const payload = JSON.stringify({ stage, by, at: new Date().toISOString() });
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

/** Answers each emergency, stage by stage, until it has reached `stage`. */
const answerEmergencies = (client: MqttClient, stage: Answer): void => {
  client.on("message", (topic, payload) => {
    const next = nextAnswer(topic, payload);
    if (next && ANSWERS.indexOf(next) <= ANSWERS.indexOf(stage))
      acknowledge(client, topic, next, "bench console");
  });
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
  const granted = await client.subscribeAsync(`${prefix}/#`, { qos: 1 });
  if (granted.some((grant) => grant.qos >= 128)) {
    throw new CommandError(EXIT.unavailable, `the broker refuses a subscription to ${prefix}/#`);
  }
};

export const dispatch: Command = {
  summary: "a bench console: prints what dispatch sees",
  usage: `patrol-unit dispatch --broker URL [--prefix patrol/v1] [--json]
                     [--ack received|accepted|cleared]
                     [--ca FILE] [--cert FILE --key FILE] [--username NAME --password WORD]

One readable line a report; --json one JSON line a message ({topic, retain, payload}, a history batch
as a list of reports). --ack answers every emergency automatically, up to that stage. Ctrl-C ends it. Exit: 69 the broker cannot be reached or refuses.`,
  async run(args) {
    const given = options(args, {
      broker: { type: "string" },
      prefix: { type: "string" },
      json: { type: "boolean" },
      ack: { type: "string" },
      ca: { type: "string" },
      cert: { type: "string" },
      key: { type: "string" },
      username: { type: "string" },
      password: { type: "string" },
    });
    const ack = ANSWERS.find((stage) => stage === given.ack);
    if (given.ack !== undefined && ack === undefined) {
      throw new CommandError(EXIT.usage, `--ack ${given.ack}: expected ${ANSWERS.join(", ")}`);
    }
    const stop = onStopRequest();
    const { username, password } = given;
    const broker = required(given.broker, "broker");
    const credentials = defined({
      ca: file(given.ca),
      cert: file(given.cert),
      key: file(given.key),
      username,
      password,
    });
    await using stack = new AsyncDisposableStack();
    const client = await connectConsole(broker, credentials);
    stack.defer(() => client.endAsync(true));
    client.on("error", (error) => process.stderr.write(`${broker}: ${reasonOf(error)}\n`));
    client.on("close", () => {
      if (!stop.signal.aborted) process.stderr.write(`${broker}: connection lost, trying again\n`);
    });
    if (ack) answerEmergencies(client, ack);
    await watchDispatch(client, given.prefix ?? "patrol/v1", given.json ?? false, (line) => {
      process.stdout.write(`${line}\n`);
    });
    process.stderr.write(`${broker}: connected, showing messages below ${given.prefix ?? "patrol/v1"}/\n`);
    await stop.requested;
    return EXIT.ok;
  },
};
