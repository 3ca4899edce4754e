import { spawn } from "node:child_process";

/** `stty` hangs while the line's output does not drain. It is killed after this time. */
const GIVE_UP_MS = 5_000;

/**
 * Clears HUPCL on an open line: closing it then leaves DTR as it is. With HUPCL the next program
 * that opens the line raises DTR again, and that resets an Arduino.
 *
 * Node has no termios, and @serialport/bindings-cpp sets HUPCL or leaves it, but never clears it.
 * `stty` inherits the descriptor as its standard input, so it does not open the line itself. Only
 * closing needs the result, so the caller does not wait for it. If `stty` fails, the board reports on the
 * next opening that it was reset.
 */
export const clearHangUp = (fd: number): void => {
  const child = spawn("stty", ["-hupcl"], { stdio: [fd, "ignore", "ignore"], timeout: GIVE_UP_MS });
  child.on("error", () => undefined);
  child.unref();
};
