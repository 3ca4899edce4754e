import { readFileSync } from "node:fs";
import { createBoardFramer } from "../../firmware-bridge/framer.ts";
import { releasedImage } from "../../firmware-bridge/image.ts";
import {
  decodeFromBoard,
  encodeToBoard,
  type FromBoard,
  type ToBoard,
} from "../../firmware-bridge/protocol.ts";
import { createBoard, type Board, type Light } from "../../firmware-bridge/simulator/board.ts";
import { readHex } from "../../firmware-bridge/simulator/hex.ts";
import { createRandom } from "../../src/demo/random.ts";
import type { LampPattern } from "../../src/domain/panic.ts";

/** The released image on the bench, without a host: what it says is kept, what is to be said is said here. */
export type FirmwareBench = {
  readonly board: Board;
  readonly heard: { readonly atMs: number; readonly message: FromBoard }[];
  readonly lights: { readonly atMs: number; readonly light: Light }[];
  /** Bytes that are Firmata's. */
  readonly firmata: number[];
  readonly broken: () => number;
  say(message: ToBoard): void;
  /** Lets time pass; the host's part is played by `onMessage`. */
  pass(ms: number): void;
  of<K extends FromBoard["kind"]>(kind: K): Extract<FromBoard, { kind: K }>[];
};

export const openFirmwareBench = (
  options: {
    seed?: number;
    image?: string;
    eeprom?: Uint8Array;
    bandgapV?: number;
    lampDropV?: number;
    onMessage?: (message: FromBoard, bench: FirmwareBench) => void;
  } = {},
): FirmwareBench => {
  const heard: FirmwareBench["heard"] = [];
  const lights: FirmwareBench["lights"] = [];
  const firmata: number[] = [];
  let broken = 0;
  const receive = createBoardFramer({
    panic(body) {
      const message = decodeFromBoard(body);
      if (!message) {
        broken++;
        return;
      }
      heard.push({ atMs: board.nowMs, message });
      options.onMessage?.(message, bench);
    },
    firmata: (bytes) => void firmata.push(...bytes),
    broken: () => void broken++,
  });
  const board: Board = createBoard({
    flash: readHex(readFileSync(options.image ?? releasedImage(), "utf8")),
    random: createRandom(options.seed ?? 1),
    ...(options.eeprom ? { eeprom: options.eeprom } : {}),
    ...(options.bandgapV === undefined ? {} : { bandgapV: options.bandgapV }),
    ...(options.lampDropV === undefined ? {} : { lampDropV: options.lampDropV }),
    onSerial: (byte) => receive(Uint8Array.of(byte)),
    onLight: (light) => void lights.push({ atMs: board.nowMs, light }),
  });
  const bench: FirmwareBench = {
    board,
    heard,
    lights,
    firmata,
    broken: () => broken,
    say: (message) => board.receive(encodeToBoard(message)),
    pass: (ms) => board.run(board.nowMs + ms),
    of: (kind) => heard.map(({ message }) => message).filter((message) => message.kind === kind) as never,
  };
  return bench;
};

/** Vibration and interference: contacts of up to 8 ms, bounce included, on every loop; the host lives. */
export const makeNoise = (bench: FirmwareBench, random: () => number, forMs: number): void => {
  const end = bench.board.nowMs + forMs;
  while (bench.board.nowMs < end) {
    bench.board.press(Math.floor(random() * 4), random() * 3);
    bench.pass(20 + random() * 400);
    bench.say({ kind: "show", pattern: "idle", quiet: false, drill: false, darkLoops: [], mayTest: false });
  }
};

/** Sends a pattern, as a host does. By default without the sounder, no drill, no dark loops. */
export const show = (
  bench: FirmwareBench,
  pattern: LampPattern = "idle",
  { quiet = true, drill = false, darkLoops = [] as readonly number[], mayTest = false } = {},
) => bench.say({ kind: "show", pattern, quiet, drill, darkLoops, mayTest });

export const presses = (bench: FirmwareBench) => bench.of("press").map(({ press }) => press);
export const numbers = (bench: FirmwareBench) => new Set(presses(bench).map(({ number }) => number));
