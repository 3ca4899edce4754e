import type * as z from "zod";
import { ConsoleSettings, FleetChanges, type Answer } from "../../domain/fleet.ts";

/** How the page talks to its server. */

/** An answer that is not the wanted one. 0: the server does not answer. */
export class AnswerError extends Error {
  readonly status: number;
  readonly retryAfterS: number | undefined;
  constructor(status: number, retryAfterS?: number) {
    super(`status ${status}`);
    this.status = status;
    this.retryAfterS = retryAfterS;
  }
}

/** Whether a session is needed. */
export const isRefused = (cause: unknown): boolean => cause instanceof AnswerError && cause.status === 401;

const JSON_TYPE = { accept: "application/json", "content-type": "application/json" };

const ask = async (path: string, init: RequestInit): Promise<Response> => {
  const response = await fetch(path, { ...init, headers: JSON_TYPE }).catch(() => undefined);
  if (!response) throw new AnswerError(0);
  if (response.ok) return response;
  const wait = Number(response.headers.get("retry-after") ?? "0");
  throw new AnswerError(response.status, wait > 0 ? wait : undefined);
};

/** Gets and checks a value. Rejects with AnswerError. */
export const get = async <T>(path: string, schema: z.ZodType<T>, signal?: AbortSignal): Promise<T> => {
  const response = await ask(path, signal ? { signal } : {});
  return schema.parse(await response.json());
};

/** Acknowledges an emergency. Rejects with AnswerError. */
export const postAck = async (unit: string, episode: string, stage: Answer): Promise<void> => {
  await ask("ack", { method: "POST", body: JSON.stringify({ unit, episode, stage }) });
};

/** Gives the password, for a session. Rejects with AnswerError. */
export const postPassword = async (pin: string): Promise<void> => {
  await ask("session", { method: "POST", body: JSON.stringify({ pin }) });
};

/** What the stream of changes reports. */
type FeedEvents = {
  /** A connection has begun: what comes next is everything. */
  readonly begun: () => void;
  readonly changed: (changes: FleetChanges) => void;
  readonly lost: () => void;
  /** The session has ended. */
  readonly refused: () => void;
};

/** Without a batch for this long the connection counts as lost, ms: the server sends one each 5 s. */
const SILENCE_MS = 12_000;

/** A browser does not connect again after an answer that is no stream: then the page does, ms. */
const REOPEN_MS = 2_000;

/** Follows the server's changes until it is closed. */
export const followFleet = (on: FeedEvents): { close(): void } => {
  let source: EventSource | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const isSilent = (): void => {
    on.lost();
    open();
  };
  const listen = (): void => {
    clearTimeout(timer);
    timer = setTimeout(isSilent, SILENCE_MS);
  };
  const again = async (): Promise<void> => {
    try {
      await get("settings.json", ConsoleSettings);
    } catch (cause) {
      if (isRefused(cause)) {
        on.refused();
        return;
      }
    }
    clearTimeout(timer);
    timer = setTimeout(open, REOPEN_MS);
  };
  const open = (): void => {
    source?.close();
    source = new EventSource("events");
    source.addEventListener("open", () => on.begun());
    source.addEventListener("error", () => {
      on.lost();
      if (source?.readyState === EventSource.CLOSED) void again();
    });
    source.addEventListener("changes", ({ data }: MessageEvent<string>) => {
      listen();
      const changes = FleetChanges.safeParse(JSON.parse(data));
      if (changes.success) on.changed(changes.data);
      // A server of another release: what is shown is old.
      else on.lost();
    });
    listen();
  };
  open();
  return {
    close() {
      clearTimeout(timer);
      source?.close();
    },
  };
};
