/**
 * The lamps as PROTOCOL.md wires them: the chip's output, a resistor, an LED, and for the first lamp a sense
 * resistor to ground. Ohms and volts.
 */
const OUTPUT_OHM = 25;
const SERIES_OHM = 330;
const SENSE_OHM = 47;
const LAMP_PIN = 1 << 5;
const SECOND_LAMP_PIN = 1 << 1;

export type LampWire = "whole" | "cut";

export class Lamps {
  /** The levels of port B. */
  levels = 0;
  wire: LampWire = "whole";
  readonly #dropV: number | undefined;

  /** `dropV`: of the first LED, 2.0 for a red one, 3.1 for a white or blue one; undefined: no sense resistor. */
  constructor(dropV: number | undefined) {
    this.#dropV = dropV;
  }

  get lit(): boolean {
    return (this.levels & LAMP_PIN) !== 0;
  }

  get secondLit(): boolean {
    return (this.levels & SECOND_LAMP_PIN) !== 0;
  }

  /** Volts at the sense resistor; undefined: there is none. */
  senseV(supplyV: number): number | undefined {
    if (this.#dropV === undefined) return undefined;
    if (!this.lit || this.wire === "cut") return 0;
    return (Math.max(0, supplyV - this.#dropV) * SENSE_OHM) / (OUTPUT_OHM + SERIES_OHM + SENSE_OHM);
  }
}
