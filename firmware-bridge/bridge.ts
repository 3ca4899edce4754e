import type { BoardFault, BoardListener } from "../src/domain/panic.ts";
import { reasonOf } from "../src/runtime/log.ts";
import type { Random, Time } from "../src/runtime/ports.ts";
import { openFault, type Tty } from "../src/runtime/tty.ts";
import { advance } from "./advance.ts";
import { ASK_FIRMWARE_NAME } from "./firmware-name.ts";
import { createBoardFramer } from "./framer.ts";
import { withoutRepeats } from "./lateness.ts";
import { decodeFromBoard, encodeToBoard } from "./protocol.ts";
import { BOARD_BAUDS } from "./rates.ts";
import { INITIAL, type BoardState, type Effect, type Input, type Setting, type Timing } from "./state.ts";
import { SYNC } from "./stk500.ts";
import type { StockBoard } from "./stock-board.ts";

export type PanicBoardOptions = Omit<Setting, "timing" | "bauds"> & {
  readonly timing?: Partial<Timing>;
  /** The rates to try; the default is that of this release's firmware, then that of older ones. */
  readonly bauds?: readonly number[];
  readonly openLine: (path: string, baud: number) => Promise<Tty>;
  readonly random: Random;
  /** Pauses between attempts to open the line; the default is 250 ms to 4 s. */
  readonly reopenMs?: { readonly min: number; readonly max: number };
  readonly time: Time;
  /** Takes over a board that speaks Firmata but not our protocol. */
  readonly attachStock: (
    write: (bytes: Uint8Array) => void,
    loops: readonly number[],
    press: (loop: number) => void,
  ) => Promise<StockBoard>;
};

const TIMING: Timing = { refreshMs: 1_000, identifyMs: 3_000, silentMs: 4_000 };
/** Firmata's system reset: the board stops reporting and forgets its pin modes. */
const SYSTEM_RESET = Uint8Array.of(0xff);

/** Why a connection cannot be used. `message` says what to do. */
class BoardError extends Error {
  readonly code: BoardFault;
  constructor(code: BoardFault, message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

/** Performs the effects of `advance`, on one line after another. */
export class Bridge {
  readonly #options: PanicBoardOptions;
  readonly #setting: Setting;
  readonly #on: BoardListener;
  readonly #asked: () => void;
  #state: BoardState = INITIAL;
  #line: Tty | undefined;
  #stock: StockBoard | undefined;
  /** Counts lines and takeovers, to ignore calls from an earlier johnny-five. */
  #takeover = 0;
  /** A board has answered on this line. */
  #answered = false;
  /** Why the line is being closed. */
  #ending: BoardError | undefined;

  /** `asked` is called when the query has been written to a line. */
  constructor(options: PanicBoardOptions, on: BoardListener, asked: () => void) {
    this.#asked = asked;
    this.#options = options;
    this.#setting = { bauds: BOARD_BAUDS, ...options, timing: { ...TIMING, ...options.timing } };
    this.#on = on;
  }

  get state(): BoardState {
    return this.#state;
  }

  input(input: Input): void {
    const { state, effects } = advance(this.#state, input, this.#setting);
    this.#state = state;
    for (const effect of effects) this.#perform(effect);
  }

  #write(bytes: Uint8Array): void {
    try {
      this.#line?.write(bytes);
    } catch {
      // The reading side notices a broken line, and every message that is lost is repeated.
    }
  }

  #perform(effect: Effect): void {
    switch (effect.do) {
      case "send":
        this.#write(encodeToBoard(effect.message));
        break;
      case "ask-name":
        this.#write(ASK_FIRMWARE_NAME);
        break;
      case "ask-loader":
        this.#write(SYNC.bytes);
        break;
      case "reset-firmata":
        this.#write(SYSTEM_RESET);
        break;
      case "retune":
        this.#retune(effect.baud);
        break;
      case "attach":
        this.#attach().catch((cause: unknown) =>
          this.#close(new BoardError("failed", reasonOf(cause), cause)),
        );
        break;
      case "detach":
        this.#detach();
        if (effect.reset) this.#write(SYSTEM_RESET);
        break;
      case "feed-stock":
        this.#stock?.receive(effect.bytes);
        break;
      case "show-stock":
        this.#stock?.show(effect.wish.pattern, effect.wish.quiet);
        break;
      case "answered":
        this.#answered = true;
        break;
      case "close":
        this.#close(new BoardError(effect.code, effect.detail));
        break;
      case "hello":
        this.#on.hello(effect.board, effect.lastNumber);
        break;
      case "press":
        this.#on.press(effect.press);
        break;
      case "released":
        this.#on.released(effect.release);
        break;
      case "loop":
        this.#on.loop(effect.loop, effect.state, effect.level);
        break;
      case "fault":
        this.#on.fault(effect.code, effect.detail);
        break;
      case "recovered":
        this.#on.recovered(effect.detail);
        break;
      case "trouble":
        this.#on.trouble(effect.trouble, effect.faulty, effect.detail);
    }
  }

  #retune(baud: number): void {
    const line = this.#line;
    line?.setBaud(baud).then(
      () => line === this.#line && this.input({ is: "retuned" }),
      () => undefined, // the reading side notices a broken line
    );
  }

  async #attach(): Promise<void> {
    const takeover = ++this.#takeover;
    const isCurrent = () => takeover === this.#takeover;
    const stock = await this.#options.attachStock(
      (bytes) => isCurrent() && this.#write(bytes),
      this.#setting.loops,
      (loop) => isCurrent() && this.input({ is: "stock-press", at: this.#options.time.mono(), loop }),
    );
    if (!isCurrent()) {
      stock.close();
      return;
    }
    this.#stock = stock;
    this.input({ is: "attached" });
  }

  #detach(): void {
    this.#takeover++;
    this.#stock?.close();
    this.#stock = undefined;
  }

  /** Closes the line, which ends the pending read and the connection. */
  #close(cause: BoardError): void {
    this.#ending ??= cause;
    void this.#line?.close();
  }

  /** Serves one line until it ends. `error` undefined: it was closed because the unit stops. */
  async serve(stop: AbortSignal): Promise<{ error: BoardError | undefined; answered: boolean }> {
    this.#answered = false;
    const error = await this.#serve(stop);
    return { error, answered: this.#answered };
  }

  async #serve(stop: AbortSignal): Promise<BoardError | undefined> {
    const { path } = this.#setting;
    const line = await this.#open(stop);
    if (!line || line instanceof BoardError) return line;
    this.#line = line;
    this.#ending = undefined;
    const close = () => void line.close();
    stop.addEventListener("abort", close);
    try {
      await this.#read(line);
      return this.#ending;
    } catch (cause) {
      const detail = `the panic board was unplugged from ${path} (${reasonOf(cause)})`;
      return new BoardError("unplugged", detail, cause);
    } finally {
      stop.removeEventListener("abort", close);
      this.#line = undefined;
      await line.close();
    }
  }

  async #open(stop: AbortSignal): Promise<Tty | BoardError | undefined> {
    const { path, bauds } = this.#setting;
    try {
      const line = await this.#options.openLine(path, bauds[this.#state.rate] ?? 0);
      if (!stop.aborted) return line;
      await line.close();
      return undefined;
    } catch (cause) {
      const { code, message } = openFault(path, "panic board", cause);
      return new BoardError(code, message, cause);
    }
  }

  async #read(line: Tty): Promise<void> {
    const { time } = this.#options;
    // What one read holds: at most READ_BYTES of `runtime/tty`.
    let inputs: Input[] = [];
    const receive = createBoardFramer({
      panic: (body) => {
        const message = decodeFromBoard(body);
        // An undefined message is noise. The board repeats what matters.
        if (message) inputs.push({ is: "message", at: time.mono(), message });
      },
      firmata: (bytes) => void inputs.push({ is: "firmata", at: time.mono(), bytes }),
      broken: () => undefined,
    });
    this.input({ is: "opened", at: time.mono() });
    this.#asked();
    using _ = time.every(this.#setting.timing.refreshMs, () => this.input({ is: "tick", at: time.mono() }));
    // oxlint-disable-next-line no-await-in-loop -- a serial line is read in order
    for (let bytes = await line.read(); bytes; bytes = await line.read()) {
      inputs = [];
      receive(bytes);
      for (const input of withoutRepeats(inputs)) this.input(input);
    }
  }
}
