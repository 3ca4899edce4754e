import { readFileSync } from "node:fs";
import { releasedImage } from "../../firmware-bridge/image.ts";
import { createPanicBoard } from "../../firmware-bridge/panic-board.ts";
import { createBoard, type Board } from "../../firmware-bridge/simulator/board.ts";
import { readHex } from "../../firmware-bridge/simulator/hex.ts";
import { createRandom } from "../../src/demo/random.ts";
import type { BoardPress, BoardTrouble, PanicBoard } from "../../src/domain/panic.ts";
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
  readonly troubles: { readonly trouble: BoardTrouble; readonly faulty: boolean; readonly detail: string }[];
  /** The rate of the host's end. */
  readonly baud: number;
  /** The line breaks, and what is on it is lost; the board keeps its power. `plug` mends it. */
  unplug(): void;
  plug(): void;
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
  /** What the board says arrives in lumps, so far apart. */
  readonly lumpMs?: number;
  /** The default: the released image. */
  readonly image?: string;
  readonly lampSense?: boolean;
  readonly mayTest?: boolean;
  readonly lampDropV?: number;
}): InMemory => {
  const random = createRandom(options.seed);
  let baud = 0;
  /** Bytes at another rate than the reader's are noise. */
  const spoil = (byte: number) => {
    const heard = Math.abs(baud / board.baud - 1) < 0.05 ? byte : Math.floor(random() * 0x100);
    return options.spoil?.(heard, random) ?? heard;
  };
  const time = handTime();
  let pending: number[] = [];
  let wake: (() => void) | undefined;
  let plugged = true;
  const board: Board = createBoard({
    flash: readHex(readFileSync(options.image ?? releasedImage(), "utf8")),
    random,
    ...(options.lampDropV === undefined ? {} : { lampDropV: options.lampDropV }),
    onSerial: (byte) => void (plugged && pending.push(spoil(byte))),
    onLight: () => undefined,
  });
  const openLine = async (_path: string, rate: number): Promise<Tty> => {
    baud = rate;
    if (!plugged) throw new Error("ENOENT: No such file or directory");
    if (options.resetOnOpen) board.reset();
    pending = [];
    let closed = false;
    return {
      async read() {
        while (pending.length === 0 && !closed && plugged)
          await new Promise<void>((resolve) => (wake = resolve));
        if (!plugged) throw new Error("the line hung up");
        const bytes = Uint8Array.from(pending);
        pending = [];
        return closed ? undefined : bytes;
      },
      write: (bytes) => plugged && board.receive([...bytes].map(spoil)),
      async setBaud(next) {
        baud = next;
      },
      close() {
        closed = true;
        wake?.();
        return Promise.resolve();
      },
    };
  };
  const presses: BoardPress[] = [];
  const faults: string[] = [];
  const troubles: InMemory["troubles"] = [];
  const host = createPanicBoard(
    {
      path: "memory",
      openLine,
      random,
      time,
      loops: [0, 1],
      darkLoops: [],
      mayTest: options.mayTest ?? false,
      lampSense: options.lampSense ?? false,
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
      trouble: (trouble, faulty, detail) => void troubles.push({ trouble, faulty, detail }),
      released: () => undefined,
      loop: () => undefined,
    },
  );
  return {
    board,
    host,
    presses,
    faults,
    troubles,
    get baud() {
      return baud;
    },
    unplug() {
      plugged = false;
      pending = [];
      wake?.();
    },
    plug() {
      plugged = true;
    },
    async pass(ms) {
      const end = time.mono() + ms;
      while (time.mono() < end) {
        board.run(time.mono() + 1);
        time.moveTo(time.mono() + 1);
        if (pending.length > 0 && time.mono() % (options.lumpMs ?? 1) === 0) wake?.();
        // The host's read loop takes its turn.
        for (let turn = 0; turn < 8; turn++) await Promise.resolve();
      }
    },
    [Symbol.asyncDispose]: () => host[Symbol.asyncDispose](),
  };
};
