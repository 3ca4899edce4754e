import { avrInstruction, CPU } from "avr8js";
import { expect, test } from "vitest";
import { Spinning } from "../../../firmware-bridge/simulator/spinning.ts";

const FLAGS = 0x36;
const STATUS = 0xc0;
const NOP = 0x0000;
/** A loop that polls two flags: SBIC 0x16, 1; RJMP out of it; LDS r19, 0xC0; SBRS r19, 7; RJMP to its start. */
const WAIT = [0x99b1, 0xc004, 0x9130, STATUS, 0xff37, 0xcffa, NOP, NOP];
/** LDS r24, 0x0200; INC r24; STS 0x0200, r24; RJMP to the first. */
const COUNT = [0x9180, 0x0200, 0x9583, 0x9380, 0x0200, 0xcffa, NOP];
/** IN r24, TCNT0; SBRS r24, 7; RJMP to the first. */
const READ_COUNTER = [0xb586, 0xff87, 0xcffd, NOP];

/** Runs until a NOP; how many instructions that took, and at which cycle it ends. */
const run = (program: readonly number[], set: (cpu: CPU) => void, spinning?: Spinning) => {
  const cpu = new CPU(Uint16Array.from(program), 2048);
  set(cpu);
  let executed = 0;
  while (program[cpu.pc] !== NOP && executed < 20_000) {
    const at = cpu.pc;
    avrInstruction(cpu);
    cpu.tick();
    executed++;
    if (cpu.pc <= at) spinning?.skip(cpu, at, 100_000);
  }
  return { executed, cycles: cpu.cycles };
};

test("a loop that waits for a flag ends at the same cycle, after far fewer instructions", () => {
  for (const [register, bit] of [
    [FLAGS, 0x02],
    [STATUS, 0x80],
  ] as const) {
    for (let at = 5_000; at < 5_030; at++) {
      const set = (cpu: CPU) => {
        cpu.addClockEvent(() => (cpu.data[register] = bit), at);
        cpu.addClockEvent(() => undefined, 2_000);
      };
      const real = run(WAIT, set);
      const skipped = run(WAIT, set, new Spinning());
      expect(skipped.cycles).toBe(real.cycles);
      expect(skipped.executed * 20).toBeLessThan(real.executed);
    }
  }
});

test("a loop that writes, or reads what changes by itself, is run turn by turn", () => {
  const until = (cpu: CPU) => void cpu.addClockEvent(() => undefined, 50_000);
  const counter = (cpu: CPU) => {
    until(cpu);
    cpu.readHooks[0x46] = () => (cpu.cycles > 5_000 ? 0x80 : 0);
  };
  for (const [program, set] of [
    [COUNT, until],
    [READ_COUNTER, counter],
  ] as const)
    expect(run(program, set, new Spinning())).toEqual(run(program, set));
});

test("time does not pass the end that is asked for", () => {
  const cpu = new CPU(Uint16Array.from(WAIT), 2048);
  const spinning = new Spinning();
  while (cpu.cycles < 10_000) {
    const at = cpu.pc;
    avrInstruction(cpu);
    if (cpu.pc <= at) spinning.skip(cpu, at, 10_000);
  }
  expect(cpu.cycles).toBeLessThan(10_010);
});
