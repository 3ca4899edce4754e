import { writeSync } from "node:fs";
import { errorCode, isBusy } from "./error-code.ts";
import { logLine } from "./log.ts";

/** The output of a log. Its methods neither throw nor block. */
export type LogOutput = Disposable & {
  write(line: string): void;
};

export type LogOutputOptions = {
  /** Writes some of the bytes and returns how many; throws with a `code` if it cannot. */
  readonly write: (bytes: Uint8Array) => number;
  /** Makes the line that reports how many lines were lost, and why. */
  readonly lostLine: (lost: number, cause: string) => string;
  /** Bytes that may wait for the reader. A line that does not fit is lost. */
  readonly maxBytes: number;
  /** Time until the next attempt to write, ms. */
  readonly retryMs: number;
};

/**
 * `lines`: how many lines are lost if this one is. The line that reports losses counts as all the lines
 * that it reports.
 */
type Waiting = { readonly bytes: Uint8Array; readonly lines: number };

/** Keeps lines while the reader is slow. Lines that do not fit or cannot be written are lost and counted. */
class BoundedOutput implements LogOutput {
  readonly #options: LogOutputOptions;
  /** Oldest first. A part of the first one may have been written. */
  #waiting: Waiting[] = [];
  #bytes = 0;
  #lost = 0;
  #cause = "";
  /** The last line was written in part: if the rest is lost, the next line must begin with a line end. */
  #torn = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: LogOutputOptions) {
    this.#options = options;
  }

  write(line: string): void {
    this.#sayLost();
    if (!this.#push(line, 1)) this.#lose(1, "it is not read");
    // While the reader is busy, only the timer tries again.
    if (!this.#timer) this.#flush();
  }

  [Symbol.dispose](): void {
    this.#flush();
    clearTimeout(this.#timer);
  }

  #push(line: string, lines: number): boolean {
    const bytes = Buffer.from(line);
    if (this.#bytes + bytes.length > this.#options.maxBytes) return false;
    this.#waiting.push({ bytes, lines });
    this.#bytes += bytes.length;
    return true;
  }

  #lose(lines: number, cause: string): void {
    this.#lost += lines;
    this.#cause = cause;
  }

  #sayLost(): void {
    if (this.#lost === 0) return;
    const line = this.#options.lostLine(this.#lost, this.#cause);
    if (this.#push(this.#torn ? `\n${line}` : line, this.#lost)) this.#lost = 0;
  }

  #flush(): void {
    try {
      while (this.#writeFirst()) if (this.#waiting.length === 0) this.#sayLost();
    } catch (cause) {
      if (isBusy(cause)) this.#retryLater();
      else this.#dropAll(errorCode(cause) || String(cause));
    }
  }

  #writeFirst(): boolean {
    const [first] = this.#waiting;
    if (!first) return false;
    const written = this.#options.write(first.bytes);
    this.#bytes -= written;
    const isWhole = written === first.bytes.length;
    if (isWhole) this.#waiting.shift();
    else this.#waiting[0] = { bytes: first.bytes.subarray(written), lines: first.lines };
    this.#torn = !isWhole;
    return true;
  }

  #dropAll(cause: string): void {
    this.#lose(
      this.#waiting.reduce((sum, { lines }) => sum + lines, 0),
      cause,
    );
    this.#waiting = [];
    this.#bytes = 0;
  }

  #retryLater(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#flush();
    }, this.#options.retryMs).unref();
  }
}

/** An output with a bounded buffer. Disposing it makes one last attempt to write. */
export const openLogOutput = (options: LogOutputOptions): LogOutput => new BoundedOutput(options);

const MAX_BYTES = 256 * 1024;
const RETRY_MS = 100;

/**
 * The standard output as the log of a service. A full disk, a reader that has gone or one that does not
 * read must not end the service. `process.stdout` is not used: it cannot be used after its first error,
 * and buffers without limit.
 */
export const openStdoutLog = (): LogOutput => {
  // Reading `process.stdout` sets a pipe or a socket to non-blocking.
  const { fd } = process.stdout;
  return openLogOutput({
    write: (bytes) => writeSync(fd, bytes),
    lostLine: (lost, cause) => logLine("warn", "lines of this log were lost", { part: "log", lost, cause }),
    maxBytes: MAX_BYTES,
    retryMs: RETRY_MS,
  });
};
