import type { MqttClient } from "mqtt";
import { heardMessage } from "../recorder/console/heard.ts";
import type { ConsoleOptions } from "../recorder/console/server.ts";
import type { Compose } from "../wire/signed.ts";
import { composerOf, defined, expectPairs, pemFiles, prefixOf } from "./lib/broker-options.ts";
import { CommandError, EXIT, options, required, type Command } from "./lib/command.ts";
import {
  acknowledge,
  ANSWERS,
  connectConsole,
  consoleWords,
  nextAnswer,
  subscribeAll,
  watchDispatch,
  type Answer,
} from "./lib/console.ts";
import { SIGN_HELP } from "./lib/sign-help.ts";
import { onStopRequest, type StopRequest } from "./lib/stop.ts";
import {
  readWeb,
  WEB_HELP,
  WEB_OPTIONS,
  webUsage,
  withWebAddress,
  type WebOptions,
} from "./lib/web-options.ts";

/** Answers each emergency, stage by stage, until it has reached `stage`. */
const answerEmergencies = (client: MqttClient, stage: Answer, compose: Compose): void => {
  client.on("message", (topic, payload) => {
    const next = nextAnswer(topic, payload);
    if (next && ANSWERS.indexOf(next) <= ANSWERS.indexOf(stage))
      acknowledge(client, topic, next, "bench console", compose);
  });
};

const ACTS: Readonly<Record<Answer, string>> = {
  received: "answers every emergency of every unit with received",
  accepted: "ACCEPTS every emergency of every unit, as a person would,",
  cleared: "CLEARS every emergency of every unit",
};

/** What `--ack` does, for the one who has typed it. `where`: the broker and the prefix. */
export const ackWarning = (stage: Answer, where: string): string =>
  `--ack ${stage} ${ACTS[stage]} at ${where} until you press Ctrl-C`;

/** Says once when the connection is lost, and once when it is there again. */
export const reportConnection = (
  client: Pick<MqttClient, "on">,
  stopping: AbortSignal,
  say: (line: string) => void,
): void => {
  let isLost = false;
  // While it is lost, each attempt fails with an error of its own.
  client.on("error", (error) => {
    if (!isLost) say(consoleWords(error));
  });
  client.on("close", () => {
    if (isLost || stopping.aborted) return;
    isLost = true;
    say("connection lost, trying again");
  });
  client.on("connect", () => {
    if (isLost) say("connected again");
    isLost = false;
  });
};

/** How long a broker may take to accept an acknowledgement, ms. */
const ACK_MS = 5_000;

/** Publishes what an operator says on the page. */
export const operatorAck =
  (client: MqttClient, prefix: string, compose: Compose): ConsoleOptions["acknowledge"] =>
  async ({ unit, episode, stage, by }) => {
    // The client would keep it until it is connected again, which may be much too late.
    if (!client.connected) return "there is no connection to the broker";
    const topic = `${prefix}/${unit}/emergency/${episode}/ack`;
    const payload = compose(topic, { stage, by, at: new Date().toISOString() });
    const late = new Promise<string>((resolve) => {
      setTimeout(
        () => resolve("the broker has not answered: look whether the state changes"),
        ACK_MS,
      ).unref();
    });
    const sent = client.publishAsync(topic, payload, { qos: 1 }).then(
      () => undefined,
      (cause: unknown) => `the broker refuses it: ${consoleWords(cause)}`,
    );
    return Promise.race([sent, late]);
  };

type Showing = {
  readonly prefix: string;
  readonly compose: Compose;
  readonly broker: string;
  readonly stop: StopRequest;
  readonly say: (line: string) => void;
};

/** `dispatch --web`: the same as a page. */
const showPage = async (
  client: MqttClient,
  web: WebOptions,
  { prefix, compose, broker, stop, say }: Showing,
): Promise<void> => {
  const { openFleetPage } = await import("./lib/fleet-page.ts");
  await using page = await openFleetPage(web, {
    acknowledge: operatorAck(client, prefix, compose),
    isConnected: () => client.connected,
  });
  // Not before: a page that cannot be opened ends the connection, of which nobody wants to read.
  reportConnection(client, stop.signal, say);
  client.on("message", (topic, payload, { retain }) => {
    page.hear(heardMessage(prefix, topic, payload, retain));
  });
  client.on("packetreceive", ({ cmd }) => {
    if (cmd === "suback") page.subscribed();
  });
  client.on("close", () => page.lost());
  await subscribeAll(client, prefix);
  process.stdout.write(`${page.address} shows the units below ${prefix}/ at ${broker}\n`);
  await stop.requested;
};

export const dispatch: Command = {
  summary: "a bench console: prints what dispatch sees, or shows it as a page",
  usage: `patrol-unit dispatch --broker URL [--prefix patrol/v1] [--json]
                     [--ack received|accepted|cleared] [--sign FILE]
                     [--ca FILE] [--cert FILE --key FILE] [--username NAME --password WORD]
                     ${webUsage(21)}

One readable line a report; --json: one JSON line a message ({topic, retain, payload}, a history
batch as a list of reports). (late): a report from the backlog, not live. (clock unset): it was made
before the time was known.
--ack answers every emergency of every unit below the prefix, also each later one, up to that stage,
until Ctrl-C: never use it at dispatch's own broker.
${SIGN_HELP}
${WEB_HELP}
Exit: 0 stopped, 64 wrong usage, 69 the broker cannot be reached or refuses, or the page cannot be
served, 74 a file cannot be used, 78 the file of --web-password has no password.`,
  async run(args) {
    const given = options(withWebAddress(args), {
      broker: { type: "string" },
      prefix: { type: "string" },
      json: { type: "boolean" },
      ack: { type: "string" },
      ca: { type: "string" },
      cert: { type: "string" },
      key: { type: "string" },
      username: { type: "string" },
      password: { type: "string" },
      sign: { type: "string" },
      ...WEB_OPTIONS,
    });
    const ack = ANSWERS.find((stage) => stage === given.ack);
    if (given.ack !== undefined && ack === undefined) {
      throw new CommandError(EXIT.usage, `--ack ${given.ack}: expected ${ANSWERS.join(", ")}`);
    }
    const prefix = prefixOf(given.prefix);
    expectPairs(given);
    const compose = composerOf(given.sign);
    const web = readWeb(given, process.env);
    if (web && given.json) throw new CommandError(EXIT.usage, "--web and --json: choose one");
    const stop = onStopRequest();
    const { username, password } = given;
    const broker = required(given.broker, "broker");
    const { ca, cert, key } = given;
    const credentials = { ...pemFiles(defined({ ca, cert, key })), ...defined({ username, password }) };
    await using stack = new AsyncDisposableStack();
    if (ack) process.stderr.write(`${ackWarning(ack, `${broker} below ${prefix}/`)}\n`);
    const client = await connectConsole(broker, credentials);
    stack.defer(() => client.endAsync(true));
    const say = (line: string): void => {
      process.stderr.write(`${new Date().toISOString()}  ${broker}: ${line}\n`);
    };
    if (ack) answerEmergencies(client, ack, compose);
    if (web) {
      await showPage(client, web, { prefix, compose, broker, stop, say });
      return EXIT.ok;
    }
    reportConnection(client, stop.signal, say);
    await watchDispatch(client, prefix, given.json ?? false, (line) => {
      process.stdout.write(`${line}\n`);
    });
    process.stderr.write(`${broker}: connected, showing messages below ${prefix}/\n`);
    await stop.requested;
    return EXIT.ok;
  },
};
