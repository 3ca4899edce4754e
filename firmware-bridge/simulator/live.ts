import { readFileSync } from "node:fs";
import { openSerialLine, type SerialLine } from "../../src/runtime/pty.ts";
import { createBoard, type Board, type Light } from "./board.ts";
import { readHex } from "./hex.ts";
import type { BootFuses } from "./self-programming.ts";

/** The simulated board in real time, its serial line a pseudo-terminal. */
export type LiveBoard = Disposable & {
  readonly board: Board;
  /** Brings the board's time up to now: call it before anything is done to the board. */
  catchUp(): void;
  /** Cuts the line. The board has its own supply and continues. `plug` restores the line. */
  unplug(): void;
  plug(): void;
};

export type LiveOptions = {
  /** The path of the serial line. */
  readonly link: string;
  /** The image, Intel HEX. */
  readonly image: string;
  /** A boot loader beside it, and its fuses. Left out: the board starts the image at once. */
  readonly loader?: { readonly image: string; readonly boot: BootFuses };
  readonly onLight: (light: Light) => void;
  /** After a stall of this process that is longer, the board's time jumps. Left out: `STALL_MS`. */
  readonly stallMs?: number;
};

/** How often the board's time is brought up to the wall's. */
const STEP_MS = 1;
/** So many bytes wait while the last ones are being written, a tenth of a second's: then they are dropped. */
const MAX_PENDING = 512;
/** After a longer stall the board's time jumps, instead of racing to catch up. */
const STALL_MS = 2_000;

/** Starts a board. Throws if the image cannot be read, or the link cannot be made. */
export const startLiveBoard = (options: LiveOptions): LiveBoard => {
  let line: SerialLine | undefined;
  let pending: number[] = [];
  let busy = false;
  const flash = readHex(readFileSync(options.image, "utf8"), options.image);
  if (options.loader) readHex(readFileSync(options.loader.image, "utf8"), options.loader.image, flash);
  const board = createBoard({
    flash,
    ...(options.loader && { boot: options.loader.boot }),
    random: Math.random,
    onSerial: (byte) => void pending.push(byte),
    onLight: options.onLight,
  });

  /** Writes the pending bytes to the line. Like a serial line, it drops bytes that nobody reads. */
  const deliver = () => {
    if (busy && pending.length < MAX_PENDING) return;
    const bytes = Uint8Array.from(pending);
    pending = [];
    if (!line || busy || bytes.length === 0) return;
    busy = true;
    const done = () => {
      busy = false;
    };
    line.write(bytes).then(done, done);
  };

  const stallMs = options.stallMs ?? STALL_MS;
  let offset = performance.now();
  const catchUp = () => {
    const behind = performance.now() - offset - board.nowMs;
    if (behind > stallMs) offset += behind - stallMs;
    board.run(performance.now() - offset);
    deliver();
  };
  const plug = () => {
    if (line) return;
    line = openSerialLine(options.link);
    line.onData((bytes) => {
      catchUp();
      board.receive(bytes);
    });
  };
  plug();
  const timer = setInterval(catchUp, STEP_MS);
  const unplug = () => {
    catchUp();
    line?.[Symbol.dispose]();
    line = undefined;
  };
  return {
    board,
    catchUp,
    unplug,
    plug,
    [Symbol.dispose]() {
      clearInterval(timer);
      line?.[Symbol.dispose]();
    },
  };
};
