import type { Readable } from "node:stream";
import { parseCandumpLine } from "../decode/can/candump.ts";
import { passes, type CanFilter, type CanFrame, type CanSource } from "../domain/can.ts";
import { FrameQueue } from "../sources/can/frame-queue.ts";
import { linesOf } from "../sources/lines.ts";

/** A bus whose frames come as lines of `candump -L` on a stream. The stream's end is no end of the bus. */
export class LiveBus implements CanSource {
  readonly errors = 0;
  /** Resolves when the stream has ended. */
  readonly ended: Promise<void>;
  #dropped = 0;
  #filters: readonly CanFilter[] = [];
  /** Undefined: nobody listens, and frames go past as on a real bus. */
  #queue: FrameQueue | undefined;

  constructor(stream: Readable) {
    this.ended = this.#read(stream);
  }

  get dropped(): number {
    return this.#dropped;
  }

  async *listen(filters: readonly CanFilter[], signal: AbortSignal): AsyncGenerator<readonly CanFrame[]> {
    const queue = new FrameQueue();
    this.#filters = filters;
    this.#queue = queue;
    try {
      yield* queue.batches(signal);
    } finally {
      if (this.#queue === queue) this.#queue = undefined;
    }
  }

  async #read(stream: Readable): Promise<void> {
    try {
      for await (const lines of linesOf(stream)) for (const line of lines) this.#take(line);
    } catch {
      // The writer is gone.
    }
  }

  #take(line: string): void {
    const frame = parseCandumpLine(line);
    if (typeof frame === "string" || !passes(this.#filters, frame)) return;
    if (this.#queue && !this.#queue.push(frame)) this.#dropped++;
  }
}
