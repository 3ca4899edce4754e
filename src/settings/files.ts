import { readFileSync, statSync } from "node:fs";

/** A file that a configuration names: its bytes, or why it cannot be read. */
export type FileRead =
  | { readonly bytes: Buffer }
  | { readonly code: "missing-file" | "unreadable-file"; readonly reason: string };

/** Reads a regular file. Reading a pipe or a device could wait for ever. Never throws. */
export const readNamedFile = (path: string): FileRead => {
  try {
    const found = statSync(path);
    if (!found.isFile()) {
      const reason = found.isDirectory() ? "it is a folder" : "it is not a regular file";
      return { code: "unreadable-file", reason };
    }
    return { bytes: readFileSync(path) };
  } catch (cause) {
    const isMissing = cause instanceof Error && "code" in cause && cause.code === "ENOENT";
    return {
      code: isMissing ? "missing-file" : "unreadable-file",
      reason: isMissing ? "no such file" : cause instanceof Error ? cause.message : String(cause),
    };
  }
};
