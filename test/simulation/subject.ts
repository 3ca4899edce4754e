import { FULL_LIMITS } from "./broker.ts";
import { createFakeDisk, type FakeDisk } from "./fake/disk.ts";
import { FAKE_FAULTS } from "./fake/faults.ts";
import { startFakeUnit } from "./fake/unit.ts";
import { simulate } from "./simulate.ts";
import type { WorldOptions } from "./world.ts";

/**
 * What is simulated. Until the unit takes its ports from outside this is the fake one, with the faults
 * that it copes with; then its disk, its start and ALL_FAULTS stand here, and nowhere else.
 */
export const simulateSubject = (
  options: Pick<WorldOptions<FakeDisk>, "seed" | "trace"> & {
    readonly hours: number;
    readonly settleMs?: number;
  },
) =>
  simulate<FakeDisk>({
    ...options,
    start: startFakeUnit,
    createDisk: createFakeDisk,
    limits: FULL_LIMITS,
    faults: FAKE_FAULTS,
  });
