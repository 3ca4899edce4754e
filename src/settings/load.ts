import { createHash } from "node:crypto";
import { accessSync, constants, readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { isMap, isNode, isPair, isScalar, LineCounter, parseDocument, type Document } from "yaml";
import type * as z from "zod";
import { Settings, VehicleProfile } from "./schema.ts";
import { suggest } from "../domain/suggest.ts";

/** One thing wrong with a configuration, where it stands and what was expected. */
export type Fault = {
  readonly line: number;
  readonly column: number;
  readonly path: string;
  readonly message: string;
};

/** Every fault of a file in one go; `message` is a readable line each. */
export class ConfigurationError extends Error {
  readonly code = "CONFIGURATION";
  readonly file: string;
  readonly faults: readonly Fault[];
  constructor(file: string, faults: readonly Fault[]) {
    super(
      faults
        .map((f) => `${file}:${f.line}:${f.column}: ${f.path === "" ? "" : `${f.path}: `}${f.message}`)
        .join("\n"),
    );
    this.file = file;
    this.faults = faults;
  }
}

/** The vehicle's bus with its profile, where it has one, put in place. */
export type CanSettings = Omit<NonNullable<Settings["can"]>, "profile" | "database"> & {
  readonly database: string;
  /** Where a path is mapped: file, line and column. */
  readonly mappedIn: Readonly<Record<string, string>>;
};

/** A configuration as the unit takes it: paths are absolute, the vehicle's profile is in place. */
export type UnitSettings = Omit<Settings, "can"> & { readonly can?: CanSettings };

export type Loaded = {
  readonly settings: UnitSettings;
  /** sha256 of the file's bytes, hex: what dispatch sees as `config`. */
  readonly sha256: string;
  /** Files that the configuration names and that cannot be read now. */
  readonly warnings: readonly string[];
};

type Path = readonly PropertyKey[];
type Place = { readonly line: number; readonly column: number };

const placer = (doc: Document, lines: LineCounter) => {
  const at = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  /** Where a value stands; for a missing one, the nearest parent that does. */
  const ofValue = (path: Path): Place => {
    for (let depth = path.length; depth > 0; depth--) {
      const node = doc.getIn(path.slice(0, depth), true);
      if (isNode(node) && node.range) return at(node.range[0]);
    }
    return at(doc.contents?.range?.[0] ?? 0);
  };
  const ofKey = (path: Path, key: string): Place => {
    const map = path.length === 0 ? doc.contents : doc.getIn(path, true);
    if (isMap(map)) {
      for (const pair of map.items) {
        if (isPair(pair) && isScalar(pair.key) && String(pair.key.value) === key && pair.key.range) {
          return at(pair.key.range[0]);
        }
      }
    }
    return ofValue(path);
  };
  return { at, ofValue, ofKey };
};

/** The keys that an object of a schema may have at a path, for suggestions. */
const keysAt = (root: z.core.$ZodType, path: Path): readonly string[] => {
  let schema = root;
  const unwrap = (type: z.core.$ZodType): z.core.$ZodType => {
    const def = type._zod.def as { type: string; innerType?: z.core.$ZodType; options?: z.core.$ZodType[] };
    if (def.innerType) return unwrap(def.innerType);
    const object = def.options?.find((option) => option._zod.def.type === "object");
    return object ?? type;
  };
  for (const step of path) {
    const def = unwrap(schema)._zod.def as {
      shape?: Record<string, z.core.$ZodType>;
      valueType?: z.core.$ZodType;
      element?: z.core.$ZodType;
    };
    const next = def.shape?.[String(step)] ?? def.valueType ?? def.element;
    if (!next) return [];
    schema = next;
  }
  return Object.keys((unwrap(schema)._zod.def as { shape?: object }).shape ?? {});
};

const dotted = (path: Path): string =>
  path.reduce<string>(
    (text, step) =>
      typeof step === "number" ? `${text}[${step}]` : text === "" ? String(step) : `${text}.${String(step)}`,
    "",
  );

const explain = (
  schema: z.core.$ZodType,
  issue: z.core.$ZodIssue,
  place: ReturnType<typeof placer>,
): Fault[] => {
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => {
      const meant = suggest(key, keysAt(schema, issue.path));
      const known = keysAt(schema, issue.path).join(", ");
      const hint = meant ? `did you mean "${meant}"?` : `known here: ${known}`;
      return {
        ...place.ofKey(issue.path, key),
        path: dotted([...issue.path, key]),
        message: `unknown key; ${hint}`,
      };
    });
  }
  if (issue.code === "invalid_union") {
    // The branch that got furthest tells most: the others only say that it is not theirs.
    const best = [...issue.errors].sort((a, b) => depth(b) - depth(a))[0];
    if (best && depth(best) > 0) {
      return best.flatMap((inner) =>
        explain(schema, { ...inner, path: [...issue.path, ...inner.path] }, place),
      );
    }
  }
  const message = issue.message
    .replace(/^Invalid input: /, "")
    .replace("received undefined", "but it is missing");
  return [{ ...place.ofValue(issue.path), path: dotted(issue.path), message }];
};

const depth = (issues: readonly z.core.$ZodIssue[]): number =>
  Math.max(0, ...issues.map((i) => i.path.length + (i.code === "unrecognized_keys" ? 1 : 0)));

/** What a file says, and where it says it. */
type Parsed<T> = { readonly value: T; readonly placeOf: (path: Path, key: string) => Place };

/** Parses and validates YAML. Throws ConfigurationError with every fault. */
const parse = <S extends z.ZodType>(schema: S, text: string, file: string): Parsed<z.infer<S>> => {
  const lines = new LineCounter();
  const doc = parseDocument(text, { lineCounter: lines, prettyErrors: false, resolveKnownTags: false });
  const place = placer(doc, lines);
  if (doc.errors.length > 0) {
    throw new ConfigurationError(
      file,
      doc.errors.map((e) => ({ ...place.at(e.pos[0]), path: "", message: `not YAML: ${e.message}` })),
    );
  }
  let value: unknown;
  try {
    value = doc.toJS({ maxAliasCount: 100 });
  } catch (cause) {
    const message = `not YAML: ${cause instanceof Error ? cause.message : String(cause)}`;
    throw new ConfigurationError(file, [{ line: 1, column: 1, path: "", message }]);
  }
  const result = schema.safeParse(value ?? {});
  if (result.success) return { value: result.data, placeOf: (path, key) => place.ofKey(path, key) };
  const faults = result.error.issues.flatMap((issue) => explain(schema, issue, place));
  throw new ConfigurationError(
    file,
    faults.toSorted((a, b) => a.line - b.line || a.column - b.column),
  );
};

/** Parses and validates configuration text. Throws ConfigurationError with every fault. */
export const parseSettings = (text: string, file: string): Settings => parse(Settings, text, file).value;

const read = (file: string): Buffer => {
  try {
    return readFileSync(file);
  } catch (cause) {
    const message = `cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`;
    throw new ConfigurationError(file, [{ line: 1, column: 1, path: "", message }]);
  }
};

/** Where each signal of a map is mapped. */
const mappedIn = (signals: object, file: string, at: (path: string) => Place): Record<string, string> =>
  Object.fromEntries(
    Object.keys(signals).map((path) => {
      const { line, column } = at(path);
      return [path, `${file}:${line}:${column}`];
    }),
  );

const resolveCan = (
  can: NonNullable<Settings["can"]>,
  file: string,
  placeOf: Parsed<Settings>["placeOf"],
): CanSettings => {
  const { profile, database = "", signals, ...rest } = can;
  const folder = dirname(resolve(file));
  const own = mappedIn(signals, file, (path) => placeOf(["can", "signals"], path));
  if (profile === undefined) return { ...rest, signals, database: resolve(folder, database), mappedIn: own };
  const from = resolve(folder, profile);
  const fail = (message: string): never => {
    throw new ConfigurationError(file, [{ ...placeOf(["can"], "profile"), path: "can.profile", message }]);
  };
  let text = "";
  try {
    text = readFileSync(from, "utf8");
  } catch (cause) {
    fail(`${from} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
  const { value: vehicle, placeOf: placeIn } = parse(VehicleProfile, text, from);
  const all = { ...vehicle.signals, ...signals };
  if (Object.keys(all).length === 0) fail(`neither ${from} nor can.signals maps a signal`);
  return {
    ...rest,
    database: resolve(dirname(from), vehicle.database),
    signals: all,
    mappedIn: { ...mappedIn(vehicle.signals, from, (path) => placeIn(["signals"], path)), ...own },
  };
};

/** Reads, validates and resolves a configuration file; paths in it become absolute. */
export const loadSettings = (file: string): Loaded => {
  const bytes = read(file);
  const { value: settings, placeOf } = parse(Settings, bytes.toString("utf8"), file);
  const base = dirname(resolve(file));
  const warnings: string[] = [];
  const beside = (name: string): string => resolve(base, name);
  const needed = (key: string, name: string): string => {
    const path = beside(name);
    try {
      accessSync(path, constants.R_OK);
    } catch {
      warnings.push(`${key}: ${path} cannot be read (it must be there before the unit runs)`);
    }
    return path;
  };
  const { ca, cert, key } = settings.dispatch;
  const { can: bus, ...others } = settings;
  const can = bus && resolveCan(bus, file, placeOf);
  if (can) needed("can.database", can.database);
  return {
    settings: {
      ...others,
      ...(can ? { can } : {}),
      dispatch: {
        ...settings.dispatch,
        ...(ca === undefined ? {} : { ca: needed("dispatch.ca", ca) }),
        ...(cert === undefined ? {} : { cert: needed("dispatch.cert", cert) }),
        ...(key === undefined ? {} : { key: needed("dispatch.key", key) }),
      },
      outbox: { ...settings.outbox, path: beside(settings.outbox.path) },
    },
    sha256: createHash("sha256").update(bytes).digest("hex"),
    warnings,
  };
};
