import { reasonOf } from "../../runtime/log.ts";
import { errorCode } from "../../runtime/system-words.ts";
import { CommandError, EXIT } from "./command.ts";

/** How a command that failed ends: its exit code, and what is printed on stderr. */
export type Failure = { readonly exit: number; readonly lines: string };

const exitOf = (error: unknown): number => {
  if (error instanceof CommandError) return error.exit;
  const code = errorCode(error);
  if (code === "CONFIGURATION") return EXIT.config;
  const io = code === "STORE" || code === "DISK" || (typeof code === "string" && /^E[A-Z]{3,}$/.test(code));
  return io ? EXIT.io : EXIT.failed;
};

/** Errors of the system that a technician can do something about. */
const WORDS: Readonly<Record<string, string>> = {
  EACCES: "this user may not read or write it: try again with sudo",
  EPERM: "this user may not read or write it: try again with sudo",
  EISDIR: "it is a folder, and a file is expected",
  ENOTDIR: "a part of this path is a file, and a folder is expected",
  ENOENT: "it is not there",
  EFTYPE: "it is a pipe or a device, and a file is expected",
  ENOSPC: "the disk is full: make room, and try again",
  EDQUOT: "this user's quota is used up: make room, and try again",
  EROFS: "the disk is read-only: choose another folder, or mount it for writing",
  EIO: "the disk reports an error: it may be worn out",
  ELOOP: "its links lead in a circle",
  ENAMETOOLONG: "the name is too long",
};

/** An error of the system in words, with the path. Undefined: it has no path, or there are no words for it. */
const systemLine = (error: unknown): string | undefined => {
  const words = WORDS[String(errorCode(error))];
  if (words === undefined || !(error instanceof Error && "path" in error)) return undefined;
  return `${String(error.path)}: ${words}`;
};

/** What becomes of an error that a command has thrown. A configuration has a line for each of its faults. */
export const failureOf = (error: unknown): Failure => {
  const hasLines = error instanceof CommandError || (error instanceof Error && "faults" in error);
  return { exit: exitOf(error), lines: hasLines ? error.message : (systemLine(error) ?? reasonOf(error)) };
};
