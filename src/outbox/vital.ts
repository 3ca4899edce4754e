import { type FileHandle, open, readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { PLACE_BYTES, PLACES } from "./port.ts";

/**
 * The vital file: two places of a fixed size, written in turn and in place. Nothing is allocated, so
 * it can be written on a full disk, and a write that is cut leaves the other place.
 */
export const vitalFileOf = (path: string): string => `${path}.vital`;

const codeOf = (cause: unknown): unknown =>
  cause instanceof Error && "code" in cause ? cause.code : undefined;

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
const openFile = async (path: string): Promise<FileHandle> => {
  try {
    const handle = await open(vitalFileOf(path), "r+");
    try {
      await extend(handle);
      return handle;
    } catch (failed) {
      await handle.close();
      throw failed;
    }
  } catch (cause) {
    if (codeOf(cause) !== "ENOENT") throw cause;
    const handle = await open(vitalFileOf(path), "wx+");
    try {
      await extend(handle);
      await using folder = await open(dirname(path), "r");
      await folder.sync();
      return handle;
    } catch (failed) {
      await handle.close();
      throw failed;
    }
  }
};

/** The bytes of each place; undefined if the file, or all of the place, is missing or unreadable. */
export const readPlaces = async (path: string): Promise<(Buffer | undefined)[]> => {
  const bytes = await readFile(vitalFileOf(path)).catch(() => Buffer.alloc(0));
  return Array.from({ length: PLACES }, (_, place) => {
    const at = bytes.subarray(place * PLACE_BYTES, (place + 1) * PLACE_BYTES);
    return at.length === 0 ? undefined : at;
  });
};

/** Resolves when the bytes are synced in their place. */
export const writePlace = async (path: string, place: number, bytes: Buffer): Promise<void> => {
  if (bytes.length > PLACE_BYTES) throw new RangeError(`${bytes.length} bytes: more than their place`);
  await using handle = await openFile(path);
  await writeAll(handle, bytes, place * PLACE_BYTES);
  await handle.datasync();
};
