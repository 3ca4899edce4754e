import { parseArgs, type ParseArgsOptionsConfig } from "node:util";
import { reasonOf } from "../../runtime/log.ts";

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

/** Ends a command because a file cannot be read (74). */
export const unreadable = (file: string, cause: unknown): CommandError =>
  new CommandError(EXIT.io, `${file} cannot be read: ${reasonOf(cause)}`, cause);

/** One command of the command line; each file in this folder is one. */
export type Command = {
  readonly summary: string;
  /** Everything `--help` prints below the summary. */
  readonly usage: string;
  /** The command is a service: it continues if its output cannot be written. */
  readonly outlivesOutput?: boolean;
  run(args: readonly string[]): Promise<number>;
};

/** Parses a command's options; wrong usage is exit 64. */
export const options = <const T extends ParseArgsOptionsConfig>(args: readonly string[], config: T) => {
  try {
    return parseArgs({ args: [...args], options: config, strict: true, allowPositionals: false }).values;
  } catch (cause) {
    throw new CommandError(EXIT.usage, cause instanceof Error ? cause.message : String(cause), cause);
  }
};

/** A required option. */
export const required = (value: string | undefined, name: string): string => {
  if (value === undefined) throw new CommandError(EXIT.usage, `--${name} is missing`);
  return value;
};

/** A positive number given as an option. */
export const positive = (value: string | undefined, name: string, fallback: number): number => {
  if (value === undefined) return fallback;
  const parsed = value === "max" ? Infinity : Number(value);
  if (!(parsed > 0))
    throw new CommandError(EXIT.usage, `--${name} ${value}: expected a number above 0, or max`);
  return parsed;
};
