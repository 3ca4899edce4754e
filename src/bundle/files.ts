import { lstatSync, statSync } from "node:fs";
import {
  lchown,
  mkdir,
  open,
  readdir,
  readFile,
  readlink,
  rename,
  rmdir,
  symlink,
  unlink,
} from "node:fs/promises";
import { expectRegular } from "../runtime/regular-file.ts";
import { errorCode } from "../runtime/system-words.ts";
import type { Entry, Files } from "./port.ts";

/** The file system of this machine. */

const orNothing = async <T>(ask: Promise<T>, ...codes: readonly string[]): Promise<T | undefined> => {
  try {
    return await ask;
  } catch (cause) {
    if (codes.includes(String(errorCode(cause)))) return undefined;
    throw cause;
  }
};

/** An error of reading a folder names no path. */
const readWhole = async (path: string): Promise<Buffer> => {
  expectRegular(path);
  try {
    return await readFile(path);
  } catch (cause) {
    if (errorCode(cause) !== "EISDIR") throw cause;
    throw Object.assign(new Error(`${path} is a folder`, { cause }), { code: "EISDIR", path });
  }
};

/** Errors of an open file name no path: a disk that is full, for example. */
const naming = async <T>(path: string, work: Promise<T>): Promise<T> => {
  try {
    return await work;
  } catch (cause) {
    if (!(cause instanceof Error) || "path" in cause) throw cause;
    const code = errorCode(cause);
    throw Object.assign(new Error(`${path}: ${cause.message}`, { cause }), { code, path });
  }
};

const kindOf = (entry: { isDirectory(): boolean; isSymbolicLink(): boolean }): Entry["kind"] =>
  entry.isDirectory() ? "folder" : entry.isSymbolicLink() ? "link" : "file";

/** Gives what was made the owner of the root, if this process may: a technician works as root. */
const ownership = (dir: string): ((path: string) => Promise<void>) => {
  const { uid, gid } = statSync(dir);
  if (process.geteuid?.() !== 0) return () => Promise.resolve();
  return (path) => lchown(path, uid, gid);
};

/**
 * The files below the root `dir`, which must be there. Whatever is written gets the owner of `dir`. Throws
 * if there is no such folder.
 */
export const openFiles = (dir: string): Files => {
  const own = ownership(dir);
  return {
    read: (path) => orNothing(readWhole(path), "ENOENT", "ENOTDIR"),
    size(path) {
      const found = lstatSync(path, { throwIfNoEntry: false });
      return Promise.resolve(found?.isFile() === true ? found.size : undefined);
    },
    async list(folder) {
      const entries = await orNothing(readdir(folder, { withFileTypes: true }), "ENOENT", "ENOTDIR");
      return (entries ?? []).map((entry) => ({ name: entry.name, kind: kindOf(entry) }));
    },
    linkAt: (path) => orNothing(readlink(path), "ENOENT", "EINVAL", "ENOTDIR"),
    makingOf(path) {
      const found = lstatSync(path, { bigint: true, throwIfNoEntry: false });
      return Promise.resolve(found && `${found.ino} ${found.ctimeNs}`);
    },
    async makeFolder(path) {
      const made = await mkdir(path, { mode: 0o755 }).then(
        () => true,
        (cause: unknown) => {
          if (errorCode(cause) === "EEXIST" && lstatSync(path).isDirectory()) return false;
          throw cause;
        },
      );
      if (made) await own(path);
    },
    async write(path, bytes, mode = 0o644) {
      await using file = await open(path, "wx", mode);
      // The mask of the process must not widen or narrow it.
      await naming(path, file.chmod(mode));
      await naming(path, file.writeFile(bytes));
      await own(path);
    },
    async makeLink(target, path) {
      await symlink(target, path);
      await own(path);
    },
    async sync(path) {
      await using file = await open(path, "r");
      await naming(path, file.sync());
    },
    rename,
    async remove(path) {
      const entry = lstatSync(path, { throwIfNoEntry: false });
      if (entry) await orNothing(entry.isDirectory() ? rmdir(path) : unlink(path), "ENOENT");
    },
  };
};
