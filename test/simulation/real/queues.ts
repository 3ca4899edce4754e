import type { Memory } from "../../../src/domain/memory.ts";
import { COPIES_MAX } from "../../../src/emergency/copies.ts";
import { AIRBAGS_MAX, ENDED_MAX } from "../../../src/emergency/ring.ts";
import type { Disk } from "../../../src/outbox/port.ts";
import { decodePlaces } from "../../../src/outbox/vital-record.ts";

/**
 * The lists of the unit's memory with their limits, as each write of the vital file shows them. The queues
 * of the link and of the outbox cannot be seen from outside.
 */
type Queue = { readonly name: string; readonly length: number; readonly limit: number };

/** As src/emergency/presses.ts and src/commands/commands.ts have them. */
const BOARDS = 16;
const PRESSES = 64;
const DONE = 256;
const HELD = 16;
/** A real one and a drill. */
const OPEN = 2;

const queuesOf = ({ emergency, commands }: Memory): readonly Queue[] => [
  { name: "episodes", length: emergency.episodes.length, limit: OPEN + ENDED_MAX },
  { name: "boards", length: emergency.presses.length, limit: BOARDS },
  ...emergency.presses.map(({ board, numbers }) => ({
    name: `presses of ${board}`,
    length: numbers.length,
    limit: PRESSES,
  })),
  { name: "copies", length: emergency.copies.length, limit: COPIES_MAX },
  { name: "airbags", length: emergency.airbags.length, limit: AIRBAGS_MAX },
  { name: "commands done", length: commands.done.length, limit: DONE },
  { name: "commands held", length: commands.held.length, limit: HELD },
];

/** `writeVital` of the disk, and the queues as the newest write of the memory showed them. */
export const watchMemory = (
  disk: Pick<Disk, "writeVital">,
): Pick<Disk, "writeVital"> & { queues: () => readonly Queue[] } => {
  let queues: readonly Queue[] = [];
  const writeVital: Disk["writeVital"] = (place, bytes) => {
    const { newest } = decodePlaces([bytes]);
    if (newest) queues = queuesOf(newest.memory);
    return disk.writeVital(place, bytes);
  };
  return { writeVital, queues: () => queues };
};
