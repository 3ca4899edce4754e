import { createLog, type Log } from "../runtime/log.ts";
import { openStdoutLog } from "../runtime/log-output.ts";
import { createNotifier } from "../runtime/notify.ts";
import { faultText } from "../settings/fault.ts";
import { loadConfiguration, type Configuration, type UnitSettings } from "../settings/load.ts";
import { startUnit, type Unit, type UnitOptions } from "../unit/start.ts";
import { CONFIG_OPTIONS, configSource, EXIT, options, type Command } from "./lib/command.ts";
import { ExpiryReminder } from "./lib/expiry.ts";
import { keepHostClock } from "./lib/host-clock.ts";
import { onThisMachine } from "./lib/ports.ts";
import { keepRelease } from "./lib/release.ts";
import { canSource, gpsSource } from "./lib/source.ts";
import { onStopRequest } from "./lib/stop.ts";

const logFaults = (loaded: Configuration, log: Log): void => {
  for (const warning of loaded.warnings) log.warn(warning);
  for (const doubt of loaded.doubts) log.warn(doubt, { part: "can" });
  for (const fault of loaded.faults) log.error(faultText(fault), { part: fault.part, fault: fault.code });
};

/** Starts a unit with the devices of this machine. */
const start = async (
  { settings, mapping, sha256, faults }: Configuration,
  log: Log,
  rooted: Pick<UnitOptions, "bundle" | "installed" | "root"> = {},
): Promise<Unit> =>
  startUnit(
    await onThisMachine({
      settings,
      config: sha256,
      faults,
      log,
      gps: await gpsSource(settings.gps),
      can:
        settings.can && mapping
          ? { source: canSource(settings.can, (line) => log.warn(line, { part: "can" })), mapping }
          : undefined,
      recorded: false,
      ...rooted,
    }),
  );

type Service = {
  readonly log: Log;
  readonly stop: ReturnType<typeof onStopRequest>;
  readonly started: (unit: Unit, settings: UnitSettings) => void;
  readonly root: UnitOptions["root"];
};

/** The service with one configuration file, until a stop is asked for. */
const serveFile = async (loaded: Configuration, { log, stop, started, root }: Service): Promise<void> => {
  for (let again = true; again;) {
    // A disk that does not answer must not leave a process that serves no button.
    using deadline = stop.deadline();
    // oxlint-disable-next-line no-await-in-loop -- one unit after another
    await using unit = await start(loaded, log, root && { root });
    started(unit, loaded.settings);
    const reason = unit.restart.then((why) => `restart: ${why}`);
    // oxlint-disable-next-line no-await-in-loop
    const why = await Promise.race([reason, stop.requested]);
    deadline.begin();
    unit.stopBecause(why);
    again = !stop.signal.aborted;
  }
};

export const run: Command = {
  summary: "the service, in the foreground",
  usage: `patrol-unit run --config FILE | --root DIR

Logs JSON lines to stdout; if they cannot be written, it continues and logs later how many lines
were lost. SIGTERM or Ctrl-C stops it cleanly within 5 s; a second one ends it at once.
A fault of the configuration stops only the part that it concerns; each is logged and reported.
--root: takes over a configuration that \`flash\` installs, and goes back to the one before if
dispatch is not reached with it within flash.trialS, or if it crashes three times.
Exit: 0 stopped, 1 stopped without what could not be written in time, 74 the outbox cannot be
opened, 78 the configuration cannot be read, or gives no identity or no broker.`,
  outlivesOutput: () => true,
  async run(args) {
    const given = options(args, CONFIG_OPTIONS);
    const source = configSource(given);
    const file = source.root ? undefined : loadConfiguration(source);
    // What only a root needs is loaded only then.
    const rooted = source.root && (await import("./lib/run-root.ts"));
    const open = rooted?.openRoot(given.root);
    using output = openStdoutLog();
    const log = createLog((line) => output.write(line));
    const stop = onStopRequest(() =>
      log.error("the stop takes too long: what could not be written to the disk is lost", { part: "disk" }),
    );
    using notifier = createNotifier(process.env, log);
    let clockKeeper: Disposable | undefined;
    using release = keepRelease(process.env, log, (reason) => stop.ask(reason));
    const started = (unit: Unit, settings: UnitSettings): void => {
      notifier.feedUnless(() => unit.stuck());
      clockKeeper?.[Symbol.dispose]();
      clockKeeper = keepHostClock(unit, process.env, log);
      release.started(unit, settings);
      void unit.armed.then(() => notifier.ready());
    };
    const serveFixed = (loaded: Configuration): Promise<void> => {
      logFaults(loaded, log);
      return serveFile(loaded, { log, stop, started, root: open });
    };
    if (file) await serveFixed(file);
    if (rooted && open) {
      const isServed = await rooted.serveRoot({
        open,
        log,
        requested: stop.requested,
        signal: stop.signal,
        deadline: stop.deadline,
        reminder: new ExpiryReminder(),
        async start(loaded, bundle) {
          logFaults(loaded, log);
          const { trialS } = loaded.settings.flash;
          const installed = () => rooted.installedOn(open.store, trialS);
          const unit = await start(loaded, log, { bundle, installed, root: open });
          started(unit, loaded.settings);
          return unit;
        },
      });
      // A root that was laid out by hand, without versions: it has no trial and no way back.
      if (!isServed) await serveFixed(loadConfiguration(source));
    }
    clockKeeper?.[Symbol.dispose]();
    notifier.stopping();
    return EXIT.ok;
  },
};
