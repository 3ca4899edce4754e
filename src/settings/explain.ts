import * as z from "zod";
import { withoutSecrets } from "../domain/address.ts";
import { suggest } from "../domain/suggest.ts";
import { keyShown, type Path } from "./document.ts";

/** What is wrong with one value of a block. */
export type Issue = {
  /** The path of the value within its block. */
  readonly path: Path;
  readonly code: "invalid" | "unknown-key" | "conflict";
  readonly expected: string;
  readonly found: string;
  readonly remedy?: string;
  /** The fault is at the key, not at its value. */
  readonly atKey: boolean;
  /** It only follows from another issue. The value is left out, but the issue is not reported. */
  readonly follows?: boolean;
  /** The list is too long: it is cut to so many items. */
  readonly keep?: number;
};

/** The schema inside optional and default. */
const inner = (schema: z.core.$ZodType): z.core.$ZodType =>
  schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault
    ? inner(schema.unwrap())
    : schema;

const childOf = (schema: z.core.$ZodType, key: PropertyKey): z.core.$ZodType | undefined => {
  const at = inner(schema);
  if (at instanceof z.ZodObject) return at.shape[String(key)];
  if (at instanceof z.ZodRecord) return at.valueType;
  return at instanceof z.ZodArray ? at.element : undefined;
};

/** The schema of the value at a path; undefined if the path has an unknown key. */
const schemaAt = (schema: z.core.$ZodType, path: Path): z.core.$ZodType | undefined => {
  let at: z.core.$ZodType | undefined = schema;
  for (const step of path) at = at && childOf(at, step);
  return at && inner(at);
};

/** The keys that a block may have at a path. */
const keysAt = (schema: z.core.$ZodType, path: Path): readonly string[] => {
  const found = schemaAt(schema, path);
  return found instanceof z.ZodObject ? Object.keys(found.shape) : [];
};

/** The value at a path; undefined if there is none. */
export const valueAt = (value: unknown, path: Path): unknown => {
  let at = value;
  for (const step of path) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, step)) return undefined;
    at = Reflect.get(at, step);
  }
  return at;
};

const SECRET = new Set<PropertyKey | undefined>(["password", "pin"]);
const MAX_SHOWN = 60;

const KINDS: Readonly<Record<string, string>> = {
  object: "a block",
  string: "text",
  number: "a number",
  boolean: "true or false",
};

/** What kind of thing a value is, as a noun phrase. */
export const kindOf = (value: unknown): string => {
  if (value === undefined || value === null) return "nothing";
  if (value === "") return "an empty text";
  if (Number.isNaN(value)) return "no number";
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  return KINDS[typeof value] ?? "a value";
};

/**
 * A value as a fault shows it. Secrets are never shown, nor is text in place of a block: it may hold one.
 * Of an address, what may be credentials is left out.
 */
const shown = (value: unknown, path: Path): string => {
  const plain = typeof value === "string" || typeof value === "number" || typeof value === "boolean";
  if (!plain || path.length === 0 || SECRET.has(path.at(-1))) return kindOf(value);
  if (value === "" || Number.isNaN(value)) return kindOf(value);
  // JSON has no infinity.
  const text =
    typeof value === "number"
      ? String(value)
      : JSON.stringify(typeof value === "string" ? withoutSecrets(value) : value);
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
};

const unknownKeys = (schema: z.core.$ZodType, { path, keys }: z.core.$ZodIssueUnrecognizedKeys): Issue[] => {
  const known = keysAt(schema, path);
  return keys.map((key) => {
    const meant = suggest(key, known);
    return {
      path: [...path, key],
      code: "unknown-key",
      expected: meant === undefined ? `one of the keys ${known.join(", ")}` : "a known key",
      found: `the unknown key "${keyShown(key)}"`,
      remedy: meant === undefined ? "remove it" : `did you mean "${meant}"?`,
      atKey: true,
    };
  });
};

/** What to write instead of a text in place of `true` or `false`. YAML 1.1 also had yes, no, on and off. */
const FLAG_REMEDIES: Readonly<Record<string, string>> = {
  true: "remove the quotes",
  false: "remove the quotes",
  yes: "write true",
  on: "write true",
  no: "write false",
  off: "write false",
};

const flagRemedy = (text: string): string | undefined => {
  const word = text.toLowerCase();
  return Object.hasOwn(FLAG_REMEDIES, word) ? FLAG_REMEDIES[word] : undefined;
};

const remedyFor = (expected: z.core.$ZodType | undefined, value: unknown): string | undefined => {
  if (value === undefined) return "add it";
  if (typeof value === "string") return expected instanceof z.ZodBoolean ? flagRemedy(value) : undefined;
  const isText = expected instanceof z.ZodString && typeof value === "number";
  return isText && expected.safeParse(String(value)).success ? "put it in quotes" : undefined;
};

/** The issues of the items of a list that is too long: zod does not look into it. */
const inItems = (schema: z.core.$ZodType, list: readonly unknown[], path: Path): z.core.$ZodIssue[] => {
  const found = schemaAt(schema, path);
  if (!(found instanceof z.ZodArray)) return [];
  return list.flatMap((item, n) => {
    const issues = z.safeParse(found.element, item).error?.issues ?? [];
    return issues.map((issue) => Object.assign({}, issue, { path: [...path, n, ...issue.path] }));
  });
};

/** Turns an issue of zod into issues in plain English. `raw`: the block as it was read. */
export const explain = (schema: z.core.$ZodType, raw: unknown, issue: z.core.$ZodIssue): Issue[] => {
  if (issue.code === "unrecognized_keys") return unknownKeys(schema, issue);
  const value = valueAt(raw, issue.path);
  if (issue.code === "invalid_key") {
    const expected = issue.issues[0]?.message ?? issue.message;
    const found = JSON.stringify(issue.path.at(-1));
    return [{ path: issue.path, code: "invalid", expected, found, atKey: true }];
  }
  const { path, message: expected } = issue;
  if (issue.code === "too_big" && issue.origin === "array" && Array.isArray(value)) {
    const found = `${value.length}`;
    const keep = Number(issue.maximum);
    return [
      { path, code: "invalid", expected, found, atKey: false, keep },
      ...inItems(schema, value, path).flatMap((one) => explain(schema, raw, one)),
    ];
  }
  const remedy = remedyFor(schemaAt(schema, path), value);
  return [
    {
      path,
      code: "invalid",
      expected,
      found: shown(value, path),
      ...(remedy === undefined ? {} : { remedy }),
      atKey: false,
    },
  ];
};
