import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Mounting needs root. */
export const canMount = process.getuid?.() === 0;

/** A disk of its own, small enough to fill. */
export type SmallDisk = Disposable & {
  readonly path: string;
  fill(): void;
  free(): void;
  remount(how: "ro" | "rw"): void;
};

export const mountSmallDisk = (mib = 8): SmallDisk => {
  const path = mkdtempSync(join(tmpdir(), "disk-"));
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${mib}m`, "none", path]);
  const filler = join(path, "filler");
  return {
    path,
    fill() {
      for (let bytes = 1 << 20; bytes >= 512; bytes >>= 1) {
        try {
          for (;;) writeFileSync(filler, Buffer.alloc(bytes), { flag: "a" });
        } catch {
          // smaller pieces still fit
        }
      }
      if (statfsSync(path).bavail > 0) throw new Error(`${path} is not full`);
    },
    free: () => rmSync(filler),
    remount: (how) => void execFileSync("mount", ["-o", `remount,${how}`, path]),
    [Symbol.dispose]() {
      execFileSync("umount", ["-l", path]);
      rmSync(path, { recursive: true, force: true });
    },
  };
};
