import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { PAGE_BYTES, readFirmware, SEAL_PAGE } from "../../firmware-bridge/firmware-image.ts";
import { releasedLoader } from "../../firmware-bridge/image.ts";
import {
  ENTER,
  HARDWARE_OURS,
  LEAVE,
  READ_HARDWARE,
  READ_SIGNATURE,
  readPage,
  setAddress,
  SYNC,
  writePage,
} from "../../firmware-bridge/stk500.ts";
import { createRandom } from "../../src/demo/random.ts";
import { LAMP_PATTERNS } from "../../src/domain/panic.ts";
import { firmwareText, loaderText, openBootBench, pageOf, type BootBench } from "./boot-bench.ts";

const compiler = (() => {
  try {
    return execFileSync("avr-gcc", ["-dumpversion"], { encoding: "utf8" }).trim();
  } catch {
    return undefined;
  }
})();
const DONE = new Uint8Array(0);
const BOOT_AT = 0x7c00;
const ONLY_LOADER = { images: [loaderText()] };
const image = readFirmware(firmwareText());

const write = (bench: BootBench, at: number, bytes: Uint8Array) => {
  expect(bench.ask(setAddress(at))).toEqual(DONE);
  return bench.ask(writePage(bytes));
};
const read = (bench: BootBench, at: number, length = PAGE_BYTES) => {
  bench.ask(setAddress(at));
  return bench.ask(readPage(length));
};
/** The loader serves: it answers, and no firmware says hello. */
const serves = (bench: BootBench) => {
  // It looks at the firmware first.
  bench.pass(300);
  return bench.ask(SYNC) !== undefined && bench.hello(500) === undefined;
};

describe("the released boot loader", () => {
  test.skipIf(compiler === undefined)(`is what its source builds (avr-gcc ${compiler})`, () => {
    const folder = mkdtempSync(join(tmpdir(), "boot-"));
    for (const part of ["boot", "firmware"])
      cpSync(`firmware-bridge/${part}`, join(folder, part), { recursive: true });
    execFileSync("make", ["-C", join(folder, "boot"), "clean", "all"], { stdio: "pipe" });
    expect(readFileSync(join(folder, "boot/build/boot-loader.hex"), "utf8")).toBe(
      readFileSync(releasedLoader(), "utf8"),
    );
  });

  test("lies in the last KiB of flash", () => {
    const { flash } = openBootBench(ONLY_LOADER);
    expect(flash.subarray(0, BOOT_AT).every((byte) => byte === 0xff)).toBe(true);
    const bytes = flash.findLastIndex((byte) => byte !== 0xff) + 1 - BOOT_AT;
    process.stdout.write(`boot loader: ${bytes} of 1024 bytes; firmware: ${image.bytes} of ${SEAL_PAGE}\n`);
    expect(bytes).toBeLessThanOrEqual(1024);
  });
});

describe("a firmware", () => {
  test("whose seal fits starts at once, with the cause of the reset", () => {
    const bench = openBootBench();
    expect(bench.hello()).toMatchObject({ resetCause: 1 });
    process.stdout.write(`from power to hello: ${bench.board.nowMs.toFixed(0)} ms\n`);
    bench.board.derail();
    expect(bench.hello(2_500)).toMatchObject({ resetCause: 8 });
    bench.board.reset();
    expect(bench.hello(2_500)).toMatchObject({ resetCause: 2 });
  });

  test("with a bit wrong at any place is not started", () => {
    for (const at of [0, 1, 0x200, image.bytes >> 1, image.bytes - 1, 0x7bfa, 0x7bfb, 0x7bfc, 0x7bff]) {
      const bench = openBootBench();
      bench.flash[at]! ^= 0x10;
      expect(serves(bench), `byte ${at}`).toBe(true);
    }
  });

  test("that is missing, or has no seal, is waited for as long as it takes", () => {
    for (const images of [[loaderText()], [loaderText(), firmwareText().replace(/:067BFA\w+\s+/, "")]]) {
      const bench = openBootBench({ images });
      expect(bench.hello(5_000)).toBeUndefined();
      expect(serves(bench)).toBe(true);
      // A second in which the lamp changes.
      const lit = Array.from({ length: 20 }, () => (bench.pass(50), bench.board.lampLit));
      expect(new Set(lit).size).toBe(2);
    }
  });
});

describe("a host", () => {
  test("has a second to begin after a reset by the line, and 4.2 s after that between commands", () => {
    const late = openBootBench();
    late.hello();
    late.board.reset();
    late.pass(1_200);
    expect(late.ask(SYNC)).toBeUndefined();
    const bench = openBootBench();
    bench.hello();
    bench.board.reset();
    bench.pass(900);
    expect(bench.ask(SYNC)).toEqual(DONE);
    bench.pass(3_900);
    expect(bench.ask(SYNC)).toEqual(DONE);
    expect(bench.hello(4_000)).toBeUndefined();
    expect(bench.hello(1_000)).toMatchObject({ resetCause: 2 });
  });

  test("that sends noise does not keep the firmware waiting", () => {
    const bench = openBootBench();
    bench.hello();
    bench.board.reset();
    for (let i = 0; i < 10; i++) {
      bench.send(0xf0, 0x0b, 0x40, 0x00, 0xf7);
      bench.pass(100);
    }
    expect(bench.hello(600)).toMatchObject({ resetCause: 2 });
  });

  test("is told which loader and which chip this is", () => {
    const bench = openBootBench(ONLY_LOADER);
    bench.pass(10);
    expect(bench.ask(READ_HARDWARE)).toEqual(Uint8Array.of(HARDWARE_OURS));
    expect(bench.ask(READ_SIGNATURE)).toEqual(Uint8Array.of(0x1e, 0x95, 0x0f));
  });

  test("that stops in the middle of a page leaves nothing of it, and can begin anew", () => {
    const bench = openBootBench(ONLY_LOADER);
    bench.pass(10);
    bench.ask(setAddress(0));
    bench.send(...writePage(new Uint8Array(PAGE_BYTES)).bytes.subarray(0, 70));
    bench.pass(400);
    expect(bench.ask(SYNC)).toEqual(DONE);
    expect(bench.flash[0]).toBe(0xff);
  });

  test("that sends a command without its end is not answered until it pauses", () => {
    const bench = openBootBench(ONLY_LOADER);
    bench.pass(10);
    bench.ask(setAddress(0));
    const { bytes } = writePage(new Uint8Array(PAGE_BYTES));
    bench.send(...bytes.with(bytes.length - 1, 0x55));
    bench.pass(300);
    expect(bench.flash[0]).toBe(0xff);
    bench.pass(100);
    expect(bench.ask(SYNC)).toEqual(DONE);
  });
});

describe("programming", () => {
  test("writes and reads pages, and starts the firmware when the host leaves", () => {
    const bench = openBootBench(ONLY_LOADER);
    bench.pass(10);
    expect(bench.ask(ENTER)).toEqual(DONE);
    for (const { at, bytes } of [...image.pages, image.seal]) expect(write(bench, at, bytes)).toEqual(DONE);
    for (const { at, bytes } of [...image.pages, image.seal]) expect(read(bench, at)).toEqual(bytes);
    expect(bench.ask(LEAVE)).toEqual(DONE);
    expect(bench.hello()).toMatchObject({ resetCause: 1 });
  });

  test("removes the seal before anything else, so that the firmware is not started again", () => {
    const bench = openBootBench();
    bench.hello();
    bench.board.reset();
    bench.pass(100);
    // The same page once more: the firmware would still fit a seal.
    expect(write(bench, 0, image.pages[0]!.bytes)).toEqual(DONE);
    expect(new Set(pageOf(bench.flash, SEAL_PAGE))).toEqual(new Set([0xff]));
    bench.powerCycle();
    expect(serves(bench)).toBe(true);
    expect(write(bench, SEAL_PAGE, image.seal.bytes)).toEqual(DONE);
    expect(bench.ask(LEAVE)).toEqual(DONE);
    expect(bench.hello()).toBeDefined();
  });

  test("removes the seal again if a page follows it", () => {
    const bench = openBootBench(ONLY_LOADER);
    bench.pass(10);
    write(bench, SEAL_PAGE, image.seal.bytes);
    write(bench, 0, image.pages[0]!.bytes);
    expect(new Set(pageOf(bench.flash, SEAL_PAGE))).toEqual(new Set([0xff]));
  });

  test("refuses the loader itself, parts of pages and what is no page, also on a chip without lock bits", () => {
    const bench = openBootBench({ ...ONLY_LOADER, boot: { bytes: 1024, locked: false } });
    bench.pass(10);
    const before = Uint8Array.from(bench.flash);
    const zeros = new Uint8Array(PAGE_BYTES);
    for (let at = BOOT_AT; at < 0x8000; at += PAGE_BYTES) expect(write(bench, at, zeros)).toBe("wrong");
    // Addresses beyond the end of flash do not come round to its beginning.
    for (const at of [0x8000, 0x1_0000]) expect(write(bench, at, zeros)).toBe("wrong");
    expect(write(bench, 0x40, zeros)).toBe("wrong");
    expect(write(bench, 0, zeros.subarray(0, 64))).toBe("wrong");
    expect(bench.flash).toEqual(before);
  });

  test("refuses to read or write the EEPROM, which keeps its bytes", () => {
    const bench = openBootBench();
    bench.hello();
    bench.board.press(0, 100);
    bench.pass(500);
    bench.board.reset();
    bench.pass(100);
    const before = Uint8Array.from(bench.eeprom);
    expect(new Set(before).size).toBeGreaterThan(4);
    bench.ask(setAddress(0));
    const { bytes } = writePage(new Uint8Array(4));
    const toEeprom = { bytes: bytes.with(3, 0x45), answers: 0 };
    expect(bench.ask(toEeprom)).toBe("wrong");
    expect(bench.ask({ bytes: Uint8Array.of(0x74, 0, 4, 0x45, 0x20), answers: 0 })).toBe("wrong");
    expect(bench.eeprom).toEqual(before);
  });

  test("ignores a page with a length that no page has", () => {
    const bench = openBootBench(ONLY_LOADER);
    bench.pass(10);
    bench.ask(setAddress(0));
    const long = Uint8Array.from([0x64, 1, 0, 0x46, ...new Uint8Array(256), 0x20]);
    expect(bench.ask({ bytes: long, answers: 0 })).toBeUndefined();
    expect(bench.ask(SYNC)).toEqual(DONE);
    expect(bench.flash[0]).toBe(0xff);
  });
});

test("a loader that waits takes a host of the firmware, at the same rate, for noise", () => {
  const bench = openBootBench(ONLY_LOADER);
  const random = createRandom(8);
  const before = Uint8Array.from(bench.flash);
  const board = "64505142"; // the loader's commands
  for (let i = 0; i < 200; i++) {
    const number = Math.floor(random() * 0xffff_ffff);
    const pattern = LAMP_PATTERNS[i % LAMP_PATTERNS.length]!;
    bench.say({ kind: "query" });
    bench.say({ kind: "show", pattern, quiet: i % 2 === 0, drill: false, darkLoops: [0, 3], mayTest: true });
    bench.say({ kind: "confirm", number });
    bench.say({ kind: "calibrate", board, supplyMv: i % 3 === 0 ? 5_000 : undefined });
    bench.say({ kind: "update", board, consent: true });
    bench.pass(random() * 300);
  }
  expect(Buffer.from(bench.flash).equals(Buffer.from(before))).toBe(true);
  expect(serves(bench)).toBe(true);
});
