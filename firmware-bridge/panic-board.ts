import type { BoardListener, PanicBoard } from "../src/domain/panic.ts";
import { reopening, type Verdict } from "../src/runtime/reopening.ts";
import { Bridge, type PanicBoardOptions } from "./bridge.ts";
import { Lending } from "./lending.ts";
import { healthOf } from "./state.ts";

export type { PanicBoardOptions } from "./bridge.ts";

/** Pauses between attempts to open the line. */
const REOPEN_MS = { min: 250, max: 4_000 };

/**
 * Keeps a connection to the panic board, reopens it after every failure, and reports the board's
 * messages.
 */
export const createPanicBoard = (options: PanicBoardOptions, on: BoardListener): PanicBoard => {
  const asked = Promise.withResolvers<void>();
  const bridge = new Bridge(options, on, () => asked.resolve());
  const stop = new AbortController();
  const lending = new Lending();

  const serve = async (leave: AbortSignal): Promise<Verdict> => {
    const { error, answered } = await bridge.serve(leave);
    asked.resolve();
    const isFault = error && !leave.aborted;
    bridge.input({
      is: "ended",
      ...(isFault ? { fault: { code: error.code, detail: error.message } } : {}),
    });
    if (leave.aborted) return "again";
    return answered ? "worked" : "failed";
  };
  const visit = async (): Promise<Verdict> => (await lending.visit(stop.signal, serve)) ?? "done";
  const { min: minMs, max: maxMs } = options.reopenMs ?? REOPEN_MS;
  const running = reopening({ ...options, minMs, maxMs, signal: stop.signal, visit });

  return {
    asked: asked.promise,
    get health() {
      return healthOf(bridge.state);
    },
    confirm: ({ board, number }) => bridge.input({ is: "confirm", board, number }),
    show: (pattern, quiet, drill = false) => bridge.input({ is: "wish", wish: { pattern, quiet, drill } }),
    lend: () => lending.lend(),
    takeBack() {
      if (lending.takeBack()) running.hurry();
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running.ended;
    },
  };
};
