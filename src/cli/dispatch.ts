import type { MqttClient } from "mqtt";
import { defined, expectPairs, pemFiles, prefixOf } from "./lib/broker-options.ts";
import { CommandError, EXIT, options, required, type Command } from "./lib/command.ts";
import {
  acknowledge,
  ANSWERS,
  connectConsole,
  consoleWords,
  nextAnswer,
  watchDispatch,
  type Answer,
} from "./lib/console.ts";
import { onStopRequest } from "./lib/stop.ts";

/** Answers each emergency, stage by stage, until it has reached `stage`. */
const answerEmergencies = (client: MqttClient, stage: Answer): void => {
  client.on("message", (topic, payload) => {
    const next = nextAnswer(topic, payload);
    if (next && ANSWERS.indexOf(next) <= ANSWERS.indexOf(stage))
      acknowledge(client, topic, next, "bench console");
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

export const dispatch: Command = {
  summary: "a bench console: prints what dispatch sees",
  usage: `patrol-unit dispatch --broker URL [--prefix patrol/v1] [--json]
                     [--ack received|accepted|cleared]
                     [--ca FILE] [--cert FILE --key FILE] [--username NAME --password WORD]

One readable line a report; --json: one JSON line a message ({topic, retain, payload}, a history
batch as a list of reports). (late): a report from the backlog, not live. (clock unset): it was made
before the time was known.
--ack answers every emergency of every unit below the prefix, also each later one, up to that stage,
until Ctrl-C: never use it at dispatch's own broker.
Exit: 0 stopped, 64 wrong usage, 69 the broker cannot be reached or refuses, 74 a file of --ca,
--cert or --key cannot be used.`,
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
    const prefix = prefixOf(given.prefix);
    expectPairs(given);
    const stop = onStopRequest();
    const { username, password } = given;
    const broker = required(given.broker, "broker");
    const { ca, cert, key } = given;
    const credentials = { ...pemFiles(defined({ ca, cert, key })), ...defined({ username, password }) };
    await using stack = new AsyncDisposableStack();
    if (ack) process.stderr.write(`${ackWarning(ack, `${broker} below ${prefix}/`)}\n`);
    const client = await connectConsole(broker, credentials);
    stack.defer(() => client.endAsync(true));
    reportConnection(client, stop.signal, (line) => {
      process.stderr.write(`${new Date().toISOString()}  ${broker}: ${line}\n`);
    });
    if (ack) answerEmergencies(client, ack);
    await watchDispatch(client, prefix, given.json ?? false, (line) => {
      process.stdout.write(`${line}\n`);
    });
    process.stderr.write(`${broker}: connected, showing messages below ${prefix}/\n`);
    await stop.requested;
    return EXIT.ok;
  },
};
