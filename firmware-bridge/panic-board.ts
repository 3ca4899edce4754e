import {
  type BoardFault,
  type BoardHealth,
  type BoardListener,
  type BoardPress,
  type LampPattern,
  type LoopState,
  type PanicBoard,
} from "../src/domain/panic.ts";
import type { Backoff } from "../src/runtime/backoff.ts";
import { reasonOf } from "../src/runtime/log.ts";
import { openFault, type Tty } from "../src/runtime/tty.ts";
import { pause } from "../src/runtime/wait.ts";
import { createBoardFramer } from "./framer.ts";
import { decodeFromBoard, encodeToBoard, PATTERNS, PROTOCOL, type FromBoard } from "./protocol.ts";
import type { StockBoard } from "./stock-board.ts";

/** A connection to the board that cannot be used: which fault, and what to do about it. */
class BoardError extends Error {
  readonly code: BoardFault;
  constructor(code: BoardFault, message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

export type PanicBoardOptions = {
  /** How the port is called in what is told. */
  readonly path: string;
  readonly open: () => Promise<Tty>;
  readonly backoff: Backoff;
  /** The loops that have a button: of the others nothing is told. */
  readonly loops: readonly number[];
  /** Takes over a board that speaks Firmata but not our protocol. */
  readonly attachStock: (
    write: (bytes: Uint8Array) => void,
    loops: readonly number[],
    press: (loop: number) => void,
  ) => Promise<StockBoard>;
  readonly timing?: Partial<Timing>;
};

type Timing = {
  /** The lamp is told again this often: it also tells the board that the host lives. */
  readonly refreshMs: number;
  /** No sign of our firmware for this long after opening: what else is it? */
  readonly identifyMs: number;
  /** Nothing from the board for this long is a fault; for twice as long, the port is opened anew. */
  readonly silentMs: number;
};
const TIMING: Timing = { refreshMs: 1_000, identifyMs: 3_000, silentMs: 4_000 };

const OUR_FIRMWARE = "patrol-panic";
/** Asks a Firmata board for its firmware's name. */
const REPORT_FIRMWARE = Uint8Array.of(0xf0, 0x79, 0xf7);

const silence = (path: string): BoardError =>
  new BoardError(
    "silent",
    `${path} is open, but no panic board answers: is it another device, or without firmware?`,
  );

/** Keeps a connection to the panic board, whatever happens to it, and tells what it says. */
export const createPanicBoard = (options: PanicBoardOptions, on: BoardListener): PanicBoard => {
  const timing = { ...TIMING, ...options.timing };
  const stop = new AbortController();
  let faulty: BoardFault | undefined;
  let tty: Tty | undefined;
  let stock: StockBoard | undefined;
  let wanted = { pattern: "idle" as LampPattern, quiet: false, drill: false };
  let told: readonly LoopState[] = [];
  let health: BoardHealth = { connected: false };

  const fail = (code: BoardFault, detail: string) => {
    // What was pulled out is not there: that is no news.
    if (faulty === code || (faulty === "unplugged" && code === "absent")) return;
    faulty = code;
    on.fault(code, detail);
  };
  const say = (bytes: Uint8Array) => {
    try {
      tty?.write(bytes);
    } catch {
      // A full or broken line shows on the reading side; everything said is said again.
    }
  };
  const show = () => {
    if (stock) stock.show(wanted.pattern, wanted.quiet);
    else say(encodeToBoard({ kind: "show", ...wanted, darkLoops: [] }));
  };

  const takeLoop = (loop: number, state: LoopState) => {
    const before = told[loop] ?? "normal";
    const states = [...told];
    states[loop] = state;
    told = states;
    if (before !== state && options.loops.includes(loop)) on.loop(loop, state);
  };

  const take = (message: FromBoard): void => {
    switch (message.kind) {
      case "press":
        // Only a hello tells which numbers are new: it is asked for, and the press comes again.
        if (health.connected) on.press(message.press);
        break;
      case "loop":
        if (health.loops) health = { ...health, loops: health.loops.with(message.loop, message.state) };
        takeLoop(message.loop, message.state);
        break;
      case "heartbeat":
        for (const [loop, state] of message.loops.entries()) takeLoop(loop, state);
        health = { ...health, loops: message.loops, supplyMv: message.supplyMv };
        // The pattern is refreshed anyway; a board that was reset need not wait for it.
        if (message.pattern !== PATTERNS.indexOf(wanted.pattern)) show();
        break;
      case "hello":
        health = { ...health, connected: true, firmware: message.firmware };
        on.hello(message.board, message.lastNumber);
        options.backoff.reset();
        if (message.protocol !== PROTOCOL) {
          const detail = `the panic board speaks protocol ${message.protocol}, this release ${PROTOCOL}: flash its firmware`;
          fail("protocol", detail);
        } else if (faulty) {
          faulty = undefined;
          on.recovered(`the panic board answers, firmware ${message.firmware}`);
        }
        show();
    }
  };

  /** Takes over a board with another firmware, unless it has gone meanwhile. */
  const identify = async (name: string, port: Tty): Promise<void> => {
    const attached = await options.attachStock(say, options.loops, (loop) =>
      on.press({ board: "stock", number: 0, loop, count: 1, ageMs: 0 }),
    );
    if (tty !== port) {
      attached.close();
      return;
    }
    stock = attached;
    health = { connected: true, firmware: name, degraded: true };
    fail(
      "not-ours",
      `the board runs ${name}: presses are read, but not latched, and loops are not supervised`,
    );
    show();
  };

  const serve = async (port: Tty): Promise<void> => {
    let heardAt = performance.now();
    let known = false;
    let identifying = false;
    let failure: unknown;
    const openedAt = heardAt;
    /** Ends the read that is waiting, and with it the connection. */
    const giveUp = (cause: unknown) => {
      failure ??= cause;
      port.close();
    };
    const receive = createBoardFramer({
      panic(body) {
        const message = decodeFromBoard(body);
        if (!message) return; // noise: what matters is said again
        heardAt = performance.now();
        known = true;
        if (message.kind !== "hello" && !health.connected) say(encodeToBoard({ kind: "query" }));
        take(message);
      },
      firmata(bytes) {
        if (stock) {
          heardAt = performance.now();
          stock.receive(bytes);
          return;
        }
        const name = known ? undefined : firmwareName(bytes);
        if (name === undefined) return;
        // Our own board greets as a Firmata board too; then it is asked in our own words.
        if (name.startsWith(OUR_FIRMWARE)) say(encodeToBoard({ kind: "query" }));
        else if (!identifying) {
          identifying = true;
          identify(name, port).catch(giveUp);
        }
      },
      broken: () => undefined,
    });
    const watch = setInterval(() => {
      const now = performance.now();
      if (!known && !stock) {
        say(encodeToBoard({ kind: "query" }));
        if (now - openedAt >= timing.identifyMs) say(REPORT_FIRMWARE);
      }
      show();
      if (stock) return;
      const quietMs = now - heardAt;
      if (quietMs >= timing.silentMs) {
        // A hello makes it known again: it is asked for with every message that comes.
        health = { ...health, connected: false };
        fail("silent", silence(options.path).message);
      }
      if (quietMs >= 2 * timing.silentMs) giveUp(silence(options.path));
    }, timing.refreshMs);
    try {
      say(encodeToBoard({ kind: "query" }));
      for (;;) {
        // oxlint-disable-next-line no-await-in-loop -- a serial line is read in order
        const bytes = await port.read();
        if (failure !== undefined) throw failure;
        if (!bytes) return; // closed because the unit stops
        receive(bytes);
      }
    } finally {
      clearInterval(watch);
    }
  };

  const connectOnce = async (): Promise<void> => {
    const port = await options.open().catch((cause: unknown) => {
      const { code, message } = openFault(options.path, "panic board", cause);
      throw new BoardError(code, message, cause);
    });
    tty = port;
    const close = () => port.close();
    stop.signal.addEventListener("abort", close);
    try {
      await serve(port);
    } catch (cause) {
      if (cause instanceof BoardError) throw cause;
      const detail = `the panic board was unplugged from ${options.path} (${reasonOf(cause)})`;
      throw new BoardError("unplugged", detail, cause);
    } finally {
      stop.signal.removeEventListener("abort", close);
      tty = undefined;
      stock?.close();
      stock = undefined;
      health = { connected: false };
      close();
    }
  };

  const run = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      try {
        // oxlint-disable-next-line no-await-in-loop -- one board, one connection at a time
        await connectOnce();
      } catch (cause) {
        if (stop.signal.aborted) return;
        const error = cause instanceof BoardError ? cause : new BoardError("failed", reasonOf(cause), cause);
        fail(error.code, error.message);
      }
      // oxlint-disable-next-line no-await-in-loop
      if (!stop.signal.aborted) await pause(options.backoff.next(), stop.signal);
    }
  };
  const running = run();

  return {
    get health() {
      return health;
    },
    confirm({ number }: BoardPress) {
      if (number > 0) say(encodeToBoard({ kind: "confirm", number }));
    },
    show(pattern, quiet, drill = false) {
      wanted = { pattern, quiet, drill };
      show();
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
    },
  };
};

/** The name in a Firmata firmware report (0x79), where these bytes have a whole one. */
const firmwareName = (bytes: Uint8Array): string | undefined => {
  const start = bytes.findIndex((byte, i) => byte === 0xf0 && bytes[i + 1] === 0x79);
  const end = start < 0 ? -1 : bytes.indexOf(0xf7, start);
  if (end < start + 4) return undefined;
  const letters = bytes.subarray(start + 4, end);
  const name = Array.from({ length: letters.length >> 1 }, (_, i) =>
    String.fromCodePoint(letters[2 * i]! | (letters[2 * i + 1]! << 7)),
  ).join("");
  return `${name.replace(/\.ino$/, "") || "an unnamed firmware"} ${bytes[start + 2]}.${bytes[start + 3]}`;
};
