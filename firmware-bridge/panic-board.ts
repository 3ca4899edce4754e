import type { BoardListener, PanicBoard } from "../src/domain/panic.ts";
import type { Time } from "../src/runtime/ports.ts";
import { Bridge, type PanicBoardOptions } from "./bridge.ts";
import { healthOf } from "./state.ts";

export type { PanicBoardOptions } from "./bridge.ts";

/** Waits, or returns early when the signal fires. */
const rest = (time: Time, ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const done = () => {
      timer[Symbol.dispose]();
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = time.after(ms, done);
    signal.addEventListener("abort", done);
  });

/** Keeps a connection to the panic board, whatever happens to it, and reports what it says. */
export const createPanicBoard = (options: PanicBoardOptions, on: BoardListener): PanicBoard => {
  const asked = Promise.withResolvers<void>();
  const bridge = new Bridge(options, on, () => asked.resolve());
  const stop = new AbortController();

  const reopening = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      // oxlint-disable-next-line no-await-in-loop -- one board, one connection at a time
      const error = await bridge.serve(stop.signal);
      asked.resolve();
      const isFault = error && !stop.signal.aborted;
      bridge.input({
        is: "ended",
        ...(isFault ? { fault: { code: error.code, detail: error.message } } : {}),
      });
      if (stop.signal.aborted) return;
      // oxlint-disable-next-line no-await-in-loop
      await rest(options.time, options.backoff.next(), stop.signal);
    }
  };
  const running = reopening();

  return {
    asked: asked.promise,
    get health() {
      return healthOf(bridge.state);
    },
    confirm: ({ number }) => bridge.input({ is: "confirm", number }),
    show: (pattern, quiet, drill = false) => bridge.input({ is: "wish", wish: { pattern, quiet, drill } }),
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
    },
  };
};
