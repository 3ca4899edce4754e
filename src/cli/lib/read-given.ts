import { readFileSync, statSync } from "node:fs";
import { CommandError, EXIT, unreadable } from "./command.ts";

/** Files that are named on the command line. */

/**
 * The size of a regular file, in bytes. Throws a CommandError (74) if it cannot be read: a pipe could be waited
 * for without end, and a device has no end.
 */
export const sizeOf = (file: string): number => {
  let found;
  try {
    found = statSync(file);
  } catch (cause) {
    throw unreadable(file, cause);
  }
  if (found.isDirectory()) throw new CommandError(EXIT.io, `${file} cannot be read: it is a folder`);
  if (!found.isFile()) throw new CommandError(EXIT.io, `${file} cannot be read: it is not a regular file`);
  return found.size;
};

/** Reads a regular file of at most `maxBytes`. Throws a CommandError (74) if it is larger, or cannot be read. */
export const readGiven = (file: string, maxBytes: number): Buffer => {
  const size = sizeOf(file);
  if (size > maxBytes)
    throw new CommandError(EXIT.io, `${file} cannot be read: it has ${size} bytes, more than ${maxBytes}`);
  try {
    return readFileSync(file);
  } catch (cause) {
    throw unreadable(file, cause);
  }
};
