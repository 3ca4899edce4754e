import { EventEmitter } from "node:events";
import type { LampPattern } from "../src/domain/panic.ts";

/** A board with StandardFirmata or similar firmware: plain buttons, no latch, no supervision. */
export type StockBoard = {
  /** Bytes from the board. */
  receive(bytes: Uint8Array): void;
  show(pattern: LampPattern, quiet: boolean): void;
  close(): void;
};

/** The board sent its version before johnny-five was loaded: request it again after this time. */
const VERSION_MS = 500;
const MODE_INPUT = 0;
const LED_PIN = 13;
/** Milliseconds between on and off; 0 is steady. It has no sounder. */
const BLINK_MS: Readonly<Record<LampPattern, number | "off">> = {
  idle: "off",
  "no-link": "off",
  silent: "off",
  stored: 800,
  sent: 400,
  received: 200,
  accepted: 0,
  fault: 100,
  done: 1_200,
  refused: 300,
};

/** The transport that Firmata expects. The caller owns the line. */
class Transport extends EventEmitter {
  readonly isOpen = true;
  readonly #send: (bytes: Uint8Array) => void;
  constructor(send: (bytes: Uint8Array) => void) {
    super();
    this.#send = send;
  }
  write(bytes: Uint8Array, done?: () => void): void {
    this.#send(bytes);
    done?.();
  }
  close(): void {
    this.emit("close");
  }
}

/**
 * Reads plain buttons with johnny-five, between the loops' pins (A0 is loop 0) and ground, with the
 * chip's own pull-ups. johnny-five is loaded only here: a board with our firmware does not need it.
 */
export const attachStockBoard = async (
  write: (bytes: Uint8Array) => void,
  loops: readonly number[],
  press: (loop: number) => void,
): Promise<StockBoard> => {
  // Both are CommonJS: their exports are the default export here.
  const [{ default: five }, { default: firmata }] = await Promise.all([
    import("johnny-five"),
    import("firmata-io"),
  ]);
  const transport = new Transport(write);
  const io = new firmata.Firmata(transport, { reportVersionTimeout: VERSION_MS });
  const board = new five.Board({ io, repl: false, debug: false, sigint: false });
  let led: InstanceType<typeof five.Led> | undefined;
  let wanted: LampPattern = "idle";
  let shown: LampPattern | undefined;
  const light = () => {
    if (!led || wanted === shown) return;
    shown = wanted;
    const blinkMs = BLINK_MS[wanted];
    led.stop();
    if (blinkMs === "off") led.off();
    else if (blinkMs === 0) led.on();
    else led.blink(blinkMs);
  };
  board.on("ready", () => {
    for (const loop of loops) {
      // Our own firmware does not offer these pins and reports them low, which would read as pressed.
      const pin = io.pins.find(({ analogChannel }) => analogChannel === loop);
      if (!pin?.supportedModes.includes(MODE_INPUT)) continue;
      new five.Button({ board, pin: `A${loop}`, isPullup: true }).on("press", () => press(loop));
    }
    led = new five.Led({ board, pin: LED_PIN });
    light();
  });
  board.on("error", () => undefined); // the caller watches for silence
  setImmediate(() => transport.emit("open"));
  return {
    receive: (bytes) => void transport.emit("data", Buffer.from(bytes)),
    show(pattern) {
      wanted = pattern;
      light();
    },
    close() {
      led?.stop();
      board.removeAllListeners();
      // Its own timer reports, 10 s after the version, a board that has not become ready: an error nobody hears is thrown.
      board.on("error", () => undefined);
      transport.close();
    },
  };
};
