import type { CPU } from "avr8js";

/**
 * Loops that wait for a flag: they read registers and do nothing else, so that one turn is like the next until
 * the next event of a peripheral. Such turns need not be run one by one. The time is the same to the cycle.
 */
const MAX_WORDS = 8;
const IO_AT = 0x20;

/** A private member of the library: the next event of a peripheral. */
type Clockwork = { nextClockEvent: { cycles: number } | null };

const isRjmp = (opcode: number): boolean => (opcode & 0xf000) === 0xc000;
const targetOf = (at: number, rjmp: number): number => at + 1 + (((rjmp & 0x0fff) ^ 0x0800) - 0x0800);

/** The address in data space that an instruction reads; undefined: it is none that may be in such a loop. */
const readBy = (opcode: number, operand: number): number | undefined => {
  if ((opcode & 0xf800) === 0xb000) return IO_AT + (((opcode >> 5) & 0x30) | (opcode & 0x0f)); // IN
  if ((opcode & 0xfd00) === 0x9900) return IO_AT + ((opcode >> 3) & 0x1f); // SBIC, SBIS
  if ((opcode & 0xfe0f) === 0x9000) return operand; // LDS
  if ((opcode & 0xfc08) === 0xfc00 || isRjmp(opcode)) return 0; // SBRC, SBRS, RJMP
  return undefined;
};

/** Whether the words from `first` to the jump at `last` only read what has no effect when it is read. */
const onlyWaits = (cpu: CPU, first: number, last: number): boolean => {
  for (let at = first; at <= last; at++) {
    const opcode = cpu.progMem[at]!;
    const address = readBy(opcode, cpu.progMem[at + 1]!);
    if (address === undefined || cpu.readHooks[address]) return false;
    if ((opcode & 0xfe0f) === 0x9000) at++;
  }
  return true;
};

/** For one life of the chip: its cycles never go back. */
export class Spinning {
  #jump = -1;
  #cycles = 0;
  #eventAt = 0;

  /** After an instruction at `jump`: moves the clock on by whole turns, to `until` at most. */
  skip(cpu: CPU, jump: number, until: number): void {
    const length = jump - cpu.pc;
    const opcode = cpu.progMem[jump]!;
    if (length < 0 || length > MAX_WORDS || !isRjmp(opcode) || targetOf(jump, opcode) !== cpu.pc) return;
    const eventAt = (cpu as unknown as Clockwork).nextClockEvent?.cycles ?? until;
    if (jump === this.#jump && eventAt === this.#eventAt && onlyWaits(cpu, cpu.pc, jump)) {
      const turn = cpu.cycles - this.#cycles;
      const turns = Math.floor((Math.min(eventAt, until) - 1 - cpu.cycles) / turn);
      if (turns > 0) cpu.cycles += turns * turn;
    }
    this.#jump = jump;
    this.#cycles = cpu.cycles;
    this.#eventAt = eventAt;
  }
}
