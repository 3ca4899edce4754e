/**
 * A supervised loop as a network of resistors, as PROTOCOL.md draws it, with what age and weather add.
 * Ohms; `Infinity` is an open circuit. Pure.
 */
export type Network = {
  /** From the board's input to its supply. */
  readonly pullUpOhm: number;
  /** At the far end of the cable, to the return wire. */
  readonly endOfLineOhm: number;
  /** In series with the button, across the end-of-line resistor. */
  readonly buttonOhm: number;
  /** Of the closed contact itself. */
  readonly contactOhm: number;
  /** In the cable between board and button: a corroded plug. */
  readonly seriesOhm: number;
  /** From the board's input to its ground: a damp plug. */
  readonly leakageOhm: number;
  /** From the far end of the cable to the return wire: a damp button. */
  readonly farLeakageOhm: number;
  /** Volts of the return wire at the far end against the board's ground. */
  readonly groundShiftV: number;
};

/** A healthy loop. */
export const HEALTHY: Network = {
  pullUpOhm: 10_000,
  endOfLineOhm: 10_000,
  buttonOhm: 3_300,
  contactOhm: 0,
  seriesOhm: 0,
  leakageOhm: Infinity,
  farLeakageOhm: Infinity,
  groundShiftV: 0,
};

/** What the input sees: a voltage source behind a resistance. */
type Source = { readonly volts: number; readonly ohm: number };

/** The loop as seen from the board's input. `closed`: the button is pressed. */
export const sourceOf = (network: Network, supplyV: number, closed: boolean): Source => {
  if (network.leakageOhm === 0) return { volts: 0, ohm: 0 };
  const button = closed ? 1 / (network.buttonOhm + network.contactOhm) : 0;
  const atFarEnd = 1 / network.endOfLineOhm + 1 / network.farLeakageOhm + button;
  const pullUp = 1 / network.pullUpOhm;
  const cable = 1 / (network.seriesOhm + 1 / atFarEnd);
  const all = pullUp + cable + 1 / network.leakageOhm;
  return { volts: (supplyV * pullUp + network.groundShiftV * cable) / all, ohm: 1 / all };
};
