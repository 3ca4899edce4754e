/** JSON lines on one stream; field names follow systemd's and pino's habit. */
type Level = "debug" | "info" | "warn" | "error";
export type Log = Record<Level, (msg: string, fields?: Readonly<Record<string, unknown>>) => void>;

export const createLog = (write: (line: string) => void, now: () => number = Date.now): Log => {
  const at =
    (level: Level) =>
    (msg: string, fields: Readonly<Record<string, unknown>> = {}) =>
      write(`${JSON.stringify({ time: new Date(now()).toISOString(), level, msg, ...fields })}\n`);
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
};

/** What an unknown thrown thing says of itself, in one line. */
export const reasonOf = (thrown: unknown): string =>
  (thrown instanceof Error ? thrown.message : String(thrown)).replaceAll(/\s*\n\s*/g, "; ");
