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

export const DISK_FAULTS: readonly Fault[] = [
  lasting("disk full", "full", 3 * MINUTE_MS),
  lasting("disk read-only", "read-only", MINUTE_MS),
  lasting("disk refuses", "refuses", MINUTE_MS),
  lasting("vital file refuses", "vital-refuses", MINUTE_MS),
  lasting("disk slow", "slow", 2 * MINUTE_MS),
  lasting("disk hangs", "hangs", 2 * MINUTE_MS),
  sudden("batch torn", "tears"),
  lostAtCut("memory lost by a cut", "forgets"),
  sudden("record rots", "rots"),
  sudden("store breaks", "breaks"),
  lostAtCut("store broken by a cut", "breaks"),
];
