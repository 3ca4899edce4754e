import { isMap, isNode, isPair, isScalar, isSeq, LineCounter, parseDocument, type Document } from "yaml";
import { ConfigurationError, type Place, type SettingsFault } from "./fault.ts";

export type Path = readonly PropertyKey[];

/**
 * A parsed configuration document. It knows the place of each value, so that faults and relative paths
 * refer to the right file.
 */
export type ConfigDocument = {
  readonly value: unknown;
  /** The files that the document was read from: one, or two if one is laid over the other. */
  readonly files: readonly string[];
  /**
   * At most one for each file: from its place on, the file is not valid YAML. Then `value` has only the
   * blocks that ended before it: a missing bracket or quote changes the meaning of everything behind it.
   */
  readonly syntax: readonly SettingsFault[];
  /** Keys written more than once in one block; the last one counts. */
  readonly duplicates: readonly { readonly path: Path; readonly place: Place }[];
  /** The place of a value, or of its nearest parent if it is missing. */
  placeOf(path: Path): Place;
  /** The place of a value's key. */
  placeOfKey(path: Path): Place;
};

/** A key as a fault shows it: without the password of a line such as `password hunter2`, whose colon is missing. */
export const keyShown = (key: string): string => key.replace(/^(pass\w*|pwd|pin)\W.*$/is, "$1…");

/** `a.b[0].c` */
export const dotted = (path: Path): string =>
  path.reduce<string>(
    (text, step) =>
      typeof step === "number"
        ? `${text}[${step}]`
        : [text, keyShown(String(step))].filter((part) => part !== "").join("."),
    "",
  );

/** The most aliases that YAML may expand. More would be an attack on memory. */
const MAX_ALIASES = 100;

/** What the parser quotes after a colon may be a part of a password, such as one that begins with `*` or `|`. */
const QUOTED = /(?<=\S): .*$/s;

const notYaml = (place: Place, reason: string): SettingsFault => ({
  ...place,
  path: "",
  code: "yaml",
  expected: "valid YAML",
  found: `an error: ${reason.replace(QUOTED, "").replaceAll(/\s+/g, " ").trim()}`,
  part: "config",
  fatal: true,
});

/**
 * Leaves in a document only the top-level blocks that ended before an offset, without the last of them:
 * an error is often noticed after the block that has it. Returns whether any are left.
 */
const keepBefore = ({ contents }: Document, offset: number): boolean => {
  if (!isMap(contents)) return false;
  const begun = contents.items.filter(({ key }) => isNode(key) && (key.range?.[0] ?? offset) < offset);
  contents.items = begun
    .slice(0, -1)
    .filter(({ value }) => isNode(value) && (value.range?.[1] ?? Infinity) <= offset);
  return contents.items.length > 0;
};

/** The path of the key that begins at an offset. */
const pathAt = (node: unknown, offset: number, path: Path = []): Path | undefined => {
  if (isSeq(node)) {
    for (const [index, item] of node.items.entries()) {
      const found = pathAt(item, offset, [...path, index]);
      if (found) return found;
    }
  }
  if (!isMap(node)) return undefined;
  for (const { key, value } of node.items) {
    const name = isScalar(key) ? String(key.value) : "";
    if (isNode(key) && key.range?.[0] === offset) return [...path, name];
    const found = pathAt(value, offset, [...path, name]);
    if (found) return found;
  }
  return undefined;
};

const keyOffset = (doc: Document, path: Path): number | undefined => {
  const parent = path.length === 1 ? doc.contents : doc.getIn(path.slice(0, -1), true);
  if (!isMap(parent)) return undefined;
  const pair = parent.items.findLast(
    (item) => isPair(item) && isScalar(item.key) && String(item.key.value) === String(path.at(-1)),
  );
  return pair && isNode(pair.key) ? pair.key.range?.[0] : undefined;
};

/** Parses YAML. Throws ConfigurationError if nothing of it can be read. */
export const readDocument = (text: string, file: string): ConfigDocument => {
  const lines = new LineCounter();
  const doc = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    resolveKnownTags: false,
    // The library would write to stderr about keys that are lists or maps, which are faults here.
    logLevel: "error",
  });
  const at = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { file, line, column: col };
  };
  const [broken] = doc.errors
    .filter(({ code }) => code !== "DUPLICATE_KEY")
    .toSorted((a, b) => a.pos[0] - b.pos[0]);
  const syntax = broken && notYaml(at(broken.pos[0]), broken.message);
  if (syntax && !keepBefore(doc, broken.pos[0])) throw new ConfigurationError([syntax]);
  const toValue = (): unknown => {
    try {
      return doc.toJS({ maxAliasCount: MAX_ALIASES });
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new ConfigurationError([syntax ?? notYaml({ file, line: 1, column: 1 }, reason)]);
    }
  };
  const placeOf = (path: Path): Place => {
    for (let depth = path.length; depth > 0; depth--) {
      const node = doc.getIn(path.slice(0, depth), true);
      if (isNode(node) && node.range) return at(node.range[0]);
    }
    return at(doc.contents?.range?.[0] ?? 0);
  };
  return {
    value: toValue() ?? {},
    files: [file],
    syntax: syntax ? [syntax] : [],
    duplicates: (syntax ? [] : doc.errors).map(({ pos }) => ({
      path: pathAt(doc.contents, pos[0]) ?? [],
      place: at(pos[0]),
    })),
    placeOf,
    placeOfKey(path) {
      const offset = keyOffset(doc, path);
      return offset === undefined ? placeOf(path) : at(offset);
    },
  };
};
