import { execFileSync, spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc16 } from "../../firmware-bridge/crc.ts";
import { createBoardFramer } from "../../firmware-bridge/framer.ts";
import { END_SYSEX, PANIC_SYSEX, START_SYSEX } from "../../firmware-bridge/protocol.ts";
import type { Coverage, Run } from "./fuzz.ts";

/** The panic board's firmware, compiled for this computer with the sanitizers of gcc: see firmware/host.c. */

const FIRMWARE = "firmware-bridge/firmware";
const HOST = "test/fuzz/firmware";
const SOURCES = "main serial firmata panic latch loops lamp update supply keep".split(" ");
const SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
const COMMON = ["-O1", "-g", "-fno-pie", "-w", ...SANITIZERS, `-I${HOST}`];
/**
 * -fpack-struct: the chip pads no structure. -fno-sanitize=shift-exponent: C leaves a shift by the width of a type or more
 * undefined; avr-gcc shifts bit by bit, and the result is 0.
 */
const OURS =
  `-std=gnu99 -fpack-struct=1 -fsanitize-coverage=trace-pc -fno-sanitize=shift-exponent -DF_CPU=16000000UL
  -Dmain=firmware_main -include ${HOST}/host.h -I${FIRMWARE}`.split(/\s+/);
const MAP_BYTES = 8_192;
const ASK = 0xffff;
const STDERR_CHARS = 4_000;
const LEAST_BYTES = 6;
const MASK = 0x7f;

/** Returns the program. */
const build = (): string => {
  const folder = mkdtempSync(join(tmpdir(), "firmware-"));
  // The sanitizers read the program when they say where something was wrong.
  process.once("exit", () => rmSync(folder, { recursive: true }));
  const objects = SOURCES.map((name) => {
    const object = join(folder, `${name}.o`);
    execFileSync("cc", [...COMMON, ...OURS, "-c", `${FIRMWARE}/${name}.c`, "-o", object]);
    return object;
  });
  const program = join(folder, "firmware");
  execFileSync("cc", [...COMMON, "-no-pie", `${HOST}/host.c`, ...objects, "-o", program]);
  return program;
};

/** Messages of ours get the length and the CRC that they should have: changed ones would go no further. */
export const sealed = (input: Buffer): Buffer => {
  const bytes = Buffer.from(input);
  for (let from = 0; (from = bytes.indexOf(Buffer.of(START_SYSEX, PANIC_SYSEX), from)) >= 0; from += 2) {
    const end = bytes.indexOf(END_SYSEX, from);
    const body = bytes.subarray(from + 2, end < 0 ? from + 2 : end);
    if (body.includes(START_SYSEX) || body.length < LEAST_BYTES || body.length % 2 === 1) continue;
    const payload = body.subarray(2, -4);
    body[1] = (payload.length / 2) & MASK;
    const values = Array.from(
      { length: payload.length / 2 },
      (_, n) => (payload[2 * n]! | (payload[2 * n + 1]! << 7)) & 0xff,
    );
    const crc = crc16([...body.subarray(0, 2), ...values]);
    const low = crc & 0xff;
    const high = crc >> 8;
    body.set([low & MASK, low >> 7, high & MASK, high >> 7], body.length - 4);
  }
  return bytes;
};

class Board implements Coverage {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #seen = Buffer.alloc(MAP_BYTES);
  #complaints = "";
  #more = Promise.withResolvers<void>();

  constructor(program: string) {
    this.#child = spawn(program);
    for (const change of ["readable", "end"])
      this.#child.stdout.on(change, () => {
        this.#more.resolve();
        this.#more = Promise.withResolvers();
      });
    this.#child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#complaints = (this.#complaints + text).slice(-STDERR_CHARS);
    });
  }

  /** Returns what the board has said. Rejects with what a sanitizer says if it died. */
  async run(input: Buffer): Promise<Buffer> {
    const length = Buffer.alloc(2);
    length.writeUInt16LE(input.length);
    this.#child.stdin.write(Buffer.concat([length, input]));
    const died = (await this.#read(1))[0] === 1;
    const said = await this.#read((await this.#read(2)).readUInt16LE());
    if (died) throw new Error(`the firmware died: ${this.#complaints}`);
    return said;
  }

  async fresh(): Promise<(() => void) | undefined> {
    const asked = Buffer.alloc(2);
    asked.writeUInt16LE(ASK);
    this.#child.stdin.write(asked);
    const ran = await this.#read(MAP_BYTES);
    if (!ran.some((bits, at) => (bits & ~this.#seen[at]!) !== 0)) return undefined;
    return () => ran.forEach((bits, at) => (this.#seen[at]! |= bits));
  }

  /** Blocks of the firmware that have run. */
  get size(): number {
    return this.#seen.reduce((sum, bits) => sum + bits.toString(2).replaceAll("0", "").length, 0);
  }

  async #read(bytes: number): Promise<Buffer> {
    if (bytes === 0) return Buffer.alloc(0);
    const { stdout } = this.#child;
    for (;;) {
      const more = this.#more.promise;
      const read: unknown = stdout.read(bytes);
      if (Buffer.isBuffer(read) && read.length === bytes) return read;
      if (stdout.readableEnded) throw new Error(`the host of the firmware ended: ${this.#complaints}`);
      // oxlint-disable-next-line no-await-in-loop -- as the bytes come
      await more;
    }
  }
}

/** The board must live, and what it says must be whole messages. Half of the inputs have right CRCs. */
export const openFirmware = (): Promise<{ run: Run; coverage: Coverage }> => {
  const board = new Board(build());
  const run = async (input: Buffer): Promise<void> => {
    const said = await board.run(input.length % 2 === 0 ? sealed(input) : input);
    const framer = createBoardFramer({
      panic: () => undefined,
      firmata: () => undefined,
      broken() {
        throw new Error(`the board said a broken message: ${said.toString("hex")}`);
      },
    });
    framer(said);
  };
  return Promise.resolve({ run, coverage: board });
};
