import type { Time } from "../runtime/ports.ts";
import { afterRunning } from "../runtime/wait.ts";
import { NoAnswerError } from "./port.ts";

/**
 * Waits for work on a disk as long as it makes progress. Rejects with NoAnswerError after `ms` milliseconds
 * without any; the work itself goes on, and may still end either way. `what` names the disk.
 */
export const whileItMoves = async <T>(
  { time, what, ms }: { readonly time: Time; readonly what: string; readonly ms: number },
  work: (progress: () => void) => Promise<T>,
): Promise<T> => {
  const stands = Promise.withResolvers<never>();
  let movedAt = time.mono();
  const look = () => {
    const leftMs = movedAt + ms - time.mono();
    if (leftMs <= 0) stands.reject(new NoAnswerError(what, ms));
    else timer = afterRunning(leftMs, look, time);
  };
  let timer = afterRunning(ms, look, time);
  try {
    return await Promise.race([work(() => (movedAt = time.mono())), stands.promise]);
  } finally {
    timer[Symbol.dispose]();
  }
};
