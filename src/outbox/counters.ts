import { open, readFile, rename } from "node:fs/promises";
import * as z from "zod";

/**
 * Boot and lease once more, in a file beside the store: what must survive the loss of the store's
 * own ledger, because a number used twice would be two reports under one name.
 */
const Counters = z.object({ boot: z.int().nonnegative(), lease: z.int().positive() });
export type Counters = z.infer<typeof Counters>;

const fileOf = (path: string): string => `${path}.counters`;

/** Replaces the file whole: written, synced, then renamed over the old one. */
export const saveCounters = async (path: string, counters: Counters): Promise<void> => {
  const file = fileOf(path);
  {
    await using handle = await open(`${file}.new`, "w");
    await handle.writeFile(JSON.stringify(counters));
    await handle.sync();
  }
  await rename(`${file}.new`, file);
};

/** What the file says; where there is none, or it is not readable, nothing has been counted. */
export const readCounters = async (path: string): Promise<Counters> => {
  const text = await readFile(fileOf(path), "utf8").catch(() => "");
  try {
    return Counters.parse(JSON.parse(text));
  } catch {
    return { boot: 0, lease: 1 };
  }
};
