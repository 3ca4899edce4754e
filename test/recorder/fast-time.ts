import { systemTime } from "../../src/runtime/time.ts";
import type { Time } from "../../src/runtime/ports.ts";

/** Time that runs `factor` times as fast as the system's. */
export const fastTime = (factor: number): Time => {
  const [mono, host] = [systemTime.mono(), systemTime.host()];
  return {
    mono: () => mono + (systemTime.mono() - mono) * factor,
    host: () => host + (systemTime.mono() - mono) * factor,
    after: (ms, f) => systemTime.after(ms / factor, f),
    every: (ms, f) => systemTime.every(ms / factor, f),
    soon: (f) => systemTime.soon(f),
  };
};
