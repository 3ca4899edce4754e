import { readFileSync, statSync } from "node:fs";

/** A file that a configuration names: its bytes, or why it cannot be read, as "found …" is completed. */
export type FileRead =
  | { readonly bytes: Buffer }
  | { readonly code: "missing-file" | "unreadable-file"; readonly reason: string };

/** Reads a regular file. Reading a pipe or a device could wait for ever. Never throws. */
export const readNamedFile = (path: string): FileRead => {
  try {
    const found = statSync(path);
    if (!found.isFile()) {
      const reason = found.isDirectory() ? "a folder" : "a pipe or a device";
      return { code: "unreadable-file", reason };
    }
    return { bytes: readFileSync(path) };
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
    if (code === "ENOENT") return { code: "missing-file", reason: "no such file" };
    const words = cause instanceof Error ? cause.message : String(cause);
    const reason = code === "EACCES" ? "a file that this user may not read" : words;
    return { code: "unreadable-file", reason };
  }
};
