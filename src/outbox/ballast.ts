import { existsSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/**
 * A file of nothing beside the store: on a full disk it is given up, so that deleting, which needs
 * room in LevelDB, and the next press still fit.
 */
export type Ballast = {
  /** Gives the room free; false if there was none to give. */
  release(): boolean;
  /** Takes the room again, if the disk has plenty. */
  restore(): void;
};

const BALLAST_BYTES = 2 * 1024 * 1024;
/** With less free than this the room is left to others. */
const PLENTY_BYTES = 8 * BALLAST_BYTES;

export const createBallast = (path: string): Ballast => {
  const file = `${path}.ballast`;
  /** It is there: no need to look after each batch. */
  let kept = false;
  return {
    release() {
      kept = false;
      try {
        if (!existsSync(file)) return false;
        rmSync(file);
        return true;
      } catch {
        return false; // a read-only disk gives nothing
      }
    },
    restore() {
      if (kept) return;
      try {
        kept = existsSync(file);
        if (kept) return;
        const { bavail, bsize } = statfsSync(dirname(path));
        if (bavail * bsize >= PLENTY_BYTES) writeFileSync(file, Buffer.alloc(BALLAST_BYTES));
      } catch {
        rmSync(file, { force: true }); // half of it serves nobody
      }
    },
  };
};
