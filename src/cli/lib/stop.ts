import { endProcess, prepareEnd } from "../../runtime/end-process.ts";

/** SIGTERM, SIGINT and SIGHUP: the first asks for a clean stop, the second ends the process at once. */
export type StopRequest = {
  /** Resolves with the signal's name. */
  readonly requested: Promise<string>;
  readonly signal: AbortSignal;
  /** Asks for a clean stop as a signal does. */
  readonly ask: (reason?: string) => void;
  /** For a unit that is stopped to be started anew. */
  readonly deadline: () => Deadline;
};

/** The time limit of a stop that no signal has asked for. The process ends if it is not disposed of in time. */
type Deadline = Disposable & { begin(): void };

/** If a clean stop takes longer, the process ends (contract §7: within 5 s). */
const DEADLINE_MS = 4_500;
/** A unit that stops to be started anew may take longer: nobody waits for the process. */
const ANEW_MS = 10_000;

/**
 * Handles the signals from now on. Call it once in a process. `late`: called before the process ends
 * because the clean stop takes too long.
 */
export const onStopRequest = (late: () => void = () => undefined): StopRequest => {
  const { promise, resolve } = Promise.withResolvers<string>();
  const controller = new AbortController();
  const giveUp = () => {
    late();
    void endProcess(1);
  };
  const stop = (reason: string) => {
    if (controller.signal.aborted) {
      void endProcess(1);
      return;
    }
    controller.abort();
    prepareEnd();
    setTimeout(giveUp, DEADLINE_MS).unref();
    resolve(reason);
  };
  const deadline = (): Deadline => {
    let timer: NodeJS.Timeout | undefined;
    return {
      begin() {
        prepareEnd();
        timer ??= setTimeout(giveUp, ANEW_MS);
      },
      [Symbol.dispose]: () => clearTimeout(timer),
    };
  };
  for (const name of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(name, () => stop(name));
  return {
    requested: promise,
    signal: controller.signal,
    ask: (reason = "asked at the keyboard") => stop(reason),
    deadline,
  };
};
