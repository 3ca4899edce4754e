import { isOfCar } from "../domain/faults.ts";
import { faultText, inOrder, ConfigurationError, type SettingsFault } from "../settings/fault.ts";
import { loadConfiguration, type ConfigSource, type Configuration } from "../settings/load.ts";
import { missingCanLibrary } from "../sources/can/library.ts";
import { CONFIG_OPTIONS, configSource, EXIT, options, type Command } from "./lib/command.ts";
import { fileFaultsOf } from "./lib/named-files.ts";
import { renameFaults } from "./lib/rename.ts";

const warn = (line: string): void => void process.stderr.write(`warning: ${line}\n`);

/**
 * Whether a fault is only a warning: databases and certificates may be added later, and a certificate of
 * the car is not a part of its configuration.
 */
const mayCome = ({ part, code }: SettingsFault): boolean => code === "missing-file" || isOfCar(part, code);

const NO_BUTTON = "panic: no button of this car works: add a panic block, or write panic: none";

/** Whether the panic block was left out. A faulty block is a fault already. */
const hasNoButton = ({ settings, faults }: Configuration): boolean =>
  settings.panic === undefined && !faults.some(({ part }) => part === "panic-board");

type Verdict = { readonly cautions: readonly string[]; readonly wrong: readonly SettingsFault[] };

const judge = async (source: ConfigSource): Promise<Verdict> => {
  const ofFiles = fileFaultsOf(source);
  try {
    const configuration = loadConfiguration(source);
    const { settings, warnings, doubts, faults } = configuration;
    const library = settings.can && (await missingCanLibrary(settings.can.driver));
    const cautions = [
      ...warnings,
      ...doubts,
      ...faults.filter(mayCome).map(faultText),
      ...(hasNoButton(configuration) ? [NO_BUTTON] : []),
      ...(library ? [`can: ${library.says}: ${library.cure}`] : []),
    ];
    const renames = await renameFaults(source, configuration);
    const ofKeys = faults.filter((fault) => !mayCome(fault));
    return { cautions, wrong: inOrder([...ofKeys, ...ofFiles, ...renames]) };
  } catch (cause) {
    // The unit could not do its duty at all with this file.
    if (cause instanceof ConfigurationError)
      return { cautions: [], wrong: inOrder([...cause.faults, ...ofFiles]) };
    throw cause;
  }
};

export const check: Command = {
  summary: "validates a configuration, all faults at once",
  usage: `patrol-unit check --config FILE | --root DIR [--json]

Prints every fault of the configuration, its vehicle profile, its database and its signal map: file,
line, column, key, what was expected and what was found. A CA, certificate or key that is there and
that the link could not use is a fault too, and so is panic.image if no board would start it. These
are only warnings: a certificate or database that is not there yet, a left-out panic block, a bus if
its library is not installed on this machine, and what is wrong with this car's own certificate or
key (exposed, foreign, expired): doctor fails on that.
--root: checks the configuration in force with local.yaml laid over it.
--json: one line {valid, faults, warnings}; a fault is {file, line, column, path, part, code,
expected, found, remedy, fatal}.
Exit: 0 valid, 74 FILE is a pipe or a device, 78 not valid (\`run\` starts with what is valid, unless
there is no identity or no broker).`,
  async run(args) {
    const given = options(args, { ...CONFIG_OPTIONS, json: { type: "boolean" } });
    const source = configSource(given);
    const { cautions, wrong } = await judge(source);
    if (given.json) {
      const found = { valid: wrong.length === 0, faults: wrong, warnings: cautions };
      process.stdout.write(`${JSON.stringify(found)}\n`);
      return found.valid ? EXIT.ok : EXIT.config;
    }
    for (const caution of cautions) warn(caution);
    if (wrong.length > 0) throw new ConfigurationError(wrong);
    process.stdout.write(`${source.file}: valid\n`);
    return EXIT.ok;
  },
};
