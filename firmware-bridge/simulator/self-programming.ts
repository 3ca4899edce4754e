import type { CPU } from "avr8js";

/**
 * Self-programming of an ATmega328P: the SPM instruction, which the library leaves out (datasheet DS40002061B,
 * chapter 26). Flash is erased and written a page at a time, by code in the boot section only.
 */
const SPM = 0x95e8;
const LPM_R0 = 0x95c8;
/** LPM Rd, Z and LPM Rd, Z+. */
const LPM_MASK = 0xfe0e;
const LPM = 0x9004;
const Z = 30;

const SPMCSR = 0x57;
const ENABLE = 1 << 0;
const ERASE = 1 << 1;
const WRITE = 1 << 2;
const READ_AGAIN = 1 << 4;
const BUSY = 1 << 6;
/** SPM counts in the four cycles after its STS, which takes two. */
const ARMED_CYCLES = 6;

const EECR = 0x3f;
const EEPROM_WRITING = 1 << 1;

const PAGE_BYTES = 128;
const PAGE_WORDS = PAGE_BYTES / 2;
/** From here on, the chip halts while a page is erased or written. Below, it cannot read that memory meanwhile. */
const HALTS_FROM = 0x7000;
/** 4 ms; the datasheet says 3.7 to 4.5 ms. */
const PAGE_CYCLES = 64_000;

export type BootFuses = {
  /** The size of the boot section, at the end of flash: BOOTSZ. A reset starts there: BOOTRST. */
  readonly bytes: 256 | 512 | 1024 | 2048 | 4096;
  /** Lock bit BLB11 is programmed: SPM does not change the boot section. */
  readonly locked: boolean;
};

/** The fuses and lock bits of a board with our boot loader (PROTOCOL.md). */
export const OUR_BOOT: BootFuses = { bytes: 1024, locked: true };

type Operation = { readonly erases: boolean; readonly at: number; readonly endsAt: number };

export class SelfProgramming {
  readonly #flash: Uint8Array;
  /** The first byte of the boot section. */
  readonly #bootAt: number;
  readonly #locked: boolean;
  readonly #random: () => number;
  readonly #page = new Uint16Array(PAGE_WORDS).fill(0xffff);
  #operation: Operation | undefined;
  #armed = 0;
  #armedUntil = 0;

  /** `random`: 0 up to but not including 1, for the bits of a page that is interrupted. */
  constructor(flash: Uint16Array, boot: BootFuses | undefined, random: () => number) {
    this.#flash = new Uint8Array(flash.buffer, flash.byteOffset, flash.byteLength);
    this.#bootAt = flash.byteLength - (boot?.bytes ?? 0);
    this.#locked = boot?.locked ?? false;
    this.#random = random;
  }

  /** The word at which a reset starts. */
  get resetVector(): number {
    return this.#bootAt < this.#flash.length ? this.#bootAt / 2 : 0;
  }

  /** A reset: a page that is being erased or written is left with some bits changed and others not. */
  attach(cpu: CPU): void {
    this.#tear();
    this.#armed = 0;
    this.#page.fill(0xffff);
    cpu.writeHooks[SPMCSR] = (value) => {
      const command = value & (ENABLE | ERASE | WRITE | READ_AGAIN);
      if (this.#operation || (cpu.data[EECR]! & EEPROM_WRITING) !== 0) return true;
      this.#armed = command;
      this.#armedUntil = cpu.cycles + ARMED_CYCLES;
      cpu.data[SPMCSR] = (cpu.data[SPMCSR]! & BUSY) | command;
      cpu.addClockEvent(() => this.#disarm(cpu), ARMED_CYCLES);
      return true;
    };
  }

  /** Until which cycle the chip stands still; 0: it runs. */
  get haltedUntil(): number {
    const operation = this.#operation;
    return operation && operation.at >= HALTS_FROM ? operation.endsAt : 0;
  }

  /** Runs the next instruction if it is SPM, or reads flash that cannot be read now. Returns whether it did. */
  execute(cpu: CPU): boolean {
    const opcode = cpu.progMem[cpu.pc]!;
    const isBusy = (cpu.data[SPMCSR]! & BUSY) !== 0;
    if (opcode !== SPM && !isBusy) return false;
    if (isBusy && cpu.pc * 2 < HALTS_FROM)
      throw new Error("the chip runs code from flash that it is programming");
    if (opcode === SPM) this.#program(cpu);
    else if (cpu.dataView.getUint16(Z, true) >= HALTS_FROM) return false;
    else if (opcode === LPM_R0) cpu.data[0] = 0xff;
    else if ((opcode & LPM_MASK) === LPM) this.#readNothing(cpu, opcode);
    else return false;
    cpu.pc++;
    cpu.cycles += opcode === SPM ? 1 : 3;
    return true;
  }

  #readNothing(cpu: CPU, opcode: number): void {
    cpu.data[(opcode >> 4) & 0x1f] = 0xff;
    if (opcode & 1) cpu.dataView.setUint16(Z, cpu.dataView.getUint16(Z, true) + 1, true);
  }

  #disarm(cpu: CPU): void {
    if (this.#operation || cpu.cycles < this.#armedUntil) return;
    this.#armed = 0;
    cpu.data[SPMCSR]! &= BUSY;
  }

  #program(cpu: CPU): void {
    const command = cpu.cycles < this.#armedUntil && cpu.pc * 2 >= this.#bootAt ? this.#armed : 0;
    const z = cpu.dataView.getUint16(Z, true);
    this.#armedUntil = 0;
    if (command === ENABLE) this.#page[(z % PAGE_BYTES) >> 1]! &= cpu.dataView.getUint16(0, true);
    if (command === (ENABLE | ERASE) || command === (ENABLE | WRITE))
      this.#begin(cpu, command === (ENABLE | ERASE), z);
    if (command === (ENABLE | READ_AGAIN)) {
      cpu.data[SPMCSR]! &= ~BUSY;
      this.#page.fill(0xffff);
    }
    this.#disarm(cpu);
  }

  #begin(cpu: CPU, erases: boolean, z: number): void {
    const at = (z % this.#flash.length) & ~(PAGE_BYTES - 1);
    if (at >= this.#bootAt && this.#locked) return;
    this.#operation = { erases, at, endsAt: cpu.cycles + PAGE_CYCLES };
    if (at < HALTS_FROM) cpu.data[SPMCSR]! |= BUSY;
    cpu.addClockEvent(() => this.#finish(cpu), PAGE_CYCLES);
  }

  #finish(cpu: CPU): void {
    this.#change(() => 0);
    this.#disarm(cpu);
  }

  #tear(): void {
    this.#change(() => Math.floor(this.#random() * 0x100));
  }

  /** Changes the page, but for the bits in `spared`, which keep the state that they had. */
  #change(spared: () => number): void {
    const operation = this.#operation;
    this.#operation = undefined;
    if (!operation) return;
    const page = this.#flash.subarray(operation.at, operation.at + PAGE_BYTES);
    const next = new Uint8Array(this.#page.buffer);
    for (let i = 0; i < PAGE_BYTES; i++)
      page[i] = operation.erases ? page[i]! | (~spared() & 0xff) : page[i]! & (next[i]! | spared());
    if (!operation.erases) this.#page.fill(0xffff);
  }
}
