import type { Timer } from "../../src/runtime/ports.ts";
import { CAR_FAULTS } from "./faults/car.ts";
import { DISK_FAULTS } from "./faults/disk.ts";
import type { Fault } from "./faults/fault.ts";
import { NETWORK_FAULTS } from "./faults/network.ts";
import { PEOPLE } from "./faults/people.ts";
import { RECORDER_FAULTS } from "./faults/recorder.ts";
import type { Dice } from "./random.ts";
import type { AnyWorld } from "./world.ts";

export const ALL_FAULTS: readonly Fault[] = [...NETWORK_FAULTS, ...CAR_FAULTS, ...DISK_FAULTS, ...PEOPLE];

/**
 * Most runs have only some kinds of faults, each of them more often: many defects need two kinds together, and with
 * all kinds in every run two given ones seldom meet (swarm testing, Groce and others, 2012).
 */
const faultsFor = ({ dispatch, dice }: AnyWorld): readonly Fault[] => {
  const all = dispatch.recorder ? [...ALL_FAULTS, ...RECORDER_FAULTS] : ALL_FAULTS;
  if (dice.stream("calm").chance(CALM)) return all.filter((fault) => !OPENS_EPISODES.test(fault.kind));
  const kinds = dice.stream("kinds");
  if (kinds.chance(EVERY_KIND)) return all;
  return all.filter((fault) => ALWAYS.has(fault.kind) || kinds.chance(SOME_KINDS));
};

/**
 * The part of the runs without an emergency: an open one forbids a power-off, so it hides one that is wrong for
 * another reason.
 */
const CALM = 0.1;
const OPENS_EPISODES = /press|drill|crash/;
/** The part of the other runs with every kind of fault, and the part of the kinds in the others. */
const EVERY_KIND = 0.25;
const SOME_KINDS = 0.4;
/** Without presses there is little else to find. */
const ALWAYS: ReadonlySet<string> = new Set(["press"]);
/** The mean wait between two faults, at the densest. */
const WAIT_MS = 8_000;
/** Quiet and busy times follow each other with about this period. */
const TIDE_MS = 1_200_000;
const LONGEST_MS = 3_600_000;

/**
 * Draws what happens from the seed: when, what, and for how long. The density of faults grows and
 * shrinks, so that some runs see one fault alone and others many at once.
 */
export class Plan {
  /** How often each kind was injected. */
  readonly counts = new Map<string, number>();
  readonly #world: AnyWorld;
  readonly #dice: Dice;
  readonly #faults: readonly Fault[];
  readonly #weights: number;
  readonly #active = new Map<string, () => void>();
  #next: Timer | undefined;
  #tide: number;

  constructor(world: AnyWorld, faults: readonly Fault[] = faultsFor(world)) {
    this.#world = world;
    this.#dice = world.dice.stream("plan");
    this.#faults = faults;
    this.#weights = faults.reduce((sum, { weight }) => sum + weight, 0);
    this.#tide = this.#dice.between(0, TIDE_MS);
  }

  begin(): void {
    this.#schedule();
  }

  /** From now on nothing is broken: every fault ends, and the unit runs. */
  heal(): void {
    this.#next?.[Symbol.dispose]();
    for (const end of this.#active.values()) end();
    this.#world.start();
    this.#world.observeHealth();
    this.#world.observe({ what: "healed" });
  }

  #schedule(): void {
    // From a twelfth of the full density to all of it.
    const phase = Math.sin(((this.#world.time.mono() + this.#tide) * 2 * Math.PI) / TIDE_MS);
    const wait = this.#dice.exponential(WAIT_MS * 12 ** ((1 - phase) / 2));
    this.#next = this.#world.time.after(wait, () => {
      this.#inject();
      this.#schedule();
    });
  }

  #inject(): void {
    const dice = this.#dice;
    const fault = this.#draw();
    const target = fault.target?.(this.#world, dice) ?? "";
    // Killed and cut are one thing: there is one unit to be gone.
    const key = target === "unit" ? target : `${fault.kind} ${target}`;
    const lasts = Math.min(dice.exponential(fault.meanMs), LONGEST_MS);
    if (this.#active.has(key)) return;
    this.counts.set(fault.kind, (this.counts.get(fault.kind) ?? 0) + 1);
    this.#world.observe({ what: "injected", kind: fault.kind });
    const undo = fault.begin(this.#world, dice, target);
    this.#world.observeHealth();
    if (!undo) return;
    const end = () => {
      timer[Symbol.dispose]();
      this.#active.delete(key);
      undo();
      this.#world.observeHealth();
    };
    const timer = this.#world.time.after(lasts, end);
    this.#active.set(key, end);
  }

  #draw(): Fault {
    let left = this.#dice.between(0, this.#weights);
    for (const fault of this.#faults) {
      left -= fault.weight;
      if (left < 0) return fault;
    }
    return this.#faults.at(-1)!;
  }
}
