import { readFileSync } from "node:fs";
import { releasedImage } from "../../firmware-bridge/image.ts";
import { createPanicBoard } from "../../firmware-bridge/panic-board.ts";
import { createBoard, type Board } from "../../firmware-bridge/simulator/board.ts";
import { readHex } from "../../firmware-bridge/simulator/hex.ts";
import { createRandom } from "../../src/demo/random.ts";
import type { BoardPress, PanicBoard } from "../../src/domain/panic.ts";
import type { Time, Timer } from "../../src/runtime/ports.ts";
import type { Tty } from "../../src/runtime/tty.ts";

/** Timers on a clock that is moved by hand. */
export const handTime = (): Time & { moveTo(ms: number): void } => {
  let now = 0;
  const due = new Map<symbol, { at: number; readonly f: () => void; readonly everyMs?: number }>();
  const schedule = (ms: number, f: () => void, everyMs?: number): Timer => {
    const key = Symbol("timer");
    due.set(key, { at: now + ms, f, ...(everyMs === undefined ? {} : { everyMs }) });
    return { [Symbol.dispose]: () => void due.delete(key) };
  };
  return {
    mono: () => now,
    host: () => now,
    after: (ms, f) => schedule(ms, f),
    every: (ms, f) => schedule(ms, f, ms),
    soon: (f) => schedule(0, f),
    moveTo(ms) {
      now = ms;
      for (const [key, timer] of due) {
        if (timer.at > now) continue;
        if (timer.everyMs === undefined) due.delete(key);
        else timer.at += timer.everyMs;
        timer.f();
      }
    },
  };
};

export type InMemory = AsyncDisposable & {
  readonly board: Board;
  readonly host: PanicBoard;
  readonly presses: BoardPress[];
  readonly faults: string[];
  /** Lets time pass for board and host, a millisecond at a time. */
  pass(ms: number): Promise<void>;
};

/** The released image and the host's side in one process, without a clock, a pty or a port. */
export const openInMemory = (options: {
  readonly seed: number;
  /** What the line makes of a byte, either way. */
  readonly spoil?: (byte: number, random: () => number) => number;
  /** Opening the line resets the board, as with a DTR capacitor. */
  readonly resetOnOpen?: boolean;
}): InMemory => {
  const random = createRandom(options.seed);
  const spoil = (byte: number) => options.spoil?.(byte, random) ?? byte;
  const time = handTime();
  let pending: number[] = [];
  let wake: (() => void) | undefined;
  const board = createBoard({
    flash: readHex(readFileSync(releasedImage(), "utf8")),
    random,
    onSerial: (byte) => void pending.push(spoil(byte)),
    onLight: () => undefined,
  });
  const openLine = async (): Promise<Tty> => {
    if (options.resetOnOpen) board.reset();
    pending = [];
    let closed = false;
    return {
      async read() {
        while (pending.length === 0 && !closed) await new Promise<void>((resolve) => (wake = resolve));
        const bytes = Uint8Array.from(pending);
        pending = [];
        return closed ? undefined : bytes;
      },
      write: (bytes) => board.receive([...bytes].map(spoil)),
      close() {
        closed = true;
        wake?.();
        return Promise.resolve();
      },
    };
  };
  const presses: BoardPress[] = [];
  const faults: string[] = [];
  const host = createPanicBoard(
    {
      path: "memory",
      openLine,
      random,
      time,
      loops: [0, 1],
      darkLoops: [],
      attachStock: async () => ({ receive: () => undefined, show: () => undefined, close: () => undefined }),
    },
    {
      hello: () => undefined,
      press(press) {
        presses.push(press);
        host.confirm(press);
      },
      fault: (code) => void faults.push(code),
      recovered: () => void faults.push("recovered"),
      released: () => undefined,
      loop: () => undefined,
    },
  );
  return {
    board,
    host,
    presses,
    faults,
    async pass(ms) {
      const end = time.mono() + ms;
      while (time.mono() < end) {
        board.run(time.mono() + 1);
        time.moveTo(time.mono() + 1);
        if (pending.length > 0) wake?.();
        // The host's read loop takes its turn.
        for (let turn = 0; turn < 8; turn++) await Promise.resolve();
      }
    },
    [Symbol.asyncDispose]: () => host[Symbol.asyncDispose](),
  };
};
