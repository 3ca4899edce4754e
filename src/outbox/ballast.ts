import { existsSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/**
 * A file beside the store that only takes up space. On a full disk it is deleted, so that there is space for
 * the next press, and for the deletions of LevelDB, which need some.
 */
export type Ballast = {
  /** Frees the space. Returns false if there was none to free. */
  release(): boolean;
  /** Reserves the space again if the disk has plenty. */
  restore(): void;
};

const BALLAST_BYTES = 2 * 1024 * 1024;
/** If less than this is free, no space is reserved. */
const PLENTY_BYTES = 8 * BALLAST_BYTES;

export const createBallast = (path: string): Ballast => {
  const file = `${path}.ballast`;
  /** The file is known to exist: this is called after each batch. */
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
        rmSync(file, { force: true }); // a part of it is useless
      }
    },
  };
};
