import { createBackoff } from "./backoff.ts";
import type { Random, Time } from "./ports.ts";
import { pause } from "./wait.ts";

/**
 * Keeps a device, a bus or a connection open, although it may fail at any time. `visit` opens it, uses it
 * and returns when it has ended. It is called again after a pause, which grows while visits fail.
 */
export type Verdict =
  /** It worked: the next pause is the shortest. */
  | "worked"
  /** It failed: the next pause is longer. */
  | "failed"
  /** The next visit begins at once. */
  | "again"
  /** No further visit. */
  | "done";

export type Reopening = {
  /** Resolves when no further visit will be made. Rejects only if a visit rejects, which none should do. */
  readonly ended: Promise<void>;
  /** Ends the present pause. */
  hurry(): void;
};

export type ReopeningOptions = {
  readonly time: Time;
  readonly random: Random;
  readonly minMs: number;
  readonly maxMs: number;
  readonly signal: AbortSignal;
  readonly visit: () => Promise<Verdict>;
};

/** Begins with the first visit at once. Ends when the signal fires and the visit has returned. */
export const reopening = (options: ReopeningOptions): Reopening => {
  const { time, signal } = options;
  const backoff = createBackoff(options.minMs, options.maxMs, options.random);
  let waking = new AbortController();
  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      // oxlint-disable-next-line no-await-in-loop -- one visit at a time
      const verdict = await options.visit();
      if (verdict === "done") return;
      if (verdict === "again") continue;
      if (verdict === "worked") backoff.reset();
      waking = new AbortController();
      // oxlint-disable-next-line no-await-in-loop
      await pause(backoff.next(), AbortSignal.any([signal, waking.signal]), time);
    }
  };
  return {
    ended: run(),
    hurry() {
      backoff.reset();
      waking.abort();
    },
  };
};
