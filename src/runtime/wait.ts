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

/** Waits until a promise is settled, for `ms` at most. Returns whether it was in time. Never throws. */
export const within = async (ms: number, promise: Promise<unknown>, time: Time): Promise<boolean> => {
  const enough = new AbortController();
  const settled = promise.then(
    () => true,
    () => true,
  );
  const inTime = await Promise.race([settled, pause(ms, enough.signal, time).then(() => false)]);
  enough.abort();
  return inTime;
};
