/** SIGTERM, SIGINT and SIGHUP: the first asks for a clean stop, the second ends the process at once. */
export type StopRequest = {
  /** Resolves with the signal's name. */
  readonly requested: Promise<string>;
  readonly signal: AbortSignal;
  /** Asks for a clean stop as a signal does. */
  readonly ask: () => void;
};

/** If a clean stop takes longer, the process ends (contract §7: within 5 s). */
const DEADLINE_MS = 4_800;

/** Handles the signals from now on. Call it once in a process. */
export const onStopRequest = (): StopRequest => {
  const { promise, resolve } = Promise.withResolvers<string>();
  const controller = new AbortController();
  const stop = (reason: string) => {
    if (controller.signal.aborted) process.exit(1);
    controller.abort();
    setTimeout(() => process.exit(1), DEADLINE_MS).unref();
    resolve(reason);
  };
  for (const name of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(name, () => stop(name));
  return { requested: promise, signal: controller.signal, ask: () => stop("asked at the keyboard") };
};
