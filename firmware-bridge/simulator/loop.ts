/**
 * A supervised loop as it is wired: 10 kΩ to the supply, 10 kΩ at the far end, and across that the
 * button with 3.3 kΩ in series. The contact bounces as real ones do: some toggles within a few
 * milliseconds, on closing and, less, on opening.
 */
const SUPPLY_V = 5;
const PULL_UP = 10_000;
const END_OF_LINE = 10_000;
const SERIES = 3_300;
const BOUNCE_MS = { close: 5, open: 2 };
const BOUNCES = 8;
/** Volts, 1σ, of what a wire in a car picks up. */
const NOISE_V = 0.02;

type Wire = "whole" | "cut" | "shorted";

export type Loop = {
  wire: Wire;
  /** Closes or opens the contact at a time, milliseconds, with bounce. */
  move(closed: boolean, atMs: number): void;
  /** Volts at the board's input at a time that never goes back. */
  volts(atMs: number): number;
};

/** A loop that is whole, with its contact open. `random`: 0 up to but not including 1. */
export const createLoop = (random: () => number): Loop => {
  let closed = false;
  let moves: { readonly atMs: number; readonly closed: boolean }[] = [];

  return {
    wire: "whole",
    move(target, atMs) {
      const withinMs = target ? BOUNCE_MS.close : BOUNCE_MS.open;
      const times = Array.from(
        { length: 2 * Math.floor(random() * (BOUNCES / 2)) },
        () => random() * withinMs,
      );
      const toggles = times
        .toSorted((a, b) => a - b)
        .map((delay, i) => ({ atMs: atMs + delay, closed: i % 2 === 0 ? !target : target }));
      // A new move ends the bounces of the move before.
      moves = [...moves.filter((move) => move.atMs < atMs), { atMs, closed: target }, ...toggles];
    },
    volts(atMs) {
      while (moves[0] && moves[0].atMs <= atMs) closed = moves.shift()!.closed;
      const noise = (random() + random() + random() - 1.5) * 2 * NOISE_V;
      if (this.wire === "cut") return SUPPLY_V + noise;
      if (this.wire === "shorted") return noise;
      const far = closed ? (END_OF_LINE * SERIES) / (END_OF_LINE + SERIES) : END_OF_LINE;
      return (SUPPLY_V * far) / (far + PULL_UP) + noise;
    },
  };
};
