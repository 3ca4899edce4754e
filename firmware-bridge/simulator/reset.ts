import { AVRWatchdog, watchdogConfig, type AVRClock, type CPU } from "avr8js";

/** What a reset of the chip leaves and what it starts (datasheet DS40002061B, chapter 10). */
const MCUSR = watchdogConfig.MCUSR;
const WDTCSR = watchdogConfig.WDTCSR;
const CHANGE = 1 << 4;
const ENABLE = 1 << 3;
const REGISTERS = 0x20;
const SRAM_AT = 0x100;
/** Registers and SRAM at power-up hold anything. Nothing that a program looks for. */
const UNDEFINED = 0xa5;

/** Private members of the library: what looks at the watchdog, and the cycle at which it bites. */
type Timing = { readonly checkWatchdog: () => void; readonly watchdogTimeout: number };

/** MCUSR: why the chip was reset. */
export const RESET = { power: 1, external: 2, brownOut: 4, watchdog: 8 } as const;

/** Registers and SRAM survive a reset; at power-up their content is undefined. */
export const keepMemory = (cpu: CPU, before: CPU | undefined): void => {
  for (const [from, to] of [
    [0, REGISTERS],
    [SRAM_AT, cpu.data.length],
  ] as const) {
    if (before) cpu.data.set(before.data.subarray(from, to), from);
    else cpu.data.fill(UNDEFINED, from, to);
  }
};

/**
 * Attaches the watchdog and the reset flags. A program can only clear the flags. While that of the watchdog is
 * set the watchdog cannot be switched off, and it runs with its shortest time after its own reset.
 */
export const attachWatchdog = (cpu: CPU, clock: AVRClock, cause: number): AVRWatchdog => {
  const watchdog = new AVRWatchdog(cpu, watchdogConfig, clock);
  const control = cpu.writeHooks[WDTCSR]!;
  const timing = watchdog as unknown as Timing;
  const write = (value: number) => {
    const done = control(value, cpu.data[WDTCSR]!, WDTCSR, 0xff);
    // The library looks at a shorter time only when the longer one is over.
    cpu.updateClockEvent(timing.checkWatchdog, timing.watchdogTimeout - cpu.cycles);
    return done;
  };
  cpu.data[MCUSR] = cause;
  cpu.writeHooks[MCUSR] = (value, old) => {
    cpu.data[MCUSR] = value & old;
    return true;
  };
  cpu.writeHooks[WDTCSR] = (value) => {
    const isForced = (cpu.data[MCUSR]! & RESET.watchdog) !== 0;
    return write(isForced ? value | ENABLE : value);
  };
  if (cause & RESET.watchdog) {
    write(CHANGE | ENABLE);
    write(ENABLE);
  }
  return watchdog;
};
