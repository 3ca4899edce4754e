import type { Random } from "../../src/runtime/ports.ts";

/**
 * Random numbers that are the same for the same seed. Each component draws from a stream of its own,
 * so that one more draw in one component does not change what the others do.
 */
export type Dice = {
  /** From 0 (inclusive) to 1 (exclusive): the port that the unit gets. */
  readonly random: Random;
  /** True with this probability. */
  chance(probability: number): boolean;
  /** A number from `low` (inclusive) to `high` (exclusive). */
  between(low: number, high: number): number;
  /** A whole number from `low` to `high`, both inclusive. */
  int(low: number, high: number): number;
  /** One of a list that is not empty. */
  pick<T>(list: readonly T[]): T;
  /** Exponentially distributed: the wait for an event that comes every `mean` on average. */
  exponential(mean: number): number;
  /** The stream of a component. It depends on the seed and the name only, not on what was drawn before. */
  stream(name: string): Dice;
};

/** FNV-1a, 32 bits. */
const hash = (text: string): number => {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193) >>> 0;
  return value;
};

/** sfc32 (Chris Doty-Humphrey's Small Fast Counting generator), seeded by a number and a name. */
const sfc32 = (seed: number, name: string): Random => {
  let a = seed >>> 0;
  let b = Math.floor(seed / 0x1_0000_0000) >>> 0;
  let c = hash(name);
  let counter = 1;
  const next = (): number => {
    const sum = (a + b + counter) >>> 0;
    counter = (counter + 1) >>> 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) >>> 0;
    c = ((c << 21) | (c >>> 11)) >>> 0;
    c = (c + sum) >>> 0;
    return sum / 0x1_0000_0000;
  };
  // The first numbers still show the seed.
  for (let i = 0; i < 12; i++) next();
  return next;
};

/** `seed`: a whole number from 0 to 2^53 - 1. */
export const createDice = (seed: number, name = ""): Dice => {
  const random = sfc32(seed, name);
  const between = (low: number, high: number) => low + random() * (high - low);
  return {
    random,
    chance: (probability) => random() < probability,
    between,
    int: (low, high) => Math.floor(between(low, high + 1)),
    pick(list) {
      const one = list[Math.floor(random() * list.length)];
      if (one === undefined) throw new Error("nothing to pick from");
      return one;
    },
    exponential: (mean) => -mean * Math.log(1 - random()),
    stream: (child) => createDice(seed, `${name}/${child}`),
  };
};
