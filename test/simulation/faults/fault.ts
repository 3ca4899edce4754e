import type { Dice } from "../random.ts";
import type { AnyWorld } from "../world.ts";

/**
 * Something that happens to the world. `begin` does it and returns how it ends; undefined: it is over
 * at once, or did not apply. The same kind does not begin again on the same `target` before it ended.
 */
export type Fault = {
  readonly kind: string;
  /** How often it comes compared with the others. */
  readonly weight: number;
  /** How long it lasts on average, milliseconds. */
  readonly meanMs: number;
  /** What it is done to: two faults of one kind and target do not overlap. */
  readonly target?: (world: AnyWorld, dice: Dice) => string;
  begin(world: AnyWorld, dice: Dice, target: string): (() => void) | undefined;
};

export const MINUTE_MS = 60_000;

/** A fault of a moment: nothing has to be ended. */
export const once = (kind: string, weight: number, act: (world: AnyWorld, dice: Dice) => void): Fault => ({
  kind,
  weight,
  meanMs: 0,
  begin(world, dice) {
    act(world, dice);
    return undefined;
  },
});
