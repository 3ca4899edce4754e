import * as z from "zod";
import type { Path } from "./document.ts";
import { explain, valueAt, type Issue } from "./explain.ts";

/** The usable part of a block, and what is wrong with the rest. */
export type Repaired<T> = {
  /** Undefined if a key that has no default is missing or wrong: the block is off. */
  readonly value: T | undefined;
  readonly issues: readonly Issue[];
};

export type RepairOptions = {
  /** Issues that the schema does not see, for example between two keys. */
  readonly further?: readonly Issue[];
  /**
   * Whether the value at a path is used whole or not at all: half a signal's mapping would give
   * wrong values.
   */
  readonly indivisible?: (path: Path) => boolean;
};

/** The path to remove because of an issue. */
const leftOut = (raw: unknown, path: Path, indivisible: (path: Path) => boolean): Path => {
  for (let depth = 1; depth < path.length; depth++)
    if (indivisible(path.slice(0, depth))) return path.slice(0, depth);
  // A required key is missing: remove the block around it.
  return valueAt(raw, path) === undefined ? path.slice(0, -1) : path;
};

const isList = (value: unknown): value is unknown[] => Array.isArray(value);

const remove = (from: unknown, path: Path): void => {
  const parent = valueAt(from, path.slice(0, -1));
  const key = path.at(-1);
  if (key === undefined || typeof parent !== "object" || parent === null) return;
  // A removed item becomes undefined, so that the other items keep their indices until `closeUp`.
  if (isList(parent)) parent[Number(key)] = undefined;
  else Reflect.deleteProperty(parent, key);
};

/** Removes the undefined items from lists. */
const closeUp = (from: unknown, lists: readonly Path[]): void => {
  for (const path of lists) {
    const list = valueAt(from, path);
    if (isList(list)) list.splice(0, list.length, ...list.filter((item) => item !== undefined));
  }
};

/** The block without the values that have issues; undefined if nothing usable is left. */
const without = (raw: unknown, issues: readonly Issue[], options: RepairOptions): unknown => {
  const { indivisible = () => false } = options;
  const gone = issues
    .filter(({ keep }) => keep === undefined)
    .map(({ path }) => leftOut(raw, path, indivisible));
  if (gone.some(({ length }) => length === 0)) return undefined;
  const rest = structuredClone(raw);
  for (const path of gone) remove(rest, path);
  closeUp(
    rest,
    gone.map((path) => path.slice(0, -1)),
  );
  for (const { path, keep } of issues) {
    const list = keep === undefined ? undefined : valueAt(rest, path);
    if (isList(list)) list.length = Math.min(list.length, keep ?? list.length);
  }
  return rest;
};

/** Several checks of one value may report the same issue. */
const withoutRepeats = (issues: readonly Issue[]): Issue[] => [
  ...new Map(issues.map((issue) => [JSON.stringify([issue.path, issue.expected]), issue])).values(),
];

/**
 * Parses a block and leaves out what is wrong with it, key by key, until the rest is valid or a required
 * key is missing. Each round removes at least one value, so it ends.
 */
export const repair = <S extends z.ZodType>(
  schema: S,
  raw: unknown,
  options: RepairOptions = {},
): Repaired<z.infer<S>> => {
  const { further = [] } = options;
  const issues: Issue[] = [];
  let rest = raw;
  for (let first = true; ; first = false) {
    const result = schema.safeParse(rest);
    const found = result.success ? [] : result.error.issues.flatMap((issue) => explain(schema, rest, issue));
    // Later rounds only find keys that are missing because the first round removed them.
    if (first) issues.push(...withoutRepeats(found), ...further);
    if (result.success && (!first || further.length === 0)) return { value: result.data, issues };
    rest = without(rest, first ? issues : found, options);
    if (rest === undefined) return { value: undefined, issues };
  }
};
