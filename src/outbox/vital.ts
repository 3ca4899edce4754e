import { type FileHandle, open, readFile } from "node:fs/promises";
import { dirname } from "node:path";
import * as z from "zod";
import { seal, unseal } from "./record.ts";

/**
 * What must outlive the store: boot, lease and notes. Kept in a file of its own beside it, in two
 * places of a fixed size that are written in turn: nothing is allocated, so that it can be written on
 * a full disk, and a write that is cut leaves the other. The store holds a copy; the newer one speaks.
 */
const Vital = z.object({
  generation: z.int().nonnegative(),
  boot: z.int().nonnegative(),
  /** Numbers below it may have been used. */
  lease: z.int().positive(),
  notes: z.record(z.string(), z.unknown()),
});
export type Vital = z.infer<typeof Vital>;

export const VITAL_KEY = Buffer.from("vital");
export const NO_VITAL: Vital = { generation: 0, boot: 0, lease: 1, notes: {} };

const PLACE_BYTES = 128 * 1024;
const PLACES = 2;
const LENGTH_BYTES = 4;

export const sealVital = (vital: Vital): Buffer => seal(VITAL_KEY, JSON.stringify(vital));

/** Undefined where it is damaged. */
export const unsealVital = (value: Buffer): Vital | undefined => {
  const text = unseal(VITAL_KEY, value);
  return text === undefined ? undefined : Vital.parse(JSON.parse(text));
};

const fileOf = (path: string): string => `${path}.vital`;

/** The newest that is whole; undefined where the file is missing, unreadable or damaged altogether. */
export const readVital = async (path: string): Promise<Vital | undefined> => {
  const bytes = await readFile(fileOf(path)).catch(() => Buffer.alloc(0));
  const found = Array.from({ length: PLACES }, (_, place) => {
    const at = bytes.subarray(place * PLACE_BYTES, (place + 1) * PLACE_BYTES);
    if (at.length < LENGTH_BYTES) return undefined;
    return unsealVital(at.subarray(LENGTH_BYTES, LENGTH_BYTES + at.readUInt32BE(0)));
  });
  return newest(...found);
};

export const newest = (...of: readonly (Vital | undefined)[]): Vital | undefined =>
  of.reduce((best, one) => (one && one.generation > (best?.generation ?? -1) ? one : best), undefined);

/** Opens the file; makes it, with all the room that it will ever need, where there is none. */
const openFile = async (path: string): Promise<FileHandle> => {
  try {
    return await open(fileOf(path), "r+");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "ENOENT") throw cause;
    const handle = await open(fileOf(path), "wx+");
    await handle.write(Buffer.alloc(PLACES * PLACE_BYTES), 0, undefined, 0);
    await handle.sync();
    await using folder = await open(dirname(path), "r");
    await folder.sync();
    return handle;
  }
};

/** Resolves when it is on disk. Rejects where it cannot be written, or is larger than its place. */
export const saveVital = async (path: string, vital: Vital): Promise<void> => {
  const sealed = sealVital(vital);
  const bytes = Buffer.allocUnsafe(LENGTH_BYTES + sealed.length);
  bytes.writeUInt32BE(sealed.length, 0);
  sealed.copy(bytes, LENGTH_BYTES);
  if (bytes.length > PLACE_BYTES) throw new Error(`${bytes.length} bytes of notes: more than their place`);
  await using handle = await openFile(path);
  await handle.write(bytes, 0, bytes.length, (vital.generation % PLACES) * PLACE_BYTES);
  await handle.datasync();
};
