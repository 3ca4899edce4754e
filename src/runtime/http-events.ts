import type { ServerResponse } from "node:http";
import type { Time, Timer } from "./ports.ts";

/** Server-sent events (WHATWG HTML §9.2) to everyone who looks at a page. Nothing runs while nobody looks. */
export type EventStreamsOptions = {
  readonly time: Time;
  /** Viewers at once; a further one is refused. */
  readonly most?: number;
  /** Called with the number of viewers each time that it changes. */
  readonly changed?: (viewers: number) => void;
};

const MOST_VIEWERS = 8;
/**
 * Bytes that may wait for a viewer who reads slowly. Beyond that the connection is closed: its browser connects again
 * and gets the present state. Nothing is kept for it.
 */
const MOST_WAITING_BYTES = 512 * 1024;
/** An empty comment is sent this often, so that a viewer who has gone is noticed and none is thought to be. */
const HEARTBEAT_MS = 15_000;
/** A browser connects again after this long. */
const RETRY_MS = 2_000;

type Viewer = {
  readonly response: ServerResponse;
  /** Whether the viewer may still look: the session may have ended. */
  readonly isStill: () => boolean;
};

export class EventStreams implements Disposable {
  readonly #options: EventStreamsOptions;
  readonly #viewers = new Set<Viewer>();
  #beating: Timer | undefined;

  constructor(options: EventStreamsOptions) {
    this.#options = options;
  }

  get viewers(): number {
    return this.#viewers.size;
  }

  /**
   * Answers a request with a stream. Returns a function that sends one event to this viewer only; undefined: there are
   * too many viewers, and the request was refused (503).
   */
  open(
    response: ServerResponse,
    isStill: () => boolean,
  ): ((event: string, data: string) => void) | undefined {
    if (this.#viewers.size >= (this.#options.most ?? MOST_VIEWERS)) {
      response
        .writeHead(503, { "content-type": "text/plain", "retry-after": "30" })
        .end("too many pages are open: close one\n");
      return undefined;
    }
    const viewer: Viewer = { response, isStill };
    this.#viewers.add(viewer);
    response.on("error", () => this.#drop(viewer)).on("close", () => this.#drop(viewer));
    response.writeHead(200, { "content-type": "text/event-stream", "x-accel-buffering": "no" });
    response.write(`retry: ${RETRY_MS}\n\n`);
    this.#beating ??= this.#options.time.every(HEARTBEAT_MS, () => this.#beat());
    this.#options.changed?.(this.#viewers.size);
    return (event, data) => this.#write(viewer, packed(event, data));
  }

  /** Sends an event to every viewer. `data`: JSON without a line break. */
  send(event: string, data: string): void {
    if (this.#viewers.size === 0) return;
    const text = packed(event, data);
    for (const viewer of this.#viewers) this.#write(viewer, text);
  }

  [Symbol.dispose](): void {
    for (const viewer of this.#viewers) this.#drop(viewer);
  }

  #beat(): void {
    for (const viewer of this.#viewers) this.#write(viewer, Buffer.from(":\n\n"));
  }

  #write(viewer: Viewer, text: Buffer): void {
    if (!this.#viewers.has(viewer)) return;
    // A session that has ended gets nothing more.
    if (!viewer.isStill()) {
      this.#drop(viewer);
      return;
    }
    const { response } = viewer;
    response.write(text);
    if (response.writableLength > MOST_WAITING_BYTES) this.#drop(viewer);
  }

  #drop(viewer: Viewer): void {
    if (!this.#viewers.delete(viewer)) return;
    viewer.response.destroy();
    if (this.#viewers.size === 0) {
      this.#beating?.[Symbol.dispose]();
      this.#beating = undefined;
    }
    this.#options.changed?.(this.#viewers.size);
  }
}

/** One event, as bytes: encoded once for all viewers. */
const packed = (event: string, data: string): Buffer => Buffer.from(`event: ${event}\ndata: ${data}\n\n`);
