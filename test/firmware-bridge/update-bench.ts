import { cksum } from "../../firmware-bridge/crc.ts";
import { readFirmware, type FirmwareImage } from "../../firmware-bridge/firmware-image.ts";
import {
  updateBoard,
  type Updated,
  type UpdateOptions,
  type UpdateProgress,
} from "../../firmware-bridge/updater.ts";
import { createRandom } from "../../src/demo/random.ts";
import type { Tty } from "../../src/runtime/tty.ts";
import { firmwareText, openBootBench, type BootBench } from "./boot-bench.ts";
import { handTime } from "./in-memory.ts";

/** A board on a line, and the client that updates it, on one clock that is moved by hand. */
export type UpdateBench = {
  readonly bench: BootBench;
  /** Runs an update to its end, at most for a minute of the board's time. */
  readonly update: (image: FirmwareImage, watch?: UpdateWatch) => Promise<UpdateResult>;
};

type UpdateWatch = {
  /** The default: true. */
  readonly force?: boolean;
  readonly atRest?: UpdateOptions["atRest"];
  readonly onProgress?: (progress: UpdateProgress) => void;
  /** Each millisecond, with the time since the update began. */
  readonly each?: (ms: number) => void;
};
type UpdateResult = PromiseSettledResult<Updated> & { readonly ms: number };

const BOARD_BAUDS = [38_400, 57_600];
const TOLERANCE = 0.05;
const LONGEST_MS = 60_000;

/** Bytes at another rate than the reader's are noise. */
const isSameRate = (a: number, b: number): boolean => Math.abs(a / b - 1) < TOLERANCE;

export const openUpdateBench = (
  options: Parameters<typeof openBootBench>[0] & {
    /** What the line makes of a byte, either way. */
    readonly spoil?: (byte: number, random: () => number) => number;
  } = {},
): UpdateBench & { readonly cutLine: () => void } => {
  const bench = openBootBench(options);
  const random = createRandom(options.seed ?? 1);
  const time = handTime();
  let line: { baud: number; pending: number[]; cut: boolean; wake: () => void } | undefined;
  const onLine = (byte: number, hostBaud: number) => {
    const heard = isSameRate(hostBaud, bench.board.baud) ? byte : Math.floor(random() * 0x100);
    return options.spoil?.(heard, random) ?? heard;
  };
  const openLine = async (_path: string, baud: number): Promise<Tty> => {
    const mine = { baud, pending: [] as number[], cut: false, wake: () => undefined as void };
    let closed = false;
    line = mine;
    return {
      async read() {
        while (mine.pending.length === 0 && !closed && !mine.cut)
          await new Promise<void>((resolve) => (mine.wake = resolve));
        if (mine.cut) throw new Error("the line hung up");
        return closed ? undefined : Uint8Array.from(mine.pending.splice(0));
      },
      write(bytes) {
        if (mine.cut) throw new Error("the line hung up");
        bench.board.receive([...bytes].map((byte) => onLine(byte, mine.baud)));
      },
      async setBaud(rate) {
        mine.baud = rate;
      },
      close() {
        closed = true;
        mine.wake();
        if (line === mine) line = undefined;
        return Promise.resolve();
      },
    };
  };
  const cutLine = () => {
    if (!line) return;
    line.cut = true;
    line.wake();
  };
  const start = bench.board.nowMs;
  const tick = () => {
    bench.said.length = 0;
    bench.pass(1);
    time.moveTo(bench.board.nowMs - start);
    if (!line || bench.said.length === 0) return;
    line.pending.push(...bench.said.map((byte) => onLine(byte, line!.baud)));
    line.wake();
  };
  return {
    bench,
    cutLine,
    async update(image, { onProgress = () => undefined, each = () => undefined, force = true, atRest } = {}) {
      const began = bench.board.nowMs;
      const running = updateBoard({
        path: "memory",
        openLine,
        bauds: BOARD_BAUDS,
        time,
        image,
        force,
        atRest,
        onBegin: () => undefined,
        onProgress,
      });
      let result: PromiseSettledResult<Updated> | undefined;
      void Promise.allSettled([running]).then(([settled]) => (result = settled));
      while (!result && bench.board.nowMs < began + LONGEST_MS) {
        each(bench.board.nowMs - began);
        tick();
        // The client takes its turn.
        if (bench.said.length > 0 || Math.floor(bench.board.nowMs) % 5 === 0)
          await new Promise((resolve) => setImmediate(resolve));
      }
      if (!result) throw new Error("the update does not end");
      return { ...result, ms: bench.board.nowMs - began };
    },
  };
};

/** Another firmware, longer by some pages: the released one with bytes behind it, and its own seal. */
export const otherFirmware = (): string => {
  const { pages, bytes } = readFirmware(firmwareText());
  const memory = Buffer.alloc(bytes + 700, 0x5a);
  Buffer.concat(pages.map((page) => page.bytes)).copy(memory, 0, 0, bytes);
  const seal = Buffer.alloc(6);
  seal.writeUInt16LE(memory.length);
  seal.writeUInt32LE(cksum(memory), 2);
  return [...recordsOf(0, memory), ...recordsOf(0x7bfa, seal), ":00000001FF"].join("\n");
};

const recordsOf = (at: number, bytes: Buffer): string[] =>
  Array.from({ length: Math.ceil(bytes.length / 16) }, (_, i) => {
    const data = bytes.subarray(16 * i, 16 * i + 16);
    const address = at + 16 * i;
    const record = Buffer.of(data.length, address >> 8, address & 0xff, 0, ...data);
    const sum = record.reduce((total, byte) => total + byte, 0);
    return `:${record.toString("hex").toUpperCase()}${(-sum & 0xff).toString(16).padStart(2, "0").toUpperCase()}`;
  });
