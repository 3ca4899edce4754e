import { faultText, ConfigurationError, type SettingsFault } from "../settings/fault.ts";
import { loadConfiguration } from "../settings/load.ts";
import { missingCanLibrary } from "../sources/can-library.ts";
import { EXIT, options, required, type Command } from "./lib/command.ts";

const warn = (line: string): void => void process.stderr.write(`warning: ${line}\n`);

/** Whether a fault is only a warning: databases and certificates may be added later. */
const mayCome = ({ code }: SettingsFault): boolean => code === "missing-file";

export const check: Command = {
  summary: "validates a configuration, all faults at once",
  usage: `patrol-unit check --config FILE

Prints every fault of the configuration, its vehicle profile, its database and its signal map: file,
line, column, key, what was expected and what was found. Missing certificates and databases are warnings, and so is a bus if its library is not installed on this machine. Exit: 0 valid, 78 not valid
(\`run\` starts with what is valid, unless there is no identity or no broker).`,
  async run(args) {
    const { config } = options(args, { config: { type: "string" } });
    const file = required(config, "config");
    const { settings, warnings, doubts, faults } = loadConfiguration(file);
    for (const warning of [...warnings, ...doubts]) warn(warning);
    for (const fault of faults.filter(mayCome)) warn(faultText(fault));
    const library = settings.can && (await missingCanLibrary());
    if (library) warn(`can: ${library.says}: ${library.cure}`);
    const wrong = faults.filter((fault) => !mayCome(fault));
    if (wrong.length > 0) throw new ConfigurationError(wrong);
    process.stdout.write(`${file}: valid\n`);
    return EXIT.ok;
  },
};
