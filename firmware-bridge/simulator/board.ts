import type { LampPattern, OwnPattern } from "../../src/domain/panic.ts";
import { PATTERNS } from "../protocol.ts";
import { Cells } from "./cells.ts";
import { createChip, type Chip } from "./chip.ts";
import { Lamps, type LampWire } from "./lamps.ts";
import { createLoop, type Loop } from "./loop.ts";
import type { Network } from "./network.ts";
import { RESET } from "./reset.ts";
import type { BootFuses } from "./self-programming.ts";

/** The panic board on a bench: the released image on a chip, four loops, a lamp and a sounder. */
type Lamp = Exclude<LampPattern, "silent"> | OwnPattern | "off";

/** `drill`: the pattern belongs to a drill. */
export type Light = { readonly lamp: Lamp; readonly drill: boolean; readonly sounder: boolean };

export type BoardOptions = {
  readonly flash: Uint16Array;
  readonly random: () => number;
  /** Bytes to the host. */
  readonly onSerial: (byte: number) => void;
  readonly onLight: (light: Light) => void;
  /** Volts of the chip's internal reference, 1.0 to 1.2. */
  readonly bandgapV?: number;
  /** A sense resistor is fitted, behind an LED with this voltage. Left out: A6 floats. */
  readonly lampDropV?: number;
  /** What the EEPROM holds; the default is erased. */
  readonly eeprom?: Uint8Array;
  /** The fuses of a board with a boot loader. */
  readonly boot?: BootFuses;
};

export type Board = {
  readonly light: Light;
  /** The level of the lamp's pin at this moment. */
  readonly lampLit: boolean;
  /** The level of the second lamp's pin. */
  readonly secondLampLit: boolean;
  /** Milliseconds of the board's own time. */
  readonly nowMs: number;
  /** The rate of the serial line, as the program has set it. */
  readonly baud: number;
  /** The share of the chip's time that it did not sleep, 0 to 1. */
  readonly load: number;
  /** Runs the board up to a time, in milliseconds of its own clock. */
  run(untilMs: number): void;
  receive(bytes: Iterable<number>): void;
  press(loop: number, forMs: number): void;
  hold(loop: number): void;
  release(loop: number): void;
  /** Closes the contact at once for a time, without bounce. */
  touch(loop: number, forMs: number): void;
  wire(loop: number, state: Loop["wire"]): void;
  lampWire(state: LampWire): void;
  /** Changes resistors of a loop; a function makes them change over time. */
  network(loop: number, network: Network | Loop["network"]): void;
  /** Volts over time that a loop's cable picks up. */
  interfere(loop: number, volts: Loop["interference"]): void;
  /** Switches the power. A write of the EEPROM that is under way is cut. */
  power(on: boolean): void;
  /** Sets the supply, volts. Below 4.3 the brown-out detector holds the chip in reset. */
  supply(volts: number): void;
  /** Bytes of EEPROM that were written or erased so far. */
  readonly eepromWrites: number;
  /** A copy of the EEPROM. */
  readonly eeprom: Uint8Array;
  /** What the chip drives, or pulls up, on port D: the spare pins D2 to D7. */
  readonly outputs: { readonly d: number };
  /** Puts a level on a pin: D2 to D7 are on port D, A0 to A5 on port C. */
  drive(port: "c" | "d", bit: number, high: boolean): void;
  /** The host opens the port, which resets an Arduino by DTR. */
  reset(): void;
  /** The firmware hangs. */
  derail(): void;
};

/** The firmware writes its pattern's number plus one into GPIOR0, and this bit during a drill. */
const DRILL = 0x80;
const SOUNDER = 1 << 0;
const LAMP_SENSE = 6;
const LOOPS = 4;
const FLOATING_V = 2;
const SUPPLY_V = 5;
const BANDGAP_V = 1.1;
/** The fuses in PROTOCOL.md; a write to the EEPROM is completed above it. */
const BROWN_OUT_V = 4.3;

/** The pattern in GPIOR0. `silent` looks like idle. */
const shownBy = (register: number): Pick<Light, "lamp" | "drill"> => {
  const pattern = PATTERNS[(register & ~DRILL) - 1] ?? "off";
  return { lamp: pattern === "silent" ? "idle" : pattern, drill: (register & DRILL) !== 0 };
};

/** What lamp and sounder show. Each change is reported once. */
class Shown {
  light: Light = { lamp: "off", drill: false, sounder: false };
  readonly #onLight: (light: Light) => void;

  constructor(onLight: (light: Light) => void) {
    this.#onLight = onLight;
  }

  change(part: Partial<Light>): void {
    const { light } = this;
    const next = { ...light, ...part };
    if (next.lamp === light.lamp && next.drill === light.drill && next.sounder === light.sounder) return;
    this.light = next;
    this.#onLight(next);
  }
}

type Loops = Pick<Board, "press" | "hold" | "release" | "touch" | "wire" | "network" | "interfere">;

/** What hands, wires and weather do to the loops. */
const onLoops = (loops: readonly Loop[], nowMs: () => number): Loops => {
  const at = (index: number): Loop => {
    const loop = loops[index];
    if (!loop) throw new Error(`there is no loop ${index}: 0 to ${LOOPS - 1}`);
    return loop;
  };
  return {
    press(index, forMs) {
      at(index).move(true, nowMs());
      at(index).move(false, nowMs() + forMs);
    },
    hold: (index) => at(index).move(true, nowMs()),
    release: (index) => at(index).move(false, nowMs()),
    touch(index, forMs) {
      at(index).move(true, nowMs(), false);
      at(index).move(false, nowMs() + forMs, false);
    },
    wire(index, state) {
      at(index).wire = state;
    },
    network(index, network) {
      at(index).network = typeof network === "function" ? network : () => network;
    },
    interfere(index, volts) {
      at(index).interference = volts;
    },
  };
};

type Supply = { volts: number; on: boolean };

/** What the power does to the chip and to a write of the EEPROM. */
const onPower = (supply: Supply, chip: Chip, cells: Cells): Pick<Board, "power" | "supply"> => ({
  power(on) {
    if (supply.on && !on) cells.cut();
    supply.on = on;
    chip.power(on && supply.volts >= BROWN_OUT_V);
  },
  supply(volts) {
    supply.volts = volts;
    if (supply.on) chip.power(volts >= BROWN_OUT_V, RESET.brownOut);
  },
});

/** A board with power, at its time 0. */
export const createBoard = (options: BoardOptions): Board => {
  const { random } = options;
  const loops = Array.from({ length: LOOPS }, () => createLoop(random));
  const supply: Supply = { volts: SUPPLY_V, on: true };
  const lamps = new Lamps(options.lampDropV);
  const analog = (channel: number): number =>
    (channel === LAMP_SENSE ? lamps.senseV(supply.volts) : undefined) ??
    loops[channel]?.volts(chip.nowMs, supply.volts) ??
    FLOATING_V * random();
  const shown = new Shown(options.onLight);
  const cells = new Cells(() => chip.nowMs, random, options.eeprom);
  const chip: Chip = createChip(
    options.flash,
    {
      transmit: options.onSerial,
      volts: analog,
      get supplyV() {
        return supply.volts;
      },
      bandgapV: options.bandgapV ?? BANDGAP_V,
      register: (value) => shown.change(shownBy(value)),
      portB(levels) {
        lamps.levels = levels;
        shown.change({ sounder: (levels & SOUNDER) !== 0 });
      },
    },
    { random, eeprom: cells, boot: options.boot },
  );
  return {
    get light() {
      return shown.light;
    },
    get lampLit() {
      return lamps.lit;
    },
    get secondLampLit() {
      return lamps.secondLit;
    },
    get nowMs() {
      return chip.nowMs;
    },
    get baud() {
      return chip.baud;
    },
    get load() {
      return chip.activeCycles / Math.max(1, chip.nowMs * 16_000);
    },
    run: (untilMs) => chip.run(untilMs),
    receive: (bytes) => chip.receive(bytes),
    lampWire(state) {
      lamps.wire = state;
    },
    ...onLoops(loops, () => chip.nowMs),
    ...onPower(supply, chip, cells),
    get eepromWrites() {
      return cells.writes;
    },
    get eeprom() {
      return cells.contents;
    },
    get outputs() {
      return { d: chip.portD };
    },
    drive: (port, bit, high) => chip.drive(port, bit, high),
    reset: () => chip.reset(RESET.external),
    derail: () => chip.derail(),
  };
};
