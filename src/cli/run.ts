import { createLog } from "../runtime/log.ts";
import { createNotifier } from "../runtime/notify.ts";
import { loadSettings } from "../settings/load.ts";
import { startUnit } from "../unit.ts";
import { socketCanSource } from "../sources/socketcan.ts";
import { panicBoard } from "./board.ts";
import { loadMapping } from "./mapping.ts";
import { EXIT, options, required, type Command } from "./command.ts";
import { gpsSource } from "./source.ts";
import { onStopRequest } from "./stop.ts";

export const run: Command = {
  summary: "the service, in the foreground",
  usage: `patrol-unit run --config FILE

Logs JSON lines to stdout. SIGTERM or Ctrl-C stops it clean within 5 s; a second one ends it at once.
Exit: 0 stopped, 74 the outbox cannot be opened, 78 the configuration is not valid.`,
  async run(args) {
    const { config } = options(args, { config: { type: "string" } });
    const file = required(config, "config");
    const loaded = loadSettings(file);
    const { can } = loaded.settings;
    const log = createLog((line) => process.stdout.write(line));
    for (const warning of loaded.warnings) log.warn(warning);
    const stop = onStopRequest();
    using notifier = createNotifier(process.env, log);
    for (let again = true; again;) {
      // oxlint-disable-next-line no-await-in-loop -- one unit after another
      await using unit = await startUnit({
        settings: loaded.settings,
        config: loaded.sha256,
        // oxlint-disable-next-line no-await-in-loop
        gps: await gpsSource(loaded.settings.gps),
        recorded: false,
        // oxlint-disable-next-line no-await-in-loop
        board: await panicBoard(loaded.settings.panic),
        can: can && {
          source: socketCanSource(can.interface),
          mapping: loadMapping(can, file, (line) => log.warn(line, { part: "can" })),
        },
        log,
      });
      notifier.ready();
      const reason = unit.restart.then((why) => `restart: ${why}`);
      // oxlint-disable-next-line no-await-in-loop
      unit.stopBecause(await Promise.race([reason, stop.requested]));
      again = !stop.signal.aborted;
    }
    notifier.stopping();
    return EXIT.ok;
  },
};
