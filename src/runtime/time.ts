import type { Time } from "./ports.ts";

/** The system's time and timers. Node's own timers are disposable, so they need no wrapper. */
export const systemTime: Time = {
  mono: () => performance.now(),
  host: () => Date.now(),
  after: (ms, f) => setTimeout(f, ms),
  every: (ms, f) => setInterval(f, ms),
  soon: (f) => setImmediate(f),
};
