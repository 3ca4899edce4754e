import type { Time } from "../../src/runtime/ports.ts";
import { systemTime } from "../../src/runtime/time.ts";

const TIMES = 20;

/**
 * The system's time, twenty times as fast: for tests that must see the pause before a disk is opened again
 * pass, on a disk that is not simulated in time.
 */
export const hurriedTime: Time = {
  ...systemTime,
  mono: () => systemTime.mono() * TIMES,
  after: (ms, f) => systemTime.after(ms / TIMES, f),
  every: (ms, f) => systemTime.every(ms / TIMES, f),
};
