import { brokerAddress } from "../../dispatch/broker-address.ts";
import { IDENTITY_PART } from "../../domain/identity.ts";
import type { Heard } from "../../recorder/console/records.ts";
import type { ConsoleOptions } from "../../recorder/console/server.ts";
import { Recorder } from "../../recorder/recorder.ts";
import { readPattern } from "../../recorder/topics.ts";
import { explain } from "../../dispatch/faults.ts";
import { createLog, reasonOf, type Log } from "../../runtime/log.ts";
import { openStdoutLog } from "../../runtime/log-output.ts";
import { createNotifier } from "../../runtime/notify.ts";
import { systemTime } from "../../runtime/time.ts";
import { composerOf, defined, expectPairs, pemFiles, prefixOf } from "../lib/broker-options.ts";
import { CommandError, EXIT, options } from "../lib/command.ts";
import { dialBroker } from "../lib/dial.ts";
import { onStopRequest } from "../lib/stop.ts";
import { readWeb, WEB_OPTIONS, withWebAddress, type WebOptions } from "../lib/web-options.ts";
import { readTarget, withStore } from "./target.ts";

/** `--broker A B` as `--broker A --broker B`. */
const spread = (args: readonly string[]): string[] => {
  let isBroker = false;
  return args.flatMap((arg, i) => {
    if (arg.startsWith("-")) {
      isBroker = arg === "--broker";
      return [arg];
    }
    return isBroker && args[i - 1] !== "--broker" ? ["--broker", arg] : [arg];
  });
};

const readBrokers = (given: readonly string[] | undefined): string[] => {
  const brokers = (given ?? []).flatMap((one) => one.split(",")).filter((one) => one !== "");
  if (brokers.length === 0)
    throw new CommandError(EXIT.usage, "--broker is missing; --help lists the options");
  for (const broker of brokers) {
    try {
      brokerAddress(broker);
    } catch (cause) {
      throw new CommandError(EXIT.usage, `--broker ${reasonOf(cause)}`, cause);
    }
  }
  return [...new Set(brokers)];
};

const readOptions = (args: readonly string[]) => {
  const given = options(withWebAddress(spread(args)), {
    broker: { type: "string", multiple: true },
    into: { type: "string" },
    units: { type: "string" },
    name: { type: "string" },
    "no-ack": { type: "boolean" },
    prefix: { type: "string" },
    ca: { type: "string" },
    cert: { type: "string" },
    key: { type: "string" },
    username: { type: "string" },
    password: { type: "string" },
    sign: { type: "string" },
    ...WEB_OPTIONS,
  });
  const { units: pattern = "*", name = "main" } = given;
  const units = readPattern(pattern);
  if (!units)
    throw new CommandError(EXIT.usage, `--units ${pattern}: expected *, zrenjanin/* or zrenjanin/zr-117`);
  if (!IDENTITY_PART.test(name))
    throw new CommandError(EXIT.usage, `--name ${name}: expected letters a-z, digits and -, at most 32`);
  expectPairs(given);
  const { ca, cert, key, username, password } = given;
  return {
    brokers: readBrokers(given.broker),
    target: readTarget(given.into),
    prefix: prefixOf(given.prefix),
    units,
    name,
    acknowledges: given["no-ack"] !== true,
    compose: composerOf(given.sign),
    web: readWeb(given, process.env),
    into: given.into ?? "",
    pem: pemFiles(defined({ ca, cert, key })),
    ...defined({ username, password }),
  };
};

/** What the recorder and the console of `record --web` say to each other. Without `--web` nothing. */
class Page implements AsyncDisposable {
  readonly #log: Log;
  #page: (AsyncDisposable & { hear(heard: Heard): void }) | undefined;

  constructor(log: Log) {
    this.#log = log;
  }

  /** If its address cannot be used, the recorder works without it. Throws a CommandError (74) for a file. */
  async open(web: WebOptions, into: string, more: Pick<ConsoleOptions, "acknowledge" | "isConnected">) {
    const { openFleetPage, trackReader } = await import("../lib/fleet-page.ts");
    try {
      const page = await openFleetPage(web, { ...more, readTrack: trackReader(into) });
      this.#page = page;
      this.#log.info("console", { address: page.address, operator: web.operator ?? "" });
    } catch (cause) {
      if (!(cause instanceof CommandError) || cause.exit !== EXIT.unavailable) throw cause;
      this.#log.error("there is no console", { cause: cause.message });
    }
  }

  /** A defect of the console never stops the recorder. */
  hear(heard: Heard): void {
    try {
      this.#page?.hear(heard);
    } catch (cause) {
      this.#log.error("the console cannot show a message", {
        topic: heard.topic,
        cause: reasonOf(cause),
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#page?.[Symbol.asyncDispose]();
  }
}

/** The recorder, in the foreground. */
export const recordService = async (args: readonly string[]): Promise<number> => {
  const { target, pem, web, into, ...settings } = readOptions(args);
  using output = openStdoutLog();
  const log = createLog((line) => output.write(line));
  const stop = onStopRequest();
  using notifier = createNotifier(process.env, log);
  await using page = new Page(log);
  return await withStore(target, true, async (store) => {
    await store.lock(settings.name, stop.signal, () => {
      log.info("another recorder of this name uses the store: waiting until it has gone", {
        name: settings.name,
      });
    });
    if (stop.signal.aborted) return EXIT.ok;
    const recorder = new Recorder({
      ...settings,
      store,
      log,
      time: systemTime,
      random: Math.random,
      heard: (heard) => page.hear(heard),
      dial: (url, signal) => dialBroker(url, pem, signal),
      words: (cause) => explain(cause).words.replaceAll(/\bdispatch\.(ca|cert|key)\b/g, "--$1"),
    });
    if (web)
      await page.open(web, into, {
        async acknowledge(ack) {
          if (!recorder.isConnected) return "there is no connection to a broker";
          recorder.acknowledge(ack);
          return undefined;
        },
        isConnected: () => recorder.isConnected,
      });
    await recorder.start();
    notifier.ready();
    const end = await Promise.race([stop.requested, recorder.gone]);
    notifier.stopping();
    const reason = typeof end === "string" ? end : "the store is gone";
    await recorder.stop(reason);
    // The service manager starts it again, with what is there then.
    if (typeof end !== "string") throw end;
    log.info("stopped", { reason });
    return EXIT.ok;
  });
};
