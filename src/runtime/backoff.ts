/**
 * Growing waits between attempts. Each is random within its upper half, so that a fleet does not retry in
 * step.
 */
export type Backoff = {
  /** Milliseconds to wait before the next attempt. */
  next(): number;
  /** After a success: start over from the smallest wait. */
  reset(): void;
};

/** Waits from `minMs` to `maxMs`, doubling. `random`: 0 up to but not including 1. */
export const createBackoff = (minMs: number, maxMs: number, random: () => number = Math.random): Backoff => {
  let ceiling = minMs;
  return {
    next() {
      const wait = ceiling * (0.5 + random() / 2);
      ceiling = Math.min(ceiling * 2, maxMs);
      return wait;
    },
    reset() {
      ceiling = minMs;
    },
  };
};
