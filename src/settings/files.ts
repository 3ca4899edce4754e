import { readFileSync } from "node:fs";

/** A file that a configuration names: its bytes, or why it cannot be read. */
export type FileRead =
  | { readonly bytes: Buffer }
  | { readonly code: "missing-file" | "unreadable-file"; readonly reason: string };

/** Reads a file. Never throws. */
export const readNamedFile = (path: string): FileRead => {
  try {
    return { bytes: readFileSync(path) };
  } catch (cause) {
    const isMissing = cause instanceof Error && "code" in cause && cause.code === "ENOENT";
    return {
      code: isMissing ? "missing-file" : "unreadable-file",
      reason: isMissing ? "no such file" : cause instanceof Error ? cause.message : String(cause),
    };
  }
};
