import type { Fault } from "./faults/fault.ts";
import { createUnitDisk } from "./real/disk.ts";
import { startRealUnit } from "./real/unit.ts";
import { simulate } from "./simulate.ts";
import type { WorldOptions } from "./world.ts";
import type { Disk } from "../../src/outbox/port.ts";

/** What is simulated: the real unit. The only file that names it, besides `real/`. */
export const simulateSubject = (
  options: Pick<WorldOptions<Disk>, "seed" | "trace" | "limits"> & {
    readonly hours: number;
    readonly settleMs?: number;
    readonly faults?: readonly Fault[];
  },
) => simulate<Disk>({ ...options, start: startRealUnit, createDisk: createUnitDisk });
