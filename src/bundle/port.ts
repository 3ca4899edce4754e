import { dirname, join } from "node:path";

/**
 * The file system below a root, as a port. What is written survives a power cut only after `sync`: of the
 * file for its bytes, of the folder for names in it. Paths are absolute. Errors reject as those of
 * `node:fs`.
 */
export type Files = {
  /** Undefined: there is no such file. */
  read(path: string): Promise<Buffer | undefined>;
  /** The bytes of a file. Undefined: there is no such file, or it is none. */
  size(path: string): Promise<number | undefined>;
  /** The names in a folder and what each is; none if there is no such folder. */
  list(folder: string): Promise<readonly Entry[]>;
  /** What a symbolic link names. Undefined: there is no link. */
  linkAt(path: string): Promise<string | undefined>;
  /**
   * Differs for each link that was made at a path, also with the same target, and for a file after each change of it or
   * of its permissions. Undefined: there is nothing.
   */
  makingOf(path: string): Promise<string | undefined>;
  /** Makes a folder whose parent is there. It may be there already. */
  makeFolder(path: string): Promise<void>;
  /** Writes a new file. `mode`: 0o644 if it is left out. */
  write(path: string, bytes: Buffer, mode?: number): Promise<void>;
  /** Makes a new symbolic link. */
  makeLink(target: string, path: string): Promise<void>;
  sync(path: string): Promise<void>;
  /** Replaces a file or a link. A folder must not be there yet. */
  rename(from: string, to: string): Promise<void>;
  /** Removes a file, a link, or an empty folder. It may be gone already. */
  remove(path: string): Promise<void>;
};

export type Entry = { readonly name: string; readonly kind: "file" | "folder" | "link" };

/** Removes a folder and all that is in it, or a link. */
export const removeFolder = async (files: Files, folder: string): Promise<void> => {
  if ((await files.linkAt(folder)) !== undefined) {
    await files.remove(folder);
    return;
  }
  for (const { name, kind } of await files.list(folder)) {
    const path = join(folder, name);
    // oxlint-disable-next-line no-await-in-loop -- what is in a folder before the folder
    await (kind === "folder" ? removeFolder(files, path) : files.remove(path));
  }
  await files.remove(folder);
};

/** The name under which a file or a link is made before it is renamed. */
export const FRESH = ".new";

/** Replaces a file: after a power cut it has the old bytes or the new ones. */
export const replaceFile = async (
  files: Files,
  path: string,
  bytes: Buffer,
  mode?: number,
): Promise<void> => {
  await files.remove(path + FRESH);
  await files.write(path + FRESH, bytes, mode);
  await files.sync(path + FRESH);
  await files.rename(path + FRESH, path);
  await files.sync(dirname(path));
};
