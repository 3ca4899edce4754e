import type { Time } from "../src/runtime/ports.ts";
import type { Tty } from "../src/runtime/tty.ts";

/** Longer than any answer. What came first is dropped. */
const MAX_RECEIVED = 4_096;

/** Questions and answers on an open line, one at a time. */
export class Conversation implements AsyncDisposable {
  readonly #line: Tty;
  readonly #time: Time;
  #received: Uint8Array = new Uint8Array(0);
  /** Why the line has ended. */
  #ended: Error | undefined;
  #more = Promise.withResolvers<void>();

  constructor(line: Tty, time: Time) {
    this.#line = line;
    this.#time = time;
    void this.#listen();
  }

  async #listen(): Promise<void> {
    try {
      // oxlint-disable-next-line no-await-in-loop -- a serial line is read in order
      for (let bytes = await this.#line.read(); bytes; bytes = await this.#line.read()) {
        this.#received = Buffer.concat([this.#received, bytes]).subarray(-MAX_RECEIVED);
        this.#wake();
      }
      this.#ended = new Error("the line was closed");
    } catch (cause) {
      this.#ended = new Error("the line has failed", { cause });
    }
    this.#wake();
  }

  #wake(): void {
    this.#more.resolve();
    this.#more = Promise.withResolvers();
  }

  /**
   * Writes a question and waits for what `read` finds in the bytes that follow. Undefined: nothing in this time.
   * Throws if the line has failed.
   */
  async ask<T>(
    question: Uint8Array,
    read: (received: Uint8Array) => T | undefined,
    withinMs: number,
  ): Promise<T | undefined> {
    let isLate = false;
    using _ = this.#time.after(withinMs, () => {
      isLate = true;
      this.#wake();
    });
    this.#received = new Uint8Array(0);
    this.#line.write(question);
    for (;;) {
      const found = read(this.#received);
      if (found !== undefined || isLate) return found;
      if (this.#ended) throw this.#ended;
      // oxlint-disable-next-line no-await-in-loop -- until the answer is complete
      await this.#more.promise;
    }
  }

  /** Resolves when the line is closed: the next one on the same port can be opened then. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#line.close();
  }
}
