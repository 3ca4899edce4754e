import { brokerAddress } from "../../dispatch/socket.ts";
import { IDENTITY_PART } from "../../domain/identity.ts";
import { Recorder } from "../../recorder/recorder.ts";
import { readPattern } from "../../recorder/topics.ts";
import { explain } from "../../dispatch/faults.ts";
import { createLog, reasonOf } from "../../runtime/log.ts";
import { openStdoutLog } from "../../runtime/log-output.ts";
import { createNotifier } from "../../runtime/notify.ts";
import { systemTime } from "../../runtime/time.ts";
import { defined, expectPairs, pemFiles, prefixOf } from "../lib/broker-options.ts";
import { CommandError, EXIT, options } from "../lib/command.ts";
import { dialBroker } from "../lib/dial.ts";
import { onStopRequest } from "../lib/stop.ts";
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
  const given = options(spread(args), {
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
    pem: pemFiles(defined({ ca, cert, key })),
    ...defined({ username, password }),
  };
};

/** The recorder, in the foreground. */
export const recordService = async (args: readonly string[]): Promise<number> => {
  const { target, pem, ...settings } = readOptions(args);
  using output = openStdoutLog();
  const log = createLog((line) => output.write(line));
  const stop = onStopRequest();
  using notifier = createNotifier(process.env, log);
  return withStore(target, true, async (store) => {
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
      dial: (url, signal) => dialBroker(url, pem, signal),
      words: (cause) => explain(cause).words.replaceAll(/\bdispatch\.(ca|cert|key)\b/g, "--$1"),
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
