import { existsSync } from "node:fs";
import { loadSettings } from "../settings/load.ts";
import { loadMapping } from "./mapping.ts";
import { EXIT, options, required, type Command } from "./command.ts";

const warn = (line: string): void => void process.stderr.write(`warning: ${line}\n`);

export const check: Command = {
  summary: "validates a configuration, all faults at once",
  usage: `patrol-unit check --config FILE

Names every fault with file, line, column and what was expected. Files that the configuration names
but that cannot be read yet are warnings. Exit: 0 valid, 78 not valid.`,
  run(args) {
    const { config } = options(args, { config: { type: "string" } });
    const file = required(config, "config");
    const { settings, warnings } = loadSettings(file);
    if (settings.can && existsSync(settings.can.database)) loadMapping(settings.can, file, warn);
    for (const warning of warnings) warn(warning);
    process.stdout.write(`${file}: valid\n`);
    return Promise.resolve(EXIT.ok);
  },
};
