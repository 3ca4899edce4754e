import { createLog } from "../runtime/log.ts";
import { openStdoutLog } from "../runtime/log-output.ts";
import { createNotifier } from "../runtime/notify.ts";
import { faultText } from "../settings/fault.ts";
import { loadConfiguration } from "../settings/load.ts";
import { startUnit } from "../unit/start.ts";
import { onThisMachine } from "./lib/ports.ts";
import { EXIT, options, configFile, type Command } from "./lib/command.ts";
import { canSource, gpsSource } from "./lib/source.ts";
import { onStopRequest } from "./lib/stop.ts";

export const run: Command = {
  summary: "the service, in the foreground",
  usage: `patrol-unit run --config FILE

Logs JSON lines to stdout; if they cannot be written, it continues and logs later how many lines
were lost. SIGTERM or Ctrl-C stops it cleanly within 5 s; a second one ends it at once.
A fault of the configuration stops only the part that it concerns; each is logged and reported.
Exit: 0 stopped, 1 stopped without what could not be written in time, 74 the outbox cannot be
opened, 78 the configuration cannot be read, or gives no identity or no broker.`,
  outlivesOutput: true,
  async run(args) {
    const { config } = options(args, { config: { type: "string" } });
    const file = configFile(config);
    const loaded = loadConfiguration(file);
    const { settings, mapping } = loaded;
    using output = openStdoutLog();
    const log = createLog((line) => output.write(line));
    for (const warning of loaded.warnings) log.warn(warning);
    for (const doubt of loaded.doubts) log.warn(doubt, { part: "can" });
    for (const fault of loaded.faults) log.error(faultText(fault), { part: fault.part, fault: fault.code });
    const stop = onStopRequest(() =>
      log.error("the stop takes too long: what could not be written to the disk is lost", { part: "disk" }),
    );
    using notifier = createNotifier(process.env, log);
    for (let again = true; again;) {
      // oxlint-disable-next-line no-await-in-loop -- one unit after another
      const machine = await onThisMachine({
        settings,
        config: loaded.sha256,
        faults: loaded.faults,
        log,
        // oxlint-disable-next-line no-await-in-loop
        gps: await gpsSource(settings.gps),
        can: settings.can && mapping ? { source: canSource(settings.can), mapping } : undefined,
        recorded: false,
      });
      // oxlint-disable-next-line no-await-in-loop
      await using unit = await startUnit(machine);
      void unit.armed.then(() => notifier.ready());
      const reason = unit.restart.then((why) => `restart: ${why}`);
      // oxlint-disable-next-line no-await-in-loop
      unit.stopBecause(await Promise.race([reason, stop.requested]));
      again = !stop.signal.aborted;
    }
    notifier.stopping();
    return EXIT.ok;
  },
};
