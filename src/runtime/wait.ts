import type { Time, Timer } from "./ports.ts";

/** If a timer is later than this, the process stood still: it was stopped or frozen, or the machine was too busy. */
const STOOD_MS = 500;
/** After a standstill the process runs for this long before an answer counts as missed. */
const RUNNING_MS = 1_000;

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

/**
 * Calls `missed` after `ms`, for whoever waits for an answer of the kernel. If the process stood still meanwhile, it calls
 * `missed` a second later: Node runs the timers that are due before it reads answers, which may have come long ago.
 */
export const afterRunning = (ms: number, missed: () => void, time: Time): Timer => {
  const dueAt = time.mono() + ms;
  let timer = time.after(ms, () => {
    if (time.mono() - dueAt < STOOD_MS) missed();
    else timer = afterRunning(RUNNING_MS, missed, time);
  });
  return { [Symbol.dispose]: () => timer[Symbol.dispose]() };
};

/**
 * Waits until a promise is settled, for `ms` at most (see `afterRunning`). Returns whether it was in time. Never throws.
 */
export const within = async (ms: number, promise: Promise<unknown>, time: Time): Promise<boolean> => {
  const late = Promise.withResolvers<boolean>();
  using _ = afterRunning(ms, () => late.resolve(false), time);
  const settled = promise.then(
    () => true,
    () => true,
  );
  return await Promise.race([settled, late.promise]);
};
