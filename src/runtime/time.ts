import type { Time } from "./ports.ts";

/** The system's time and timers. */
export const systemTime: Time = {
  mono: () => performance.now(),
  host: () => Date.now(),
  after(ms, f) {
    const timer = setTimeout(f, ms);
    return { [Symbol.dispose]: () => clearTimeout(timer) };
  },
  every(ms, f) {
    const timer = setInterval(f, ms);
    return { [Symbol.dispose]: () => clearInterval(timer) };
  },
  soon(f) {
    const timer = setImmediate(f);
    return { [Symbol.dispose]: () => clearImmediate(timer) };
  },
};
