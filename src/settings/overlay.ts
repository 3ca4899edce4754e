import { valueAt } from "./explain.ts";
import type { ConfigDocument, Path } from "./document.ts";

/** A document laid over another one: what belongs to one car over what belongs to all. */

const isBlock = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * Lays one value over another. Blocks are merged key by key. Anything else, such as a list, is replaced
 * whole. A key without a value changes nothing.
 */
const merged = (base: unknown, over: unknown): unknown => {
  if (over === undefined || over === null) return base;
  if (!isBlock(base) || !isBlock(over)) return over;
  const entries = new Map<string, unknown>(Object.entries(base));
  for (const [key, value] of Object.entries<unknown>({ ...over }))
    entries.set(key, merged(entries.get(key), value));
  return Object.fromEntries(entries);
};

/** How many steps of a path a value has. */
const depthOf = (value: unknown, path: Path): number => {
  let depth = path.length;
  while (depth > 0 && (valueAt(value, path.slice(0, depth)) ?? undefined) === undefined) depth--;
  return depth;
};

/**
 * Lays `over` over `base`. A place is that of the document that gives the value, so that faults and
 * relative paths refer to the right file. `home`: the document that should have what is missing.
 */
export const layOver = (base: ConfigDocument, over: ConfigDocument, home = base): ConfigDocument => {
  const authorOf = (path: Path): ConfigDocument => {
    const [inBase, inOver] = [depthOf(base.value, path), depthOf(over.value, path)];
    if (inOver === path.length) return over;
    // A missing key belongs into the document that has more of the blocks around it.
    return inOver === inBase && inBase < path.length ? home : inOver > inBase ? over : base;
  };
  return {
    value: merged(base.value, over.value),
    files: [...base.files, ...over.files],
    syntax: [...base.syntax, ...over.syntax],
    duplicates: [...base.duplicates, ...over.duplicates],
    placeOf: (path) => authorOf(path).placeOf(path),
    placeOfKey: (path) => authorOf(path).placeOfKey(path),
  };
};
