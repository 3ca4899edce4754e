import type { Fault } from "./faults/fault.ts";
import type { Violation } from "./invariants.ts";
import { Plan } from "./plan.ts";
import { World, type WorldOptions } from "./world.ts";

export const HOUR_MS = 3_600_000;
/** After the last fault: longer than every retry of the unit, and than a drill that nobody clears. */
const SETTLE_MS = 900_000;

/** What the recorder lacks is sent again after up to an hour. */
const AGAIN_MS = 9_000_000;

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const LAST_S = 60;

/** A unit that lives makes reports: nothing waits if that is so for a moment of the last minute. */
const end = async <D>(world: World<D>): Promise<void> => {
  let pending = Infinity;
  for (let i = 0; i < 2 * LAST_S && pending > 0 && !world.checker.violation; i++) {
    void world.unit?.pending().then((now) => (pending = Math.min(pending, now)));
    await world.run(SECOND_MS / 2);
  }
  world.observe({ what: "end", pending });
};

/** Waits until the recorder has everything, if there is one. */
const complete = async <D>(world: World<D>): Promise<void> => {
  const { checker, dispatch, time } = world;
  const until = time.mono() + AGAIN_MS;
  while (time.mono() < until && dispatch.recorder?.complete === false && !checker.violation)
    await world.run(MINUTE_MS);
};

export type Outcome = {
  readonly seed: number;
  readonly simulatedMs: number;
  readonly counts: ReadonlyMap<string, number>;
  readonly violation: Violation | undefined;
  /** SHA-256 of everything that was observed. */
  readonly digest: string;
  readonly trace: readonly string[];
};

/** Runs one seed: `hours` with faults, then a time in which everything must settle. */
export const simulate = async <D>(
  options: WorldOptions<D> & {
    readonly hours: number;
    readonly settleMs?: number;
    readonly faults?: readonly Fault[];
  },
): Promise<Outcome> => {
  const world = new World(options);
  const plan = new Plan(world, options.faults);
  world.start();
  plan.begin();
  await world.run(options.hours * HOUR_MS);
  if (!world.checker.violation) {
    plan.heal();
    await world.run(options.settleMs ?? SETTLE_MS);
    await complete(world);
    await end(world);
  }
  return {
    seed: options.seed,
    simulatedMs: world.time.mono(),
    counts: plan.counts,
    violation: world.checker.violation,
    digest: world.digest,
    trace: world.trace,
  };
};
