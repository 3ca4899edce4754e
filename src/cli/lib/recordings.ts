import { CommandError, EXIT } from "./command.ts";

/** What `decode` and `replay` say about recordings. */

/** A file with nothing in it that can be decoded: a CommandError (1). `what`: what a recording would have. */
export const noRecording = (file: string, what: "candump line" | "NMEA sentence"): CommandError =>
  new CommandError(EXIT.failed, `${file} has no ${what}: is it a recording?`);

/** The lines of a log that are not candump lines. `first`: the number of the first one, from 1. */
export const malformedText = (file: string, first: number, lines: number): string => {
  const more = lines - 1;
  const others = more === 0 ? "" : `, and ${more} more ${more === 1 ? "line" : "lines"} like it`;
  return `${file}:${first}: expected "(seconds) interface id#data"${others}`;
};
