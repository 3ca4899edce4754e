import { statSync } from "node:fs";
import { parseArgs, type ParseArgsOptionsConfig } from "node:util";
import { knownAt } from "../../domain/time.ts";
import { createClock } from "../../runtime/clock.ts";
import { errorCode } from "../../runtime/error-code.ts";
import { reasonOf } from "../../runtime/log.ts";
import { usageFault, withNegatives } from "../../runtime/usage.ts";
import { inForce, type ConfigSource } from "../../settings/load.ts";
import { rootAt } from "../../settings/root.ts";

/** Exit codes of contract v1 §7, after sysexits.h. */
export const EXIT = { ok: 0, failed: 1, usage: 64, unavailable: 69, io: 74, config: 78 } as const;

/** Ends a command with one readable line on stderr and an exit code. */
export class CommandError extends Error {
  readonly exit: number;
  constructor(exit: number, message: string, cause?: unknown) {
    super(message, { cause });
    this.exit = exit;
  }
}

/** One command of the command line; each file in this folder is one. */
export type Command = {
  readonly summary: string;
  /** Everything `--help` prints below the summary. */
  readonly usage: string;
  /** It continues if its output cannot be written: it is a service, or changes something that must be completed. */
  readonly outlivesOutput?: (args: readonly string[]) => boolean;
  /** It has something to undo before it ends, such as an armed drill: a closed output asks it to stop. */
  readonly undoes?: boolean;
  run(args: readonly string[]): Promise<number>;
};

/** Commands by their names. Each is loaded when it is used: `run` in a car does not load the bench console. */
export type Commands = Readonly<Record<string, () => Promise<Command>>>;

/** Parses a command's options. Wrong usage is a CommandError (64) that says what to do. */
export const options = <const T extends ParseArgsOptionsConfig>(given: readonly string[], config: T) => {
  const args = withNegatives(given, config);
  const fault = usageFault(args, config);
  if (fault !== undefined) throw new CommandError(EXIT.usage, fault);
  return parseArgs({ args, options: config, strict: true, allowPositionals: false }).values;
};

const FILE_WORDS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  ENOTDIR: "there is no such file",
  EACCES: "you may not read it",
  EISDIR: "it is a folder",
  EFTYPE: "it is not a regular file",
  ELOOP: "its links lead in a circle",
};

/** A file that cannot be read, as a CommandError (74) without the words of the system. */
export const unreadable = (file: string, cause: unknown): CommandError => {
  const why = FILE_WORDS[errorCode(cause)] ?? reasonOf(cause);
  return new CommandError(EXIT.io, `${file} cannot be read: ${why}`, cause);
};

/** A required option. */
export const required = (value: string | undefined, name: string): string => {
  if (value === undefined)
    throw new CommandError(EXIT.usage, `--${name} is missing; --help lists the options`);
  return value;
};

/** Whether a path is a pipe or a device. */
const canBlock = (path: string): boolean => {
  try {
    const found = statSync(path);
    return !found.isFile() && !found.isDirectory();
  } catch {
    // Reading the file says why.
    return false;
  }
};

/**
 * Takes the one argument that is not an option from a command's arguments, wherever it stands. `what`: it,
 * as the usage names it. Throws a CommandError (64) if it is missing; a second one is refused by `options`.
 */
export const takeArgument = (
  given: readonly string[],
  config: ParseArgsOptionsConfig,
  what: string,
): { readonly value: string; readonly rest: readonly string[] } => {
  const { tokens } = parseArgs({ args: [...given], options: config, strict: false, tokens: true });
  const found = tokens.find(({ kind }) => kind === "positional");
  if (found?.kind !== "positional" || found.value === "")
    throw new CommandError(EXIT.usage, `${what} is missing; --help lists the options`);
  return { value: found.value, rest: given.toSpliced(found.index, 1) };
};

/** The options that say where the configuration is. */
export const CONFIG_OPTIONS = { config: { type: "string" }, root: { type: "string" } } as const;

export type ConfigGiven = { readonly config?: string | undefined; readonly root?: string | undefined };

/**
 * Where a command reads its configuration: `--config FILE` or `--root DIR`, one of them. Throws a
 * CommandError: usage if not one of them is given, io if the file is a pipe or a device, which could be
 * waited for without end. Faults of the file itself are found when it is read.
 */
export const configSource = ({ config, root }: ConfigGiven): ConfigSource => {
  if (config !== undefined && root !== undefined)
    throw new CommandError(EXIT.usage, "--config and --root: give one of them");
  if (root !== undefined) return inForce(rootAt(root), knownTime());
  if (config === undefined)
    throw new CommandError(EXIT.usage, "--config or --root is missing; --help lists the options");
  if (canBlock(config)) throw new CommandError(EXIT.io, `${config} cannot be read: it is not a regular file`);
  return { file: config };
};

/** UTC milliseconds; undefined if the time is not known. */
export const knownTime = (): number | undefined => knownAt(createClock().now());

/** Decimal digits, with a fraction or without: neither 0x10 nor 1e400. */
const DECIMAL = /^(\d+(\.\d*)?|\.\d+)$/;

/** A positive decimal number given as an option. `max`: what the word `max` stands for; left out: it is refused. */
export const positive = (value: string | undefined, name: string, fallback: number, max?: number): number => {
  if (value === undefined) return fallback;
  if (value === "max" && max !== undefined) return max;
  const parsed = DECIMAL.test(value) ? Number(value) : 0;
  if (!(parsed > 0 && Number.isFinite(parsed)))
    throw new CommandError(
      EXIT.usage,
      `--${name} ${value}: expected a number above 0${max === undefined ? "" : ", or max"}`,
    );
  return parsed;
};
