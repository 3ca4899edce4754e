import { readFileSync, statSync } from "node:fs";

/** What is at a path is a pipe, a device or a socket. */
class NotRegularError extends Error {
  readonly code = "EFTYPE";
  readonly path: string;
  constructor(path: string) {
    super(`${path} is a pipe or a device, and a file is expected`);
    this.path = path;
  }
}

/**
 * Throws if what is at a path is neither a file nor a folder: reading a pipe could wait for ever, and a device has no
 * end. What is not there, or cannot be looked at, is found by who reads it.
 */
export const expectRegular = (path: string): void => {
  let found;
  try {
    found = statSync(path, { throwIfNoEntry: false });
  } catch {
    return;
  }
  if (found && !found.isFile() && !found.isDirectory()) throw new NotRegularError(path);
};

/** Reads a regular file. Throws NotRegularError, or the system's error. */
export const readRegular = (path: string): Buffer => {
  expectRegular(path);
  return readFileSync(path);
};
