import { readFileSync } from "node:fs";
import { openSerialLine, type SerialLine } from "../../src/runtime/pty.ts";
import { createBoard, type Board, type Light } from "./board.ts";
import { readHex } from "./hex.ts";

/** The simulated board in real time, its serial line a pseudo-terminal. */
export type LiveBoard = Disposable & {
  readonly board: Board;
  /** Brings the board's time up to now: before anything is done to it. */
  catchUp(): void;
  /** The cable is pulled, or put back: the board loses the host, and its power with it. */
  unplug(): void;
  plug(): void;
};

export type LiveOptions = {
  /** Where the serial line is to be found. */
  readonly link: string;
  /** The image, Intel HEX. */
  readonly image: string;
  readonly onLight: (light: Light) => void;
};

/** How often the board's time is brought up to the wall's. */
const STEP_MS = 1;
/** After a longer stall of this process the board's time jumps: it must not race to catch up. */
const STALL_MS = 2_000;

export const startLiveBoard = (options: LiveOptions): LiveBoard => {
  let line: SerialLine | undefined;
  let waiting: number[] = [];
  let busy = false;
  const board = createBoard({
    flash: readHex(readFileSync(options.image, "utf8")),
    random: Math.random,
    onSerial: (byte) => void waiting.push(byte),
    onLight: options.onLight,
  });

  /** A serial line drops what nobody takes: it does not wait, and neither does this. */
  const deliver = () => {
    const bytes = Uint8Array.from(waiting);
    waiting = [];
    if (!line || busy || bytes.length === 0) return;
    busy = true;
    const done = () => {
      busy = false;
    };
    line.write(bytes).then(done, done);
  };

  let offset = performance.now();
  const catchUp = () => {
    const behind = performance.now() - offset - board.nowMs;
    if (behind > STALL_MS) offset += behind - STALL_MS;
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
    catchUp();
    board.power(true);
  };
  plug();
  const timer = setInterval(catchUp, STEP_MS);
  const unplug = () => {
    catchUp();
    board.power(false);
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
