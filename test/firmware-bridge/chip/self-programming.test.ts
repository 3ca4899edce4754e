import { CPU } from "avr8js";
import { describe, expect, test } from "vitest";
import { erasedFlash } from "../../../firmware-bridge/simulator/hex.ts";
import { SelfProgramming, type BootFuses } from "../../../firmware-bridge/simulator/self-programming.ts";

const SPMCSR = 0x57;
const EECR = 0x3f;
const ENABLE = 1;
const ERASE = 2 | ENABLE;
const WRITE = 4 | ENABLE;
const READ_AGAIN = 0x10 | ENABLE;
const BUSY = 0x40;
const SPM = 0x95e8;
const LPM_R16_Z = 0x9105;
const PAGE_MS = 64_000;
const BOOT: BootFuses = { bytes: 1024, locked: true };
const BOOT_WORD = 0x7c00 / 2;

/** A chip that only has self-programming, whose instructions are given one by one. */
const openChip = ({ boot = BOOT, random = () => 0.5 }: { boot?: BootFuses; random?: () => number } = {}) => {
  const flash = erasedFlash();
  const programming = new SelfProgramming(flash, boot, random);
  const bytes = new Uint8Array(flash.buffer);
  let cpu = new CPU(flash, 2048);
  programming.attach(cpu);
  const execute = (opcode: number, z: number, pc = BOOT_WORD) => {
    const saved = flash[pc]!;
    cpu.pc = pc;
    cpu.dataView.setUint16(30, z, true);
    flash[pc] = opcode;
    try {
      return programming.execute(cpu);
    } finally {
      flash[pc] = saved;
    }
  };
  return {
    bytes,
    programming,
    /** STS SPMCSR, then SPM. */
    spm(command: number, z: number, { word = 0, late = 0, pc = BOOT_WORD } = {}) {
      cpu.writeData(SPMCSR, command);
      cpu.cycles += 2 + late;
      cpu.tick();
      cpu.dataView.setUint16(0, word, true);
      execute(SPM, z, pc);
    },
    /** LPM r16, Z+: whether it was intercepted, and what it read. */
    lpm(z: number, pc = BOOT_WORD) {
      const isIntercepted = execute(LPM_R16_Z, z, pc);
      return isIntercepted ? cpu.data[16] : undefined;
    },
    pass(cycles: number) {
      const end = cpu.cycles + cycles;
      while (cpu.cycles < end) {
        cpu.cycles += 1;
        cpu.tick();
      }
    },
    set eepromWrites(state: boolean) {
      cpu.data[EECR] = state ? 2 : 0;
    },
    get status() {
      return cpu.data[SPMCSR]!;
    },
    reset() {
      cpu = new CPU(flash, 2048);
      programming.attach(cpu);
    },
  };
};
type Bench = ReturnType<typeof openChip>;

const fill = (chip: Bench, at: number, value: (i: number) => number) => {
  for (let i = 0; i < 128; i += 2) chip.spm(ENABLE, at + i, { word: value(i) | (value(i + 1) << 8) });
};
const pageOf = (chip: Bench, at: number) => [...chip.bytes.subarray(at, at + 128)];
const program = (chip: Bench, at: number, value: (i: number) => number) => {
  chip.spm(ERASE, at);
  chip.pass(PAGE_MS);
  fill(chip, at, value);
  chip.spm(WRITE, at);
  chip.pass(PAGE_MS);
  chip.spm(READ_AGAIN, at);
};

describe("a page", () => {
  test("is erased, filled and written in 4 ms each", () => {
    const chip = openChip();
    program(chip, 0x100, (i) => i);
    expect(pageOf(chip, 0x100)).toEqual(Array.from({ length: 128 }, (_, i) => i));
    chip.spm(ERASE, 0x100);
    chip.pass(PAGE_MS - 10);
    expect(chip.status & ENABLE).toBe(ENABLE);
    expect(chip.bytes[0x101]).toBe(1);
    chip.pass(20);
    expect(chip.status & ENABLE).toBe(0);
    expect(pageOf(chip, 0x100)).toEqual(Array.from({ length: 128 }, () => 0xff));
  });

  test("that is written without being erased keeps its zeros", () => {
    const chip = openChip();
    program(chip, 0, () => 0xf0);
    fill(chip, 0, () => 0x3c);
    chip.spm(WRITE, 0);
    chip.pass(PAGE_MS);
    expect(chip.bytes[5]).toBe(0x30);
  });

  test("of the boot section is not changed if that is locked, and is if not", () => {
    const locked = openChip();
    const open = openChip({ boot: { bytes: 1024, locked: false } });
    for (const chip of [locked, open]) program(chip, 0x7f00, () => 0);
    expect(locked.bytes[0x7f00]).toBe(0xff);
    expect(open.bytes[0x7f00]).toBe(0);
    program(locked, 0x7b80, () => 0);
    expect(locked.bytes[0x7b80]).toBe(0);
  });

  test("is not changed by code outside of the boot section", () => {
    const chip = openChip();
    fill(chip, 0, () => 0);
    chip.spm(WRITE, 0, { pc: BOOT_WORD - 1 });
    chip.pass(PAGE_MS);
    expect(chip.bytes[0]).toBe(0xff);
  });

  test("is not changed by an SPM later than four cycles after its STS", () => {
    const chip = openChip();
    fill(chip, 0, () => 0);
    chip.spm(WRITE, 0, { late: 5 });
    chip.pass(PAGE_MS);
    expect(chip.bytes[0]).toBe(0xff);
    chip.spm(WRITE, 0, { late: 3 });
    chip.pass(PAGE_MS);
    expect(chip.bytes[0]).toBe(0);
  });

  test("is not changed while the EEPROM is being written", () => {
    const chip = openChip();
    fill(chip, 0, () => 0);
    chip.eepromWrites = true;
    chip.spm(WRITE, 0);
    chip.eepromWrites = false;
    chip.pass(PAGE_MS);
    expect(chip.bytes[0]).toBe(0xff);
  });
});

describe("while a page is programmed", () => {
  test("below 28 KiB the program continues, but reads nothing there until it asks to", () => {
    const chip = openChip();
    program(chip, 0x200, (i) => i);
    expect(chip.lpm(0x205)).toBeUndefined();
    chip.spm(ERASE, 0x100);
    expect(chip.programming.haltedUntil).toBe(0);
    chip.pass(PAGE_MS);
    expect(chip.status & BUSY).toBe(BUSY);
    expect(chip.lpm(0x205)).toBe(0xff);
    // Memory above can be read: the library does that.
    expect(chip.lpm(0x7000)).toBeUndefined();
    chip.spm(READ_AGAIN, 0);
    expect(chip.lpm(0x205)).toBeUndefined();
  });

  test("below 28 KiB no code can run there", () => {
    const chip = openChip();
    chip.spm(ERASE, 0x100);
    expect(() => chip.lpm(0, 0x100)).toThrow("runs code from flash that it is programming");
  });

  test("from 28 KiB on the chip halts", () => {
    const chip = openChip();
    chip.spm(ERASE, 0x7000);
    expect(chip.programming.haltedUntil).toBeGreaterThan(PAGE_MS);
    chip.pass(PAGE_MS);
    expect(chip.programming.haltedUntil).toBe(0);
    expect(chip.status & BUSY).toBe(0);
  });
});

describe("a reset", () => {
  test("starts at the boot section, and at 0 without one", () => {
    expect(openChip().programming.resetVector).toBe(BOOT_WORD);
    const flash = erasedFlash();
    expect(new SelfProgramming(flash, undefined, () => 0).resetVector).toBe(0);
  });

  test("in the middle leaves a page with some bits changed, and the next attempt mends it", () => {
    let seed = 1;
    const chip = openChip({ random: () => (seed = (seed * 16_807) % 2_147_483_647) / 2_147_483_647 });
    program(chip, 0, () => 0x00);
    chip.spm(ERASE, 0);
    chip.pass(PAGE_MS / 2);
    chip.reset();
    const torn = pageOf(chip, 0);
    expect(new Set(torn).size).toBeGreaterThan(20);
    chip.spm(ERASE, 0);
    chip.pass(PAGE_MS);
    fill(chip, 0, () => 0x0f);
    chip.spm(WRITE, 0);
    chip.reset();
    expect(pageOf(chip, 0).every((byte) => (byte & 0x0f) === 0x0f)).toBe(true);
    expect(new Set(pageOf(chip, 0)).size).toBeGreaterThan(5);
    program(chip, 0, () => 0x0f);
    expect(new Set(pageOf(chip, 0))).toEqual(new Set([0x0f]));
  });
});
