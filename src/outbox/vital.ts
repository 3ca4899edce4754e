import { type FileHandle, open, readFile, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { errorCode } from "../runtime/error-code.ts";
import { PLACE_BYTES, PLACES } from "./port.ts";

/**
 * The vital file: two places of a fixed size, written in turn and in place. Nothing is allocated, so
 * it can be written on a full disk, and a write that is cut leaves the other place.
 */
export const vitalFileOf = (path: string): string => `${path}.vital`;
/**
 * Its spare has the same form. It lies in the folder of the store, which may be on another partition: LevelDB
 * leaves a file alone whose name it does not know.
 */
export const spareFileOf = (path: string): string => join(path, "vital-spare");

/** Writes all the bytes at a position. A full disk can take a part of them: that is an error. */
const writeAll = async (handle: FileHandle, bytes: Buffer, at: number): Promise<void> => {
  for (let done = 0; done < bytes.length;) {
    // oxlint-disable-next-line no-await-in-loop -- one part after the other
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, at + done);
    if (bytesWritten === 0) throw new Error(`${done} of ${bytes.length} bytes were written`);
    done += bytesWritten;
  }
};

/** Gives the file all the room that it will ever need. A disk that was full may have cut it short. */
const extend = async (handle: FileHandle): Promise<void> => {
  const { size } = await handle.stat();
  if (size >= PLACES * PLACE_BYTES) return;
  await writeAll(handle, Buffer.alloc(PLACES * PLACE_BYTES - size), size);
  await handle.sync();
};

/** Opens the file; makes it, with all the room that it will ever need, if there is none. */
const openFile = async (file: string): Promise<FileHandle> => {
  try {
    const handle = await open(file, "r+");
    try {
      await extend(handle);
      return handle;
    } catch (failed) {
      await handle.close();
      throw failed;
    }
  } catch (cause) {
    if (errorCode(cause) !== "ENOENT") throw cause;
    const handle = await open(file, "wx+");
    try {
      await extend(handle);
      await syncFolder(file);
      return handle;
    } catch (failed) {
      await handle.close();
      throw failed;
    }
  }
};

/** Syncs that a file was made or removed. */
const syncFolder = async (file: string): Promise<void> => {
  await using folder = await open(dirname(file), "r");
  await folder.sync();
};

/** The bytes of each place of a file; undefined if the file, or all of the place, is missing or unreadable. */
const readFilePlaces = async (file: string): Promise<(Buffer | undefined)[]> => {
  const bytes = await readFile(file).catch(() => Buffer.alloc(0));
  return Array.from({ length: PLACES }, (_, place) => {
    const at = bytes.subarray(place * PLACE_BYTES, (place + 1) * PLACE_BYTES);
    return at.length === 0 ? undefined : at;
  });
};

/** The places of the vital file, then those of the spare. */
export const readPlaces = async (path: string): Promise<(Buffer | undefined)[]> =>
  (await Promise.all([vitalFileOf(path), spareFileOf(path)].map((file) => readFilePlaces(file)))).flat();

/** Resolves when the bytes are synced in their place of a file. */
export const writePlace = async (file: string, place: number, bytes: Buffer): Promise<void> => {
  if (bytes.length > PLACE_BYTES) throw new RangeError(`${bytes.length} bytes: more than their place`);
  await using handle = await openFile(file);
  await writeAll(handle, bytes, place * PLACE_BYTES);
  await handle.datasync();
};

/** Removes the spare. Resolves when that is synced. */
export const removeSpareFile = async (path: string): Promise<void> => {
  const file = spareFileOf(path);
  try {
    await rm(file);
  } catch (cause) {
    if (errorCode(cause) === "ENOENT") return;
    throw cause;
  }
  await syncFolder(file);
};
