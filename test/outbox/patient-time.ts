import type { Time } from "../../src/runtime/ports.ts";
import { systemTime } from "../../src/runtime/time.ts";

const TIMES = 10;

/**
 * Time that passes ten times more slowly, for tests that flood a real disk and expect it to answer: a disk that pauses for
 * a second is no fault to them.
 */
export const patientTime: Time = {
  ...systemTime,
  mono: () => systemTime.mono() / TIMES,
  after: (ms, f) => systemTime.after(ms * TIMES, f),
  every: (ms, f) => systemTime.every(ms * TIMES, f),
};
