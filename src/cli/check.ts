import { faultText, inOrder, ConfigurationError, type SettingsFault } from "../settings/fault.ts";
import { loadConfiguration, type Configuration } from "../settings/load.ts";
import { missingCanLibrary } from "../sources/can-library.ts";
import { EXIT, options, configFile, type Command } from "./lib/command.ts";

const warn = (line: string): void => void process.stderr.write(`warning: ${line}\n`);

/** Whether a fault is only a warning: databases and certificates may be added later. */
const mayCome = ({ code }: SettingsFault): boolean => code === "missing-file";

const NO_BUTTON = "panic: no button of this car works: add a panic block, or write panic: none";

/** Whether the panic block was left out. A faulty block is a fault already. */
const hasNoButton = ({ settings, faults }: Configuration): boolean =>
  settings.panic === undefined && !faults.some(({ part }) => part === "panic-board");

type Verdict = { readonly cautions: readonly string[]; readonly wrong: readonly SettingsFault[] };

const judge = async (file: string): Promise<Verdict> => {
  try {
    const configuration = loadConfiguration(file);
    const { settings, warnings, doubts, faults } = configuration;
    const library = settings.can && (await missingCanLibrary());
    const cautions = [
      ...warnings,
      ...doubts,
      ...faults.filter(mayCome).map(faultText),
      ...(hasNoButton(configuration) ? [NO_BUTTON] : []),
      ...(library ? [`can: ${library.says}: ${library.cure}`] : []),
    ];
    return { cautions, wrong: inOrder(faults.filter((fault) => !mayCome(fault))) };
  } catch (cause) {
    // The unit could not do its duty at all with this file.
    if (cause instanceof ConfigurationError) return { cautions: [], wrong: cause.faults };
    throw cause;
  }
};

export const check: Command = {
  summary: "validates a configuration, all faults at once",
  usage: `patrol-unit check --config FILE [--json]

Prints every fault of the configuration, its vehicle profile, its database and its signal map: file,
line, column, key, what was expected and what was found. These are only warnings: a certificate or
database that is not there yet, a left-out panic block, and a bus if its library is not installed on
this machine.
--json: one line {valid, faults, warnings}; a fault is {file, line, column, path, part, code,
expected, found, remedy, fatal}.
Exit: 0 valid, 74 FILE is a pipe or a device, 78 not valid (\`run\` starts with what is valid, unless
there is no identity or no broker).`,
  async run(args) {
    const { config, json } = options(args, { config: { type: "string" }, json: { type: "boolean" } });
    const file = configFile(config);
    const { cautions, wrong } = await judge(file);
    if (json) {
      const found = { valid: wrong.length === 0, faults: wrong, warnings: cautions };
      process.stdout.write(`${JSON.stringify(found)}\n`);
      return found.valid ? EXIT.ok : EXIT.config;
    }
    for (const caution of cautions) warn(caution);
    if (wrong.length > 0) throw new ConfigurationError(wrong);
    process.stdout.write(`${file}: valid\n`);
    return EXIT.ok;
  },
};
