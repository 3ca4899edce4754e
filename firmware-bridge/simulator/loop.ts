import { HEALTHY, sourceOf, type Network } from "./network.ts";

/**
 * One loop over time: the wire, the contact and what the cable picks up. The contact bounces as real ones
 * do: it toggles several times within a few milliseconds when it closes and, less, when it opens.
 */
const BOUNCE_MS = { close: 5, open: 2 };
const BOUNCES = 8;
/** Volts, 1σ, of the noise that is always there. */
const NOISE_V = 0.02;
/** R2 and C1 of PROTOCOL.md, between the loop and the chip's input. */
const INPUT_OHM = 2_200;
const INPUT_FARAD = 47e-9;

type Wire = "whole" | "cut" | "shorted";

export type Loop = {
  wire: Wire;
  /** The resistors at a time, milliseconds. */
  network: (atMs: number) => Network;
  /** Volts at a time that the cable picks up, added to those of the network. */
  interference: (atMs: number) => number;
  /** Closes or opens the contact at a time, milliseconds. `bounce`: as a real contact does. */
  move(closed: boolean, atMs: number, bounce?: boolean): void;
  /** Volts at the board's input at a time that never goes back. */
  volts(atMs: number, supplyV: number): number;
};

type Move = { readonly atMs: number; readonly closed: boolean };

const bounces = (target: boolean, atMs: number, random: () => number): Move[] => {
  const withinMs = target ? BOUNCE_MS.close : BOUNCE_MS.open;
  return Array.from({ length: 2 * Math.floor(random() * (BOUNCES / 2)) }, () => random() * withinMs)
    .toSorted((a, b) => a - b)
    .map((delay, i) => ({ atMs: atMs + delay, closed: i % 2 === 0 ? !target : target }));
};

/** A loop that is whole, with its contact open. `random`: 0 up to but not including 1. */
export const createLoop = (random: () => number): Loop => {
  let closed = false;
  let moves: Move[] = [];
  let inputV: number | undefined;
  let inputMs = 0;
  /** Charges the input's capacitor up to a time. */
  const charge = (loop: Loop, atMs: number, supplyV: number) => {
    const network = loop.network(atMs);
    const { volts, ohm } = sourceOf(
      {
        ...network,
        seriesOhm: loop.wire === "cut" ? Infinity : network.seriesOhm,
        leakageOhm: loop.wire === "shorted" ? 0 : network.leakageOhm,
      },
      supplyV,
      closed,
    );
    const left = Math.exp((inputMs - atMs) / (1000 * (ohm + INPUT_OHM) * INPUT_FARAD));
    inputV = volts + ((inputV ?? volts) - volts) * left;
    inputMs = atMs;
    return inputV;
  };

  return {
    wire: "whole",
    network: () => HEALTHY,
    interference: () => 0,
    move(target, atMs, bounce = true) {
      const toggles = bounce ? bounces(target, atMs, random) : [];
      // A new move ends the bounces of the move before.
      moves = [...moves.filter((move) => move.atMs < atMs), { atMs, closed: target }, ...toggles];
    },
    volts(atMs, supplyV) {
      for (let move = moves[0]; move && move.atMs <= atMs; move = moves[0]) {
        charge(this, move.atMs, supplyV);
        moves.shift();
        closed = move.closed;
      }
      const noise = (random() + random() + random() - 1.5) * 2 * NOISE_V;
      return charge(this, atMs, supplyV) + noise + this.interference(atMs);
    },
  };
};
