import type { Time } from "../runtime/ports.ts";
import { pause } from "../runtime/wait.ts";

/**
 * Writes one epoch each `periodMs`, counted from the first one: the time that a write takes does not add
 * up. Ends with the epochs, or when the signal fires. Rejects if a write does.
 */
export const sendPaced = async (
  epochs: Iterable<string>,
  write: (epoch: string) => Promise<void>,
  periodMs: number,
  signal: AbortSignal,
  time: Time,
): Promise<void> => {
  const start = time.mono();
  let sent = 0;
  for (const epoch of epochs) {
    if (signal.aborted) return;
    // oxlint-disable-next-line no-await-in-loop -- one epoch after the other
    await write(epoch);
    sent++;
    // oxlint-disable-next-line no-await-in-loop
    await pause(Math.max(0, start + sent * periodMs - time.mono()), signal, time);
  }
};
