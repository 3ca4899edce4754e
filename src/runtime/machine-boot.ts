import { readFileSync } from "node:fs";

/** An id that the kernel makes anew each time the machine starts. Empty if the kernel does not give one. */
export const machineBoot = (): string => {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return "";
  }
};
