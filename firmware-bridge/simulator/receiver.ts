import type { AVRUSART, CPU } from "avr8js";

/**
 * The receiving half of the serial port as the chip has it: two bytes of buffer behind the shift register
 * (datasheet DS40002061B, 19.7). The library has room for one byte, and overwrites it.
 */
const BUFFER_BYTES = 2;
const UCSR0A = 0xc0;
const UCSR0B = 0xc1;
const UDR0 = 0xc6;
const RECEIVER_ENABLED = 1 << 4;
const OVERRUN = 1 << 3;

/** Private members of the library: the flag of a received byte with its interrupt, and the time of a byte. */
type Private = { readonly RXC: Parameters<CPU["setInterruptFlag"]>[0]; readonly cyclesPerChar: number };

export class Receiver {
  readonly #cpu: CPU;
  readonly #usart: Private;
  readonly #line: number[];
  #buffer: number[] = [];
  /** A byte for which the buffer has no room. The next start bit overwrites it. */
  #waiting: number | undefined;
  #isReceiving = false;

  /** `line`: bytes that the host has sent and that have not arrived. */
  constructor(cpu: CPU, usart: AVRUSART, line: number[]) {
    this.#cpu = cpu;
    this.#usart = usart as unknown as Private;
    this.#line = line;
    const control = cpu.writeHooks[UCSR0B]!;
    cpu.writeHooks[UCSR0B] = (...given) => {
      const done = control(...given);
      if (!this.#isEnabled) this.#clear();
      this.#flag();
      return done;
    };
    cpu.readHooks[UDR0] = () => this.#read();
  }

  /** Starts to receive the next byte of the line. Bytes are lost while the receiver is off. */
  feed(): void {
    if (!this.#isEnabled) this.#line.length = 0;
    const next = this.#line[0];
    if (this.#isReceiving || next === undefined) return;
    this.#line.shift();
    this.#isReceiving = true;
    if (this.#waiting !== undefined) {
      this.#waiting = undefined;
      this.#cpu.data[UCSR0A]! |= OVERRUN;
    }
    this.#cpu.addClockEvent(() => this.#arrive(next), this.#usart.cyclesPerChar);
  }

  get #isEnabled(): boolean {
    return (this.#cpu.data[UCSR0B]! & RECEIVER_ENABLED) !== 0;
  }

  #arrive(byte: number): void {
    this.#isReceiving = false;
    if (!this.#isEnabled) return;
    if (this.#buffer.length < BUFFER_BYTES) this.#buffer.push(byte);
    else this.#waiting = byte;
    this.#flag();
    this.feed();
  }

  #read(): number {
    const byte = this.#buffer.shift() ?? 0;
    if (this.#waiting !== undefined) this.#buffer.push(this.#waiting);
    this.#waiting = undefined;
    this.#cpu.data[UCSR0A]! &= ~OVERRUN;
    this.#flag();
    return byte;
  }

  /** The flag for a received byte is set as long as the buffer holds one, whatever the library does to it. */
  #flag(): void {
    const { RXC } = this.#usart;
    if (this.#buffer.length > 0) this.#cpu.setInterruptFlag(RXC);
    else this.#cpu.clearInterrupt(RXC);
  }

  #clear(): void {
    this.#buffer = [];
    this.#waiting = undefined;
  }
}
