import { errorCode, systemWords } from "../runtime/system-words.ts";
import type { Files } from "./port.ts";

/** The bytes of a bundle's file, or why it has none. */
export type ReadBundle =
  | { readonly kind: "read"; readonly bytes: Buffer }
  | { readonly kind: "gone" }
  /** It cannot be read before somebody changes it. `why`: in words. */
  | { readonly kind: "unreadable"; readonly why: string };

/** Errors of the file itself. Others, for example want of memory, pass by themselves. */
const OF_THE_FILE: ReadonlySet<string> = new Set(["EACCES", "EPERM", "EIO", "EISDIR", "EBADMSG", "EUCLEAN"]);

/** Reads a bundle's file. Rejects with errors that are not the file's. */
export const readBundle = async (files: Files, path: string): Promise<ReadBundle> => {
  try {
    const bytes = await files.read(path);
    return bytes ? { kind: "read", bytes } : { kind: "gone" };
  } catch (cause) {
    if (!OF_THE_FILE.has(String(errorCode(cause)))) throw cause;
    return { kind: "unreadable", why: `it cannot be read: ${systemWords("read", cause)}` };
  }
};
