import { readFileSync } from "node:fs";
import { PAGE_BYTES } from "../../firmware-bridge/firmware-image.ts";
import { createBoardFramer } from "../../firmware-bridge/framer.ts";
import { releasedImage, releasedLoader } from "../../firmware-bridge/image.ts";
import {
  decodeFromBoard,
  encodeToBoard,
  type FromBoard,
  type ToBoard,
} from "../../firmware-bridge/protocol.ts";
import { createBoard, type Board } from "../../firmware-bridge/simulator/board.ts";
import { erasedFlash, readHex } from "../../firmware-bridge/simulator/hex.ts";
import { OUR_BOOT, type BootFuses } from "../../firmware-bridge/simulator/self-programming.ts";
import { answerTo, type Command } from "../../firmware-bridge/stk500.ts";
import { createRandom } from "../../src/demo/random.ts";

/** A board with a boot loader on the bench, its line in the hands of a test. */
export type BootBench = {
  readonly board: Board;
  /** Program memory in bytes. */
  readonly flash: Uint8Array;
  readonly eeprom: Uint8Array;
  /** Our boot loader waits for a host. It shows `fault`, which the firmware shows only for a host. */
  readonly isWaiting: boolean;
  /** What the firmware has said. */
  readonly heard: FromBoard[];
  /** All bytes from the board. */
  readonly said: number[];
  pass(ms: number): void;
  say(message: ToBoard): void;
  send(...bytes: number[]): void;
  /** The answer to a command, or undefined after a second. */
  ask(command: Command): Uint8Array | "wrong" | undefined;
  /** Lets time pass until the firmware's next hello; undefined: none in this time. */
  hello(withinMs?: number): Extract<FromBoard, { kind: "hello" }> | undefined;
  powerCycle(): void;
};

type BootBenchOptions = {
  readonly seed?: number;
  /** Images in program memory, as text. The default: the released firmware and boot loader. */
  readonly images?: readonly string[];
  /** The default: those of a board with our loader. `none`: the board starts at address 0. */
  readonly boot?: BootFuses | "none";
};

export const firmwareText = (): string => readFileSync(releasedImage(), "utf8");
export const loaderText = (): string => readFileSync(releasedLoader(), "utf8");

export const openBootBench = (options: BootBenchOptions = {}): BootBench => {
  const flash = erasedFlash();
  for (const image of options.images ?? [firmwareText(), loaderText()]) readHex(image, "the image", flash);
  const heard: FromBoard[] = [];
  const said: number[] = [];
  const receive = createBoardFramer({
    panic(body) {
      const message = decodeFromBoard(body);
      if (message) heard.push(message);
    },
    firmata: () => undefined,
    broken: () => undefined,
  });
  const board = createBoard({
    flash,
    ...(options.boot !== "none" && { boot: options.boot ?? OUR_BOOT }),
    random: createRandom(options.seed ?? 1),
    onSerial(byte) {
      said.push(byte);
      receive(Uint8Array.of(byte));
    },
    onLight: () => undefined,
  });
  const pass = (ms: number) => board.run(board.nowMs + ms);
  /** Runs the board until `done`, at most for a time. */
  const until = <T>(done: () => T | undefined, withinMs: number): T | undefined => {
    const end = board.nowMs + withinMs;
    for (let found = done(); ; found = done()) {
      if (found !== undefined || board.nowMs >= end) return found;
      pass(1);
    }
  };
  return {
    board,
    flash: new Uint8Array(flash.buffer),
    get eeprom() {
      return board.eeprom;
    },
    get isWaiting() {
      return board.light.lamp === "fault";
    },
    heard,
    said,
    pass,
    say: (message) => board.receive(encodeToBoard(message)),
    send: (...bytes) => board.receive(bytes),
    ask(command) {
      said.length = 0;
      board.receive(command.bytes);
      return until(() => answerTo(command, Uint8Array.from(said)), 1_000);
    },
    hello(withinMs = 1_500) {
      heard.length = 0;
      return until(() => heard.find((message) => message.kind === "hello"), withinMs);
    },
    powerCycle() {
      board.power(false);
      board.power(true);
    },
  };
};

export const pageOf = (flash: Uint8Array, at: number): Uint8Array => flash.slice(at, at + PAGE_BYTES);
