import { reasonOf } from "../../runtime/log.ts";
import { CommandError, EXIT } from "./command.ts";

/** How a command that failed ends: its exit code, and what is printed on stderr. */
export type Failure = { readonly exit: number; readonly lines: string };

const exitOf = (error: unknown): number => {
  if (error instanceof CommandError) return error.exit;
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "CONFIGURATION") return EXIT.config;
  const io = code === "STORE" || code === "DISK" || (typeof code === "string" && /^E[A-Z]{3,}$/.test(code));
  return io ? EXIT.io : EXIT.failed;
};

/** What becomes of an error that a command has thrown. A configuration has a line for each of its faults. */
export const failureOf = (error: unknown): Failure => {
  const hasLines = error instanceof CommandError || (error instanceof Error && "faults" in error);
  return { exit: exitOf(error), lines: hasLines ? error.message : reasonOf(error) };
};
