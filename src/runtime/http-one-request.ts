import type { Socket } from "node:net";

/**
 * One request at a time on a connection. Node parses and answers all requests of a chunk, 1300 in 64 KiB, before
 * anything else runs. Browsers and the commands wait for an answer before they ask again.
 */

const BLANK_LINE = "\r\n\r\n";

/** Counts the blank lines of what a connection sends. Each request has one, after its headers, and JSON has none. */
export class BlankLines {
  #count = 0;
  #tail = Buffer.alloc(0);

  /** Whether there was at most one since the last answer. */
  isOne(chunk: Buffer): boolean {
    let rest = Buffer.concat([this.#tail, chunk]);
    for (let at = rest.indexOf(BLANK_LINE); at >= 0; at = rest.indexOf(BLANK_LINE)) {
      this.#count += 1;
      if (this.#count > 1) return false;
      rest = rest.subarray(at + BLANK_LINE.length);
    }
    // A blank line may come in two chunks.
    this.#tail = Buffer.from(rest.subarray(Math.max(0, rest.length - BLANK_LINE.length + 1)));
    return true;
  }

  /** The request is answered. */
  answered(): void {
    this.#count = 0;
  }
}

/**
 * Closes a connection that sends a request before the one before it is answered, and lets the parser have nothing of
 * that chunk. Call it when the server has added its listeners to the socket. Returns what to call at each answer.
 */
export const oneRequest = (socket: Socket): (() => void) => {
  const parsers = socket.listeners("data");
  const lines = new BlankLines();
  socket.removeAllListeners("data");
  socket.on("data", (chunk: Buffer) => {
    if (lines.isOne(chunk)) for (const parse of parsers) Reflect.apply(parse, socket, [chunk]);
    else socket.destroy();
  });
  return () => lines.answered();
};
