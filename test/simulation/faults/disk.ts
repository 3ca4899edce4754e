import type { AnyWorld, DiskTrouble } from "../world.ts";
import { MINUTE_MS, type Fault } from "./fault.ts";

/** What a disk does for a while; one at a time, since they share the one disk. */
const lasting = (kind: string, trouble: DiskTrouble, meanMs: number): Fault => ({
  kind,
  weight: 1,
  meanMs,
  begin: ({ disk }) => disk.hurt(trouble),
});

const sudden = (kind: string, trouble: DiskTrouble): Fault => ({
  kind,
  weight: 1,
  meanMs: 0,
  begin({ disk }) {
    disk.hurt(trouble);
    return undefined;
  },
});

/** The power goes, and when it comes back the disk has lost something. */
const lostAtCut = (kind: string, trouble: DiskTrouble): Fault => ({
  kind,
  weight: 0.5,
  meanMs: MINUTE_MS / 2,
  target: () => "unit",
  begin(world: AnyWorld) {
    world.kill(true);
    world.disk.hurt(trouble);
    return () => world.start();
  },
});

/** The vital file refuses in one life, and works again or still refuses in the next one. */
const refusesOverCut: Fault = {
  kind: "vital file refuses over a cut",
  weight: 1,
  meanMs: 2 * MINUTE_MS,
  target: () => "disk",
  begin(world: AnyWorld, dice) {
    const end = world.disk.hurt("vital-refuses");
    const repairedMeanwhile = dice.chance(0.5);
    return () => {
      world.kill(true);
      if (repairedMeanwhile) end?.();
      world.start();
      if (!repairedMeanwhile) world.time.after(MINUTE_MS / 2, () => end?.());
    };
  },
};

export const DISK_FAULTS: readonly Fault[] = [
  lasting("disk full", "full", 3 * MINUTE_MS),
  lasting("disk read-only", "read-only", MINUTE_MS),
  lasting("disk refuses", "refuses", MINUTE_MS),
  lasting("vital file refuses", "vital-refuses", MINUTE_MS),
  refusesOverCut,
  lasting("disk slow", "slow", 2 * MINUTE_MS),
  lasting("disk hangs", "hangs", 2 * MINUTE_MS),
  lasting("disk answers nothing", "answers-nothing", 2 * MINUTE_MS),
  sudden("batch torn", "tears"),
  lostAtCut("memory lost by a cut", "forgets"),
  sudden("record rots", "rots"),
  sudden("store breaks", "breaks"),
  lostAtCut("store broken by a cut", "breaks"),
];
