import { expect, test } from "vitest";
import { CAR_FAULTS } from "./faults/car.ts";
import { DISK_FAULTS } from "./faults/disk.ts";
import type { Fault } from "./faults/fault.ts";
import { forbidRealTime } from "./guard.ts";
import { describeViolation } from "./invariants.ts";
import { simulateSubject } from "./subject.ts";

const MINUTE_MS = 60_000;

/** Faults of these kinds, so much more often than others, and for so long. */
const such = (faults: readonly Fault[], kinds: readonly string[], weight: number, meanMs: number): Fault[] =>
  faults.flatMap((fault) => (kinds.includes(fault.kind) ? [{ ...fault, weight, meanMs }] : []));

/** No receiver and no bus: the unit makes little but its health, as in a garage. */
const QUIET = such(CAR_FAULTS, ["receiver unplugged", "bus away"], 20, 60 * MINUTE_MS);
/** The disk takes nothing for minutes. In a busy car something else would happen meanwhile, and hide a silence. */
const DISK = such(DISK_FAULTS, ["disk read-only", "disk refuses", "disk hangs"], 1, 5 * MINUTE_MS);

test.each([1, 2, 3, 4, 5, 6, 7, 8])("a quiet car whose disk takes nothing (seed %i)", async (seed) => {
  using _guard = forbidRealTime();
  const { violation } = await simulateSubject({
    seed,
    hours: 0.25,
    settleMs: 0,
    faults: [...QUIET, ...DISK],
  });
  expect(violation && describeViolation(violation, `seed ${seed}`)).toBeUndefined();
});
