import { setTimeout } from "node:timers/promises";

/** Waits, or returns early when the signal fires. Never throws. */
export const pause = async (ms: number, signal: AbortSignal): Promise<void> => {
  await setTimeout(ms, undefined, { signal }).catch(() => undefined);
};
