import { expect, test } from "vitest";
import { createChip, type ChipOptions } from "../../../firmware-bridge/simulator/chip.ts";
import { erasedFlash } from "../../../firmware-bridge/simulator/hex.ts";
import { RESET } from "../../../firmware-bridge/simulator/reset.ts";

/** Instructions of the programs below. */
const LDS_R16 = 0x9100;
const STS_R16 = 0x9300;
const INC_R16 = 0x9503;
const CLR_R16 = 0x2700;
const OUT_GPIOR0_R16 = 0xbb0e;
const OUT_MCUSR_R16 = 0xbf04;
const IN_R16_MCUSR = 0xb704;
const LDI_R16_7 = 0xe007;
const STOP = 0xcfff;
const WDTCSR = 0x60;
const RAM = 0x0200;

/** What a program writes into general purpose register 0. A reset writes 0. */
const run = (
  program: readonly number[],
  { at = 0, ...options }: Partial<ChipOptions> & { at?: number } = {},
) => {
  const flash = erasedFlash();
  flash.set(program, at / 2);
  const written: number[] = [];
  const chip = createChip(
    flash,
    {
      transmit: () => undefined,
      supplyV: 5,
      bandgapV: 1.1,
      volts: () => 0,
      register: (value) => void written.push(value),
      portB: () => undefined,
    },
    options,
  );
  return { chip, written };
};

test("with the boot fuses the chip starts at its boot section", () => {
  const { chip, written } = run([LDI_R16_7, OUT_GPIOR0_R16, STOP], {
    at: 0x7c00,
    boot: { bytes: 1024, locked: true },
  });
  chip.run(0.01);
  expect(written).toEqual([7]);
});

test("SRAM survives a reset, and holds something else after a power cut", () => {
  const { chip, written } = run([LDS_R16, RAM, OUT_GPIOR0_R16, INC_R16, STS_R16, RAM, STOP]);
  chip.run(0.1);
  chip.reset(RESET.external);
  chip.run(0.2);
  chip.reset(RESET.watchdog);
  chip.run(0.3);
  chip.power(false);
  chip.power(true);
  chip.run(0.4);
  expect(written.filter((value) => value !== 0)).toEqual([0xa5, 0xa6, 0xa7, 0xa5]);
});

test("a program can clear the cause of a reset, but not make one up", () => {
  const { chip, written } = run([
    IN_R16_MCUSR,
    OUT_GPIOR0_R16,
    LDI_R16_7,
    OUT_MCUSR_R16,
    IN_R16_MCUSR,
    OUT_GPIOR0_R16,
    STOP,
  ]);
  chip.reset(RESET.external);
  chip.run(0.1);
  expect(written).toEqual([0, RESET.external, RESET.external]);
});

test("after a watchdog reset the watchdog runs on with 16 ms, and cannot be stopped before its flag is cleared", () => {
  const count = (program: readonly number[]) => {
    const { chip, written } = run(program);
    chip.reset(RESET.watchdog);
    chip.run(100);
    return written.filter((value) => value === RESET.watchdog).length;
  };
  const started = [IN_R16_MCUSR, OUT_GPIOR0_R16];
  // The timed sequence: WDCE and WDE (0x18), then 0.
  const stop = [0xe108, STS_R16, WDTCSR, CLR_R16, STS_R16, WDTCSR];
  expect(count([...started, STOP])).toBe(7);
  expect(count([...started, ...stop, STOP])).toBe(7);
  expect(count([...started, CLR_R16, OUT_MCUSR_R16, ...stop, STOP])).toBe(1);
});

test("a watchdog that is set to a shorter time bites after that time", () => {
  const LDI_R16_18 = 0xe108;
  // WDCE and WDE, then WDE with WDP2 and WDP1 (1 s), then the same with 16 ms.
  const program = [LDI_R16_18, STS_R16, WDTCSR, 0xe00e, STS_R16, WDTCSR];
  const shorter = [LDI_R16_18, STS_R16, WDTCSR, 0xe008, STS_R16, WDTCSR];
  const { chip, written } = run([...program, ...shorter, LDI_R16_7, OUT_GPIOR0_R16, STOP]);
  chip.run(17);
  expect(written).toEqual([7, 0, 7]);
});

test("time passes in whole cycles, asleep, awake and without power, whatever is asked for", () => {
  const SLEEP = 0x9588;
  for (const program of [[SLEEP, STOP], [STOP]]) {
    const { chip } = run(program);
    for (let step = 1; step <= 50; step++) {
      if (step % 7 === 0) chip.reset(RESET.external);
      if (step % 11 === 0) chip.power(step % 2 === 0);
      const until = chip.nowMs + step / 31_337;
      chip.run(until);
      const cycles = chip.nowMs * 16_000;
      expect(Math.abs(cycles - Math.round(cycles))).toBeLessThan(1e-6);
      expect(chip.nowMs).toBeGreaterThanOrEqual(until - 1e-9);
    }
  }
});
