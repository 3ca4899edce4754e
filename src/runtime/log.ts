/** JSON lines on one stream. Field names are those of pino and systemd. */
type Level = "debug" | "info" | "warn" | "error";
type Fields = Readonly<Record<string, unknown>>;
export type Log = Record<Level, (msg: string, fields?: Fields) => void>;

/** One line of the log, with its end. `atMs`: wall clock. */
export const logLine = (level: Level, msg: string, fields: Fields = {}, atMs: number = Date.now()): string =>
  `${JSON.stringify({ time: new Date(atMs).toISOString(), level, msg, ...fields })}\n`;

/** A log that writes lines. `now`: the wall clock, UTC milliseconds. */
export const createLog = (write: (line: string) => void, now: () => number = Date.now): Log => {
  const at =
    (level: Level) =>
    (msg: string, fields: Fields = {}) =>
      write(logLine(level, msg, fields, now()));
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
};

/** The message of anything that was thrown, in one line. */
export const reasonOf = (thrown: unknown): string =>
  (thrown instanceof Error ? thrown.message : String(thrown)).replaceAll(/\s*\n\s*/g, "; ");
