import { readFileSync, statSync } from "node:fs";

/** A file that a configuration names: its bytes, or why it cannot be read, as "found …" is completed. */
export type FileRead =
  | { readonly bytes: Buffer }
  | { readonly code: "missing-file" | "unreadable-file"; readonly reason: string };

const MIB = 1024 * 1024;
/** The largest file that is read: a profile or a configuration of this size is none. */
export const TEXT_BYTES = MIB;
/** The largest databases of whole vehicles have a few megabytes. */
export const DATABASE_BYTES = 64 * MIB;

/** An image as Intel HEX is three times as large as the chip's 32 KiB at most. */
export const IMAGE_BYTES = MIB / 4;

/** Reads a regular file of at most `maxBytes`. Reading a pipe or a device could wait for ever. Never throws. */
export const readNamedFile = (path: string, maxBytes: number): FileRead => {
  try {
    const found = statSync(path);
    if (!found.isFile()) {
      const reason = found.isDirectory() ? "a folder" : "a pipe or a device";
      return { code: "unreadable-file", reason };
    }
    if (found.size > maxBytes) {
      const reason = `a file of ${Math.ceil(found.size / MIB)} MiB, more than ${maxBytes / MIB} MiB`;
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
