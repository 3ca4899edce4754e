import { execFileSync } from "node:child_process";
import { join } from "node:path";

/**
 * The environment of a service whose name server does not answer for names that begin with `hang`, and
 * whose disk does not sync while `file` exists. `folder`: for the library that is built.
 */
export const hanging = (folder: string, file: string): Readonly<Record<string, string>> => {
  const built = join(folder, "hanging.so");
  execFileSync("cc", ["-O2", "-shared", "-fPIC", "-o", built, "test/journeys/hanging.c", "-ldl"]);
  return { LD_PRELOAD: built, HANG_FSYNC: file };
};
