import { statSync } from "node:fs";
import { StoreError } from "../store.ts";

/** Whether an open database is still the one at its path: an open file can be written after it was removed. */

/** The database and its log. Each is written, and the log has what is not in the database yet. */
const filesOf = (file: string): string[] => [file, `${file}-wal`];

/** Device and inode of a file; undefined if there is none. Throws the system's errors. */
const identityOf = (file: string): string | undefined => {
  const found = statSync(file, { bigint: true, throwIfNoEntry: false });
  return found && `${found.dev}:${found.ino}`;
};

/**
 * Notes which files were opened. The function that it returns throws a StoreError `gone` once one of them is not
 * at its path any more. A database in memory has no files, and stays.
 */
export const watchPlace = (file: string): (() => void) => {
  const opened = filesOf(file).flatMap((path) => {
    const identity = identityOf(path);
    return identity === undefined ? [] : [{ path, identity }];
  });
  return () => {
    for (const { path, identity } of opened) {
      const now = identityOf(path);
      if (now === identity) continue;
      const what = now === undefined ? "was removed or moved away" : "was replaced by another file";
      const advice = "put the file back while no recorder runs, or start again with what is there";
      throw new StoreError("gone", `${path} ${what} while the recorder used it: ${advice}`);
    }
  };
};
