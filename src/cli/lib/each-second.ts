import { systemTime } from "../../runtime/time.ts";
import { pause } from "../../runtime/wait.ts";

const SECOND_MS = 1_000;

/** Looks a second after the last look has ended, until the signal. Resolves then; `failed` hears what a look rejects with. */
export const eachSecond = async (
  look: () => Promise<void>,
  signal: AbortSignal,
  failed: (cause: unknown) => void,
): Promise<void> => {
  while (!signal.aborted) {
    // oxlint-disable-next-line no-await-in-loop -- looked again and again
    await pause(SECOND_MS, signal, systemTime);
    // oxlint-disable-next-line no-await-in-loop
    if (!signal.aborted) await look().catch(failed);
  }
};
