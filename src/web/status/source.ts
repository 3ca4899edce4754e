import type { LampEvent, Snapshot } from "../../domain/snapshot.ts";
import type { FeedEvent } from "./feed.ts";
import { readLamp, readSnapshot } from "./snapshot.ts";

/** The edge to the unit: `GET /events`, `GET /status.json` and `POST /session`. */

export type Sink = {
  readonly feed: (event: FeedEvent<Snapshot>) => void;
  readonly lamp: (lamp: LampEvent) => void;
  /** The unit answered in another form than this page knows. */
  readonly odd: () => void;
};

const RETRY_MS = 1_500;
/** The longest wait for an answer. */
const ANSWER_MS = 5_000;

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
};

const retryAfterOf = (body: unknown): number | undefined =>
  typeof body === "object" && body !== null && "retryAfterS" in body && typeof body.retryAfterS === "number"
    ? body.retryAfterS
    : undefined;

/** Passes on why a request was refused. */
const refusal = async (response: Response, wrong: boolean): Promise<FeedEvent<Snapshot>> => {
  const retryAfterS = retryAfterOf(parsed(await response.text()));
  return { kind: "refused", wrong, ...(retryAfterS === undefined ? {} : { retryAfterS }) };
};

/**
 * Follows the unit until it is stopped. The stream is opened again after each failure, unless the unit asks for its
 * PIN. After each failure the snapshot is asked for once: a unit with too many viewers refuses streams only. While the page is hidden it is closed, so that the unit does no work that nobody sees.
 */
export class Source {
  readonly #sink: Sink;
  #stream: EventSource | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #stopped = false;

  constructor(sink: Sink) {
    this.#sink = sink;
    document.addEventListener("visibilitychange", this.#look);
    this.#look();
  }

  /** Opens a session. */
  async enter(pin: string): Promise<void> {
    try {
      const response = await fetch("/session", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ pin }),
      });
      if (response.ok) {
        this.#sink.feed({ kind: "admitted" });
        this.#open();
      } else this.#sink.feed(await refusal(response, response.status === 401));
    } catch {
      // The form stays: the viewer tries again.
    }
  }

  /** The stream has said nothing for a while: the network may have swallowed it. */
  again(): void {
    if (this.#stream) this.#open();
  }

  stop(): void {
    this.#stopped = true;
    document.removeEventListener("visibilitychange", this.#look);
    this.#close();
  }

  readonly #look = (): void => {
    if (document.visibilityState === "hidden") this.#close();
    else if (!this.#stream) {
      void this.#ask();
      this.#open();
    }
  };

  #close(): void {
    clearTimeout(this.#retry);
    this.#stream?.close();
    this.#stream = undefined;
  }

  #later(): void {
    this.#close();
    this.#retry = setTimeout(() => this.#open(), RETRY_MS);
  }

  #open(): void {
    this.#close();
    if (this.#stopped) return;
    const stream = new EventSource("/events");
    this.#stream = stream;
    stream.addEventListener("snapshot", ({ data }) => this.#receive(parsed(String(data))));
    stream.addEventListener("lamp", ({ data }) => {
      const lamp = readLamp(parsed(String(data)));
      if (lamp) this.#sink.lamp(lamp);
    });
    stream.addEventListener("error", () => {
      if (this.#stream !== stream) return;
      this.#later();
      void this.#ask();
    });
  }

  /** Asks once: for the first picture, and because a stream does not say that the unit wants a PIN. */
  async #ask(): Promise<void> {
    const askedAt = performance.now();
    try {
      const response = await fetch("/status.json", {
        cache: "no-store",
        signal: AbortSignal.timeout(ANSWER_MS),
      });
      if (response.ok) this.#receive(parsed(await response.text()));
      else if (response.status === 401 || response.status === 429) {
        this.#close();
        this.#sink.feed(await refusal(response, false));
      }
    } catch {
      if (!this.#stopped) this.#sink.feed({ kind: "unanswered", askedAt });
    }
  }

  #receive(value: unknown): void {
    const snapshot = readSnapshot(value);
    if (snapshot) this.#sink.feed({ kind: "snapshot", snapshot });
    else this.#sink.odd();
  }
}

/** What became of an order. `undefined`: it was accepted. An empty text: the unit could not be asked. */
export const order = async (
  method: "POST" | "DELETE",
  path: string,
  body?: object,
): Promise<string | undefined> => {
  try {
    const response = await fetch(path, {
      method,
      headers: { "content-type": "application/json" },
      ...(body && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    return response.ok ? undefined : (await response.text()).trim();
  } catch {
    return "";
  }
};

/** Why an order of the commissioning list was refused. `code`: the page may have words for it. Empty: not known. */
export const refusalIn = (text: string): { readonly code?: string; readonly reason?: string } => {
  const body = parsed(text);
  return typeof body === "object" &&
    body !== null &&
    "code" in body &&
    typeof body.code === "string" &&
    "reason" in body &&
    typeof body.reason === "string"
    ? { code: body.code, reason: body.reason }
    : {};
};
