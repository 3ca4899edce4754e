import { readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { errorCode, systemWords } from "../../runtime/system-words.ts";
import { CommandError, EXIT } from "./command.ts";

/** Files that a command writes where its option `--out` says. */

const unwritable = (file: string, why: string, cause?: unknown): CommandError =>
  new CommandError(EXIT.io, `${file} cannot be written: ${why}`, cause);

/** A file that begins otherwise is not replaced. */
export type Kind = { readonly name: string; readonly begins: string };

/** So much of a file shows what it is. */
const begins = (file: string, bytes: number): string => readFileSync(file, "latin1").slice(0, bytes);

/**
 * Throws a CommandError (74) if a file cannot be written: its folder is not there, or another file has its name
 * already, which may be a key or a configuration. A file of the same kind, or an empty one, is replaced.
 */
export const expectWritable = (file: string, { name, begins: start }: Kind): void => {
  try {
    if (statSync(dirname(file), { throwIfNoEntry: false })?.isDirectory() !== true)
      throw unwritable(file, "there is no such folder");
    const found = statSync(file, { throwIfNoEntry: false });
    if (found?.isDirectory() === true) throw unwritable(file, "it is a folder");
    // A pipe or a device takes what it is given.
    if (found?.isFile() !== true || found.size === 0) return;
    if (begins(file, start.length) !== start)
      throw unwritable(file, `another file is there, which is no ${name}: choose another name`);
  } catch (cause) {
    if (cause instanceof CommandError) throw cause;
    throw unwritable(file, systemWords("write", cause), cause);
  }
};

/** A file that could be opened, and not be written whole. */
const CUT = new Set<unknown>(["ENOSPC", "EDQUOT", "EFBIG", "EIO"]);

/** Removes what was written of a file: it is in nobody's interest that it looks whole. */
const removeCut = (file: string, cause: unknown): void => {
  if (!CUT.has(errorCode(cause)) || statSync(file, { throwIfNoEntry: false })?.isFile() !== true) return;
  rmSync(file, { force: true });
};

/** Writes a file, or leaves none. Throws a CommandError (74). `options`: those of `writeFileSync`. */
export const writeOut = (
  file: string,
  data: string | Buffer,
  options: { readonly mode?: number; readonly flag?: string } = {},
): void => {
  try {
    writeFileSync(file, data, options);
  } catch (cause) {
    removeCut(file, cause);
    throw unwritable(file, systemWords("write", cause), cause);
  }
};
