import {
  ADCMuxInputType,
  adcConfig,
  AVRADC,
  AVRClock,
  AVREEPROM,
  avrInstruction,
  AVRIOPort,
  AVRTimer,
  AVRUSART,
  AVRWatchdog,
  clockConfig,
  CPU,
  EEPROMMemoryBackend,
  portBConfig,
  portCConfig,
  portDConfig,
  timer0Config,
  timer1Config,
  timer2Config,
  usart0Config,
  watchdogConfig,
} from "avr8js";

/** The microcontroller alone: an ATmega328P that runs an image, cycle by cycle. */
const CLOCK_HZ = 16_000_000;
const SRAM_BYTES = 2048;
const EEPROM_BYTES = 1024;
const SLEEP = 0x9588;
/** RJMP to itself. It is written into the last word of flash, which our images do not use. */
const JUMP_TO_SELF = 0xcfff;
const GPIOR0 = 0x3e;
const MCUSR = 0x54;
/** The serial line's status and control. */
const UCSR0A = 0xc0;
const UCSR0B = 0xc1;
const RECEIVED = 1 << 7;
const PORTD = 0x2b;
/** MCUSR: why the chip was reset. */
export const RESET = { power: 1, external: 2, brownOut: 4, watchdog: 8 } as const;

export type ChipListener = {
  /** A byte has left the serial line. */
  transmit(byte: number): void;
  /** Volts on an analog input, 0 to 7, at this moment. */
  volts(channel: number): number;
  /** Volts of the supply, which is the reference of the analog inputs. */
  readonly supplyV: number;
  /** Volts of the chip's internal reference, nominally 1.1. */
  readonly bandgapV: number;
  /** General purpose register 0 was written: the firmware reports its own state there. */
  register(value: number): void;
  /** The level of a pin of port B changed by the firmware. */
  portB(levels: number): void;
};

export type Chip = {
  /** Milliseconds since the chip was made, on its own clock. */
  readonly nowMs: number;
  /** Cycles in which the chip did not sleep. */
  readonly activeCycles: number;
  /** PORTD: what the chip drives or pulls up. */
  readonly portD: number;
  /** Puts a level on a pin. */
  drive(port: "c" | "d", bit: number, high: boolean): void;
  run(untilMs: number): void;
  /** Bytes from the host, which arrive at the speed of the line. */
  receive(bytes: Iterable<number>): void;
  /** `cause`: what MCUSR says when the power is back. */
  power(on: boolean, cause?: number): void;
  reset(cause: number): void;
  /** Puts the firmware into an endless loop with interrupts enabled, so that only the watchdog can end it. */
  derail(): void;
};

/** A private member of the library: the next clock event. */
type Clockwork = { nextClockEvent: { cycles: number } | null };

/**
 * When the control register is written, for example to start sending, the library drops a received byte
 * that was not read yet. The chip does not, so the flag is set again.
 */
const keepReceived = (cpu: CPU, usart: AVRUSART): void => {
  const { RXC } = usart as unknown as { RXC: Parameters<CPU["setInterruptFlag"]>[0] };
  const write = cpu.writeHooks[UCSR0B]!;
  cpu.writeHooks[UCSR0B] = (...given) => {
    const unread = (cpu.data[UCSR0A]! & RECEIVED) !== 0;
    const done = write(...given);
    if (unread) cpu.setInterruptFlag(RXC);
    return done;
  };
};

/** One life of the chip, from reset to reset. */
type Machine = {
  readonly cpu: CPU;
  readonly ports: { readonly c: AVRIOPort; readonly d: AVRIOPort };
  /** Gives the serial line the next byte, if the line is free. */
  readonly feed: () => void;
  readonly peripherals: readonly unknown[];
};

type Wiring = {
  readonly on: ChipListener;
  readonly eeprom: EEPROMMemoryBackend;
  /** Bytes from the host that have not been received. */
  readonly line: number[];
  readonly watchdogBites: () => void;
};

const attachAdc = (cpu: CPU, on: ChipListener): AVRADC => {
  const adc = new AVRADC(cpu, adcConfig);
  adc.onADCRead = (input) => {
    const volts =
      input.type === ADCMuxInputType.SingleEnded
        ? on.volts(input.channel)
        : input.type === ADCMuxInputType.Constant
          ? input.voltage && on.bandgapV
          : 0;
    adc.avcc = on.supplyV;
    const reading = Math.max(0, Math.min(1023, Math.floor((volts / adc.referenceVoltage) * 1024)));
    cpu.addClockEvent(() => adc.completeADCRead(reading), adc.sampleCycles);
  };
  return adc;
};

const build = (flash: Uint16Array, cause: number, { on, eeprom, line, watchdogBites }: Wiring): Machine => {
  const cpu = new CPU(flash, SRAM_BYTES);
  const clock = new AVRClock(cpu, CLOCK_HZ, clockConfig);
  const timers = [timer0Config, timer1Config, timer2Config].map((config) => new AVRTimer(cpu, config));
  const [portB, c, d] = [portBConfig, portCConfig, portDConfig].map((config) => new AVRIOPort(cpu, config));
  const memory = new AVREEPROM(cpu, eeprom);
  const watchdog = new AVRWatchdog(cpu, watchdogConfig, clock);
  const usart = new AVRUSART(cpu, usart0Config, CLOCK_HZ);
  keepReceived(cpu, usart);
  cpu.reset = watchdogBites;
  cpu.data[MCUSR] = cause;
  cpu.writeHooks[GPIOR0] = (value) => on.register(value);
  portB!.addListener((value) => on.portB(value));
  usart.onByteTransmit = (byte) => on.transmit(byte);
  const feed = () => {
    const [next] = line;
    if (next !== undefined && usart.writeByte(next)) line.shift();
  };
  usart.onRxComplete = feed;
  const adc = attachAdc(cpu, on);
  return { cpu, ports: { c: c!, d: d! }, feed, peripherals: [timers, memory, watchdog, adc] };
};

class Atmega328 implements Chip {
  readonly #flash: Uint16Array;
  readonly #wiring: Wiring;
  #machine: Machine;
  /** Cycles before the last reset. */
  #elapsed = 0;
  #active = 0;
  #asleep = false;
  #watchdogBit = false;
  #powered = true;

  constructor(flash: Uint16Array, on: ChipListener, eeprom: EEPROMMemoryBackend) {
    this.#flash = flash;
    const watchdogBites = () => {
      this.#watchdogBit = true;
    };
    this.#wiring = { on, eeprom, line: [], watchdogBites };
    this.#machine = build(flash, RESET.power, this.#wiring);
  }

  get nowMs(): number {
    return ((this.#elapsed + this.#machine.cpu.cycles) * 1000) / CLOCK_HZ;
  }

  get activeCycles(): number {
    return this.#active;
  }

  get portD(): number {
    return this.#machine.cpu.data[PORTD]!;
  }

  drive(port: "c" | "d", bit: number, high: boolean): void {
    this.#machine.ports[port].setPin(bit, high);
  }

  reset(cause: number): void {
    const { on, line } = this.#wiring;
    this.#elapsed += this.#machine.cpu.cycles;
    this.#watchdogBit = false;
    this.#asleep = false;
    line.length = 0;
    this.#machine = build(this.#flash, cause, this.#wiring);
    on.register(0);
    on.portB(0);
  }

  power(state: boolean, cause: number = RESET.power): void {
    if (state === this.#powered) return;
    this.#powered = state;
    this.reset(cause);
  }

  receive(bytes: Iterable<number>): void {
    if (!this.#powered) return;
    this.#wiring.line.push(...bytes);
    this.#machine.feed();
  }

  derail(): void {
    this.#flash[this.#flash.length - 1] = JUMP_TO_SELF;
    this.#machine.cpu.pc = this.#flash.length - 1;
    this.#asleep = false;
  }

  run(untilMs: number): void {
    const target = (untilMs * CLOCK_HZ) / 1000;
    if (!this.#powered) {
      this.#elapsed = Math.max(this.#elapsed, target - this.#machine.cpu.cycles);
      return;
    }
    this.#machine.feed();
    while (this.#elapsed + this.#machine.cpu.cycles < target) {
      if (this.#asleep) this.#doze(target - this.#elapsed);
      else this.#step();
    }
  }

  /** Runs one instruction, and the interrupt after it if one is pending. */
  #step(): void {
    const { cpu } = this.#machine;
    const before = cpu.cycles;
    if (this.#flash[cpu.pc] === SLEEP) {
      cpu.pc++;
      cpu.cycles++;
      this.#asleep = true;
    } else avrInstruction(cpu);
    const { pc } = cpu;
    cpu.tick();
    // An interrupt at the SLEEP instruction has woken the chip already.
    if (cpu.pc !== pc) this.#asleep = false;
    this.#active += cpu.cycles - before;
    if (this.#watchdogBit) this.reset(RESET.watchdog);
  }

  /** Sleeps until an interrupt wakes it: time passes in one step. */
  #doze(until: number): void {
    const { cpu } = this.#machine;
    while (this.#asleep && cpu.cycles < until) {
      const next = (cpu as unknown as Clockwork).nextClockEvent;
      cpu.cycles = Math.min(until, Math.max(cpu.cycles, next?.cycles ?? until));
      const { pc } = cpu;
      cpu.tick();
      this.#asleep = cpu.pc === pc;
    }
  }
}

/** Makes a chip. `flash`: as `readHex` returns it. The EEPROM survives resets. */
export const createChip = (
  flash: Uint16Array,
  on: ChipListener,
  eeprom: EEPROMMemoryBackend = new EEPROMMemoryBackend(EEPROM_BYTES),
): Chip => new Atmega328(flash, on, eeprom);
