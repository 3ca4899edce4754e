import type { Time } from "./ports.ts";

/** Waits, or returns early when the signal fires. Never throws. */
export const pause = (ms: number, signal: AbortSignal, time: Time): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
      return;
    }
    const finish = (): void => {
      timer[Symbol.dispose]();
      signal.removeEventListener("abort", finish);
      resolve();
    };
    const timer = time.after(ms, finish);
    signal.addEventListener("abort", finish, { once: true });
  });
