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
} from "avr8js";
import { Receiver } from "./receiver.ts";
import { attachWatchdog, keepMemory, RESET } from "./reset.ts";
import { SelfProgramming, type BootFuses } from "./self-programming.ts";
import { Spinning } from "./spinning.ts";

/** The microcontroller alone: an ATmega328P that runs an image, cycle by cycle. */
const CLOCK_HZ = 16_000_000;
const SRAM_BYTES = 2048;
const EEPROM_BYTES = 1024;
const SLEEP = 0x9588;
/** RJMP to itself. It is written into the last word of flash, which our images do not use. */
const JUMP_TO_SELF = 0xcfff;
const GPIOR0 = 0x3e;
const PORTD = 0x2b;
const SREG = 0x5f;
const INTERRUPTS = 1 << 7;

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
  /** The rate of the serial port, as the program has set it. */
  readonly baud: number;
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

/** One life of the chip, from reset to reset. */
type Machine = {
  readonly cpu: CPU;
  readonly ports: { readonly c: AVRIOPort; readonly d: AVRIOPort };
  readonly receiver: Receiver;
  readonly usart: AVRUSART;
  readonly peripherals: readonly unknown[];
  readonly spinning: Spinning;
};

type Wiring = {
  readonly on: ChipListener;
  readonly eeprom: EEPROMMemoryBackend;
  /** Bytes from the host that have not been received. */
  readonly line: number[];
  readonly watchdogBites: () => void;
  readonly programming: SelfProgramming;
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

/** `before`: the life that a reset has ended; undefined: the power was off. */
const build = (flash: Uint16Array, cause: number, wiring: Wiring, before?: Machine): Machine => {
  const { on, eeprom, line, watchdogBites, programming } = wiring;
  const cpu = new CPU(flash, SRAM_BYTES);
  keepMemory(cpu, before?.cpu);
  cpu.pc = programming.resetVector;
  const clock = new AVRClock(cpu, CLOCK_HZ, clockConfig);
  const timers = [timer0Config, timer1Config, timer2Config].map((config) => new AVRTimer(cpu, config));
  const [portB, c, d] = [portBConfig, portCConfig, portDConfig].map((config) => new AVRIOPort(cpu, config));
  const memory = new AVREEPROM(cpu, eeprom);
  const watchdog = attachWatchdog(cpu, clock, cause);
  const usart = new AVRUSART(cpu, usart0Config, CLOCK_HZ);
  const receiver = new Receiver(cpu, usart, line);
  programming.attach(cpu);
  cpu.reset = watchdogBites;
  cpu.writeHooks[GPIOR0] = (value) => on.register(value);
  portB!.addListener((value) => on.portB(value));
  usart.onByteTransmit = (byte) => on.transmit(byte);
  const adc = attachAdc(cpu, on);
  const peripherals = [timers, memory, watchdog, adc];
  return { cpu, ports: { c: c!, d: d! }, receiver, usart, peripherals, spinning: new Spinning() };
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

  constructor(flash: Uint16Array, on: ChipListener, { eeprom, boot, random }: ChipOptions) {
    this.#flash = flash;
    const programming = new SelfProgramming(flash, boot, random);
    const watchdogBites = () => {
      this.#watchdogBit = true;
    };
    this.#wiring = { on, eeprom, line: [], watchdogBites, programming };
    this.#machine = build(flash, RESET.power, this.#wiring);
  }

  get nowMs(): number {
    return ((this.#elapsed + this.#machine.cpu.cycles) * 1000) / CLOCK_HZ;
  }

  get activeCycles(): number {
    return this.#active;
  }

  get baud(): number {
    return this.#machine.usart.baudRate;
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
    const before = cause & RESET.power ? undefined : this.#machine;
    this.#machine = build(this.#flash, cause, this.#wiring, before);
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
    this.#machine.receiver.feed();
  }

  derail(): void {
    this.#flash[this.#flash.length - 1] = JUMP_TO_SELF;
    this.#machine.cpu.pc = this.#flash.length - 1;
    this.#asleep = false;
  }

  run(untilMs: number): void {
    // Whole cycles: sums of fractions need not reach their target.
    const target = Math.ceil((untilMs * CLOCK_HZ) / 1000);
    if (!this.#powered) {
      this.#elapsed = Math.max(this.#elapsed, target - this.#machine.cpu.cycles);
      return;
    }
    this.#machine.receiver.feed();
    while (this.#elapsed + this.#machine.cpu.cycles < target) {
      const { haltedUntil } = this.#wiring.programming;
      if (haltedUntil > 0) this.#halt(Math.min(haltedUntil, target - this.#elapsed));
      else if (this.#asleep) this.#doze(target - this.#elapsed);
      else this.#step(target - this.#elapsed);
    }
  }

  /** Runs one instruction, and the interrupt after it if one is pending. Loops that wait do so until `until`. */
  #step(until: number): void {
    const { cpu, spinning } = this.#machine;
    const before = cpu.cycles;
    const at = cpu.pc;
    if (this.#flash[cpu.pc] === SLEEP) {
      cpu.pc++;
      cpu.cycles++;
      this.#asleep = true;
    } else if (!this.#wiring.programming.execute(cpu)) avrInstruction(cpu);
    const { pc } = cpu;
    cpu.tick();
    // An interrupt at the SLEEP instruction has woken the chip already.
    if (cpu.pc !== pc) this.#asleep = false;
    if (cpu.pc <= at) spinning.skip(cpu, at, until);
    this.#active += cpu.cycles - before;
    if (this.#watchdogBit) this.reset(RESET.watchdog);
  }

  /** Stands still while flash is programmed: no instruction, no interrupt. The peripherals work. */
  #halt(until: number): void {
    const { cpu } = this.#machine;
    const next = (cpu as unknown as Clockwork).nextClockEvent;
    cpu.cycles = Math.min(until, Math.max(cpu.cycles, next?.cycles ?? until));
    if (!next || next.cycles > cpu.cycles) return;
    const flags = cpu.data[SREG]!;
    cpu.data[SREG] = flags & ~INTERRUPTS;
    cpu.tick();
    cpu.data[SREG] = flags;
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

export type ChipOptions = {
  /** The EEPROM, which survives resets and power cuts. */
  readonly eeprom: EEPROMMemoryBackend;
  /** Undefined: no boot section. A reset starts at address 0. */
  readonly boot: BootFuses | undefined;
  /** 0 up to but not including 1, for what a power cut leaves of a page that is being programmed. */
  readonly random: () => number;
};

/** Makes a chip. `flash`: as `readHex` returns it. */
export const createChip = (
  flash: Uint16Array,
  on: ChipListener,
  { eeprom = new EEPROMMemoryBackend(EEPROM_BYTES), boot, random = () => 0.5 }: Partial<ChipOptions> = {},
): Chip => new Atmega328(flash, on, { eeprom, boot, random });
