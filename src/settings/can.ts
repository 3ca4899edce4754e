import { dirname, resolve } from "node:path";
import type * as z from "zod";
import type { SignalMapping, VssValue } from "../decode/can/map-entry.ts";
import { duplicateFault, type Blocks } from "./blocks.ts";
import { dotted, readDocument, type ConfigDocument, type Path } from "./document.ts";
import { valueAt, type Issue } from "./explain.ts";
import { ConfigurationError, type Place, type SettingsFault } from "./fault.ts";
import { readNamedFile, TEXT_BYTES } from "./files.ts";
import { repair } from "./repair.ts";
import { Can, VehicleProfile } from "./schema.ts";
import { textOf } from "./text.ts";

type CanBlock = z.infer<typeof Can>;
type Profile = z.infer<typeof VehicleProfile>;

/** Where something is written: the place and its key. */
export type Located = Place & { readonly path: string };

/** The vehicle's bus, with the signals and the database of its profile. Paths are absolute. */
export type CanSettings = Omit<CanBlock, "database"> & { readonly database: string };

/** A line of a signal map as it is written, whether it can be used or not. */
type WrittenLine = Located & { readonly vss: string; readonly mapping: Partial<SignalMapping> };

/** What is written about a bus. It can be checked even if the bus is off. */
export type WrittenBus = {
  /** An absolute path. Undefined: no database is named. */
  readonly database: (Located & { readonly name: string }) | undefined;
  readonly lines: readonly WrittenLine[];
};

export type Bus = {
  /** Undefined: the bus cannot be used, and the fault is reported. */
  readonly settings: CanSettings | undefined;
  readonly written: WrittenBus;
};

/** Whether a path is a signal's mapping, which is used whole or not at all. */
const indivisible = (path: Path): boolean => path.length === 2 && path[0] === "signals";

/** Faults that the block's schema cannot express. */
const conflicts = (raw: unknown): Issue[] => {
  const [profile, database, signals] = ["profile", "database", "signals"].map((key) => valueAt(raw, [key]));
  if (typeof raw !== "object" || raw === null || Array.isArray(raw)) return [];
  if (profile !== undefined && database !== undefined)
    return [
      {
        path: ["database"],
        code: "conflict",
        expected: "either a profile or a database",
        found: "both",
        remedy: "leave one of them out: the profile names its own database",
        atKey: true,
      },
    ];
  if (profile !== undefined) return [];
  const none = { path: [], code: "conflict", found: "neither", atKey: false } as const;
  if (database === undefined) return [{ ...none, expected: "a profile, or a database with signals" }];
  const isEmpty =
    signals === undefined || (typeof signals === "object" && Object.keys(signals ?? {}).length === 0);
  return isEmpty
    ? [
        {
          ...none,
          expected: "signals that are mapped",
          found: "none",
          remedy: "map the signals that dispatch needs",
        },
      ]
    : [];
};

const isBlock = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isVssValue = (value: unknown): value is VssValue =>
  typeof value === "number" || typeof value === "boolean" || typeof value === "string";

/** What can be checked of a line. Keys of another type are faults of the schema. */
const mappingOf = (line: unknown): Partial<SignalMapping> => {
  const [from, map] = [valueAt(line, ["from"]), valueAt(line, ["map"])];
  const values = isBlock(map)
    ? Object.entries<unknown>({ ...map }).flatMap(([key, value]) =>
        isVssValue(value) ? [[key, value] as const] : [],
      )
    : undefined;
  return {
    ...(typeof from === "string" && from !== "" ? { from } : {}),
    ...(values ? { map: Object.fromEntries(values) } : {}),
  };
};

const linesIn = (document: ConfigDocument, base: Path): WrittenLine[] => {
  const signals = valueAt(document.value, [...base, "signals"]);
  if (!isBlock(signals)) return [];
  return Object.entries<unknown>({ ...signals }).map(([vss, line]) => {
    const path = [...base, "signals", vss];
    const { file, line: number, column } = document.placeOfKey(path);
    return { file, line: number, column, path: path.join("."), vss, mapping: mappingOf(line) };
  });
};

const besideOf = (document: ConfigDocument, path: Path, name: string): string =>
  resolve(dirname(resolve(document.placeOf(path).file)), name);

const databaseIn = (document: ConfigDocument, base: Path): WrittenBus["database"] => {
  const path = [...base, "database"];
  const name = valueAt(document.value, path);
  if (typeof name !== "string" || name === "") return undefined;
  return { ...document.placeOf(path), path: dotted(path), name: besideOf(document, path, name) };
};

type ReadProfile = { readonly document: ConfigDocument; readonly profile: Profile | undefined };

/** Reports a fault of `can.profile` itself. */
const reportProfile = (
  blocks: Blocks,
  fault: Pick<SettingsFault, "code" | "expected"> & { readonly found: string },
): undefined => {
  blocks.report(["can"], { path: ["profile"], atKey: false, ...fault }, "can");
  return undefined;
};

/** Whether a document is a vehicle profile, even a faulty one. Of any other file each key would be a fault. */
const isProfile = (value: unknown): boolean =>
  isBlock(value) && Object.keys(VehicleProfile.shape).some((key) => Object.hasOwn(value, key));

/** Reads a vehicle profile and reports its faults. Undefined: it cannot be read. */
const readProfile = (blocks: Blocks, name: string): ReadProfile | undefined => {
  const file = besideOf(blocks.document, ["can", "profile"], name);
  const read = readNamedFile(file, TEXT_BYTES);
  if ("reason" in read) {
    const expected = "a profile that can be read";
    return reportProfile(blocks, {
      code: "unreadable-file",
      expected,
      found: `${file}: ${read.reason}`,
    });
  }
  try {
    const { text, faults } = textOf(read.bytes, file);
    for (const fault of faults) blocks.add({ ...fault, part: "can" });
    const document = readDocument(text, file);
    const [syntax] = document.syntax;
    if (syntax) {
      blocks.add({ ...syntax, part: "can", fatal: false });
      return { document, profile: undefined };
    }
    if (!isProfile(document.value))
      return reportProfile(blocks, {
        code: "invalid",
        expected: "a file with database and signals",
        found: `${file}, which is not a vehicle profile`,
      });
    const { value, issues } = repair(VehicleProfile, document.value, { indivisible });
    for (const issue of issues) blocks.report([], issue, "can", { document });
    for (const twice of document.duplicates) blocks.add(duplicateFault(twice, "can"));
    return { document, profile: value };
  } catch (cause) {
    if (!(cause instanceof ConfigurationError)) throw cause;
    for (const fault of cause.faults) blocks.add({ ...fault, part: "can", fatal: false });
    return undefined;
  }
};

/** The lines of the configuration, and those of the profile that it does not replace. */
const linesOf = (own: readonly WrittenLine[], used: object, profile: ReadProfile | undefined) => [
  ...own,
  ...(profile ? linesIn(profile.document, []) : []).filter(({ vss }) => !Object.hasOwn(used, vss)),
];

/** The bus with its profile. Undefined: no bus is configured. */
export const readCan = (blocks: Blocks): Bus | undefined => {
  const { document } = blocks;
  const raw = blocks.raw("can");
  if (raw === undefined) return undefined;
  const further = conflicts(raw);
  const can = blocks.read("can", Can, "can", { indivisible, further });
  const own = linesIn(document, ["can"]);
  const ownDatabase = databaseIn(document, ["can"]);
  const name = valueAt(raw, ["profile"]);
  if (typeof name !== "string" || name === "") {
    const written = { database: ownDatabase, lines: own };
    const off = !can || further.length > 0 || !ownDatabase || Object.keys(can.signals).length === 0;
    if (off) return { settings: undefined, written };
    const { profile: _, ...rest } = can;
    return { settings: { ...rest, database: ownDatabase.name }, written };
  }
  const read = readProfile(blocks, name);
  const written = {
    database: read && databaseIn(read.document, []),
    lines: linesOf(own, can?.signals ?? {}, read),
  };
  if (!can || further.length > 0 || !read?.profile || !written.database)
    return { settings: undefined, written };
  const signals = { ...read.profile.signals, ...can.signals };
  return { settings: { ...can, signals, database: written.database.name }, written };
};
