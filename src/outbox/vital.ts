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

/** Opens the file; makes it, with all the room that it will ever need, if there is none. */
const openFile = async (path: string): Promise<FileHandle> => {
  try {
    return await open(vitalFileOf(path), "r+");
  } catch (cause) {
    if (codeOf(cause) !== "ENOENT") throw cause;
    const handle = await open(vitalFileOf(path), "wx+");
    try {
      await handle.write(Buffer.alloc(PLACES * PLACE_BYTES), 0, undefined, 0);
      await handle.sync();
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
  await handle.write(bytes, 0, bytes.length, place * PLACE_BYTES);
  await handle.datasync();
};
