import * as z from "zod";
import type { Memory } from "../domain/memory.ts";
import { fitting, readMemory, readNotes } from "./memory.ts";
import { PLACE_BYTES, PLACES } from "./port.ts";
import { seal, unseal, VITAL_KEY } from "./record.ts";

/** Which of the records are of an earlier store. The store has a copy of it, for a lost vital file. */
export type Origin = {
  /**
   * Records below this number are of an earlier store, and get numbers of this one. 0: this store begins with the
   * next life.
   */
  readonly renewedBelow?: number | undefined;
  /** Records below this number are of an earlier store, and are sent as they are: no receipt of this store is about them. */
  readonly ownFrom?: number | undefined;
};

/** What a place of the vital file holds: all that must outlive the store. */
export type Vital = Origin & {
  /** Counts the writes. The place is `generation` modulo PLACES. */
  readonly generation: number;
  /** The store's name: eight of [0-9a-z]. */
  readonly store: string;
  /** The store's name before the unit was renamed. */
  readonly formerly?: string | undefined;
  /**
   * This memory continues one of which a newer one may have been lost: a ledger with this generation or a higher one
   * was written with a newer memory. Absent once the store was opened.
   */
  readonly unproven?: number | undefined;
  /** The newest ENDED_MAX episodes that have ended: a store that is older, or damaged, may still have them as open. */
  readonly ended?: readonly string[] | undefined;
  readonly boot: number;
  /** Connections of the link so far. */
  readonly connection: number;
  /** Numbers below it may have been used. */
  readonly lease: number;
  /** If a newer generation is lost: numbers below it may have been used. */
  readonly reach: number;
  readonly memory: Memory;
};

/** As it was read. Without `store` it was written by a version for contract 1.0. */
export type ReadVital = Omit<Vital, "store"> & {
  readonly store: string | undefined;
  readonly unread: readonly string[];
};

const Header = z.object({
  generation: z.int().nonnegative(),
  boot: z.int().nonnegative(),
  lease: z.int().positive(),
  reach: z.int().positive().optional(),
  connection: z.int().nonnegative().default(0),
  store: z
    .string()
    .regex(/^[0-9a-z]{8}$/)
    .optional(),
  formerly: z
    .string()
    .regex(/^[0-9a-z]{8}$/)
    .optional(),
  renewedBelow: z.int().nonnegative().optional(),
  ownFrom: z.int().positive().optional(),
  unproven: z.int().nonnegative().optional(),
  ended: z.array(z.string()).optional(),
  notes: z.record(z.string(), z.unknown()).optional(),
  memory: z.unknown().optional(),
});

/** What a store can still have of an older one waits for a receipt. */
export const ENDED_MAX = 16;
const LENGTH_BYTES = 4;

const parse = (text: string): ReadVital | undefined => {
  const header = Header.safeParse(JSON.parse(text));
  if (!header.success) return undefined;
  const { notes, memory, store, reach = header.data.lease, ...rest } = header.data;
  const read = notes && memory === undefined ? readNotes(notes) : readMemory(memory);
  return { ...rest, store, reach, ...read };
};

/** Undefined if it is damaged. */
export const unsealVital = (value: Buffer): ReadVital | undefined => {
  const text = unseal(VITAL_KEY, value);
  return text === undefined ? undefined : parse(text);
};

/** All places: the newest that is whole, and whether a newer one may have been in a place that is damaged. */
export type ReadPlaces = { readonly newest: ReadVital | undefined; readonly damaged: boolean };

export const newestOf = (...of: readonly (ReadVital | undefined)[]): ReadVital | undefined =>
  of.reduce((best, one) => (one && one.generation > (best?.generation ?? -1) ? one : best), undefined);

type ReadPlace = { readonly vital?: ReadVital | undefined; readonly damaged: boolean };

/** The places of one file. */
const decodeFile = (places: readonly (Buffer | undefined)[]): ReadPlace[] =>
  places.map((bytes) => {
    // The file is made in its full size: a place alone is missing only if the file was cut short.
    if (!bytes || bytes.length < LENGTH_BYTES)
      return { damaged: places.some((other) => other !== undefined) };
    const length = bytes.readUInt32BE(0);
    // A place that has never been written is all zeros.
    if (length === 0) return { damaged: false };
    const vital = unsealVital(bytes.subarray(LENGTH_BYTES, LENGTH_BYTES + length));
    return { vital, damaged: vital === undefined };
  });

/** `places`: those of the vital file, then those of the spare. */
export const decodePlaces = (places: readonly (Buffer | undefined)[]): ReadPlaces => {
  const read = [...decodeFile(places.slice(0, PLACES)), ...decodeFile(places.slice(PLACES))];
  const newest = newestOf(...read.map(({ vital }) => vital));
  // The other place of the newest one's file holds an older generation: damage there is no loss.
  const next = newest && (newest.generation + 1) % PLACES;
  return {
    newest,
    damaged: read.some(({ damaged }, n) => damaged && (next === undefined || n % PLACES === next)),
  };
};

const encode = (vital: Vital): Buffer => {
  const sealed = seal(VITAL_KEY, JSON.stringify(vital));
  const bytes = Buffer.allocUnsafe(LENGTH_BYTES + sealed.length);
  bytes.writeUInt32BE(sealed.length, 0);
  sealed.copy(bytes, LENGTH_BYTES);
  return bytes;
};

export type EncodedVital = {
  readonly place: number;
  readonly bytes: Buffer;
  /** The memory was too large and was shortened (see `fitting`). */
  readonly isShortened: boolean;
};

/** The bytes for its place, at most PLACE_BYTES. Throws RangeError if open episodes alone are larger. */
export const encodeVital = (vital: Vital): EncodedVital => {
  const place = vital.generation % PLACES;
  const whole = encode(vital);
  if (whole.length <= PLACE_BYTES) return { place, bytes: whole, isShortened: false };
  let bytes = whole;
  const shortened = fitting(vital.memory, (memory) => {
    bytes = encode({ ...vital, memory });
    return bytes.length <= PLACE_BYTES;
  });
  if (!shortened) throw new RangeError(`the open episodes need ${bytes.length} bytes: more than their place`);
  return { place, bytes, isShortened: true };
};
