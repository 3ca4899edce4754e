import { dirname, resolve } from "node:path";
import type * as z from "zod";
import { duplicateFault, type Blocks } from "./blocks.ts";
import { readDocument, type ConfigDocument, type Path } from "./document.ts";
import { valueAt, type Issue } from "./explain.ts";
import { ConfigurationError, type Place } from "./fault.ts";
import { readNamedFile } from "./files.ts";
import { repair } from "./repair.ts";
import { Can, VehicleProfile } from "./schema.ts";

type CanBlock = z.infer<typeof Can>;
type Profile = z.infer<typeof VehicleProfile>;

/** Where something is written: the place and its key. */
export type Located = Place & { readonly path: string };

/** The vehicle's bus, with the signals and the database of its profile. Paths are absolute. */
export type CanSettings = Omit<CanBlock, "profile" | "database"> & {
  readonly database: string;
  readonly databaseIn: Located;
  /** Where each VSS path is mapped: in the configuration or in the profile. */
  readonly mappedIn: Readonly<Record<string, Located>>;
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

const located = (document: ConfigDocument, base: Path, signals: object): Record<string, Located> =>
  Object.fromEntries(
    Object.keys(signals).map((path) => [
      path,
      {
        ...document.placeOfKey([...base, "signals", path]),
        path: [...base, "signals", path].map(String).join("."),
      },
    ]),
  );

const besideOf = (document: ConfigDocument, path: Path, name: string): string =>
  resolve(dirname(resolve(document.placeOf(path).file)), name);

/** Reads a vehicle profile. Undefined: the profile cannot be used, and the fault is reported. */
const readProfile = (
  blocks: Blocks,
  name: string,
): { readonly profile: Profile; readonly document: ConfigDocument } | undefined => {
  const file = besideOf(blocks.document, ["can", "profile"], name);
  const read = readNamedFile(file);
  if ("reason" in read) {
    const expected = "a profile that can be read";
    const found = `${file}: ${read.reason}`;
    blocks.report(
      ["can"],
      { path: ["profile"], code: "unreadable-file", expected, found, atKey: false },
      "can",
    );
    return undefined;
  }
  try {
    const document = readDocument(read.bytes.toString("utf8"), file);
    const { value, issues } = repair(VehicleProfile, document.value, { indivisible });
    for (const issue of issues) blocks.report([], issue, "can", { document });
    for (const twice of document.duplicates) blocks.add(duplicateFault(twice, "can"));
    return value && { profile: value, document };
  } catch (cause) {
    if (!(cause instanceof ConfigurationError)) throw cause;
    for (const fault of cause.faults) blocks.add({ ...fault, part: "can", fatal: false });
    return undefined;
  }
};

/**
 * The bus with its profile. Undefined: no bus is configured, or it cannot be used and the fault is
 * reported.
 */
export const readCan = (blocks: Blocks): CanSettings | undefined => {
  const { document } = blocks;
  if (blocks.raw("can") === undefined) return undefined;
  const further = conflicts(blocks.raw("can"));
  const can = blocks.read("can", Can, "can", { indivisible, further });
  if (!can || further.length > 0) return undefined;
  const { profile: name, database, signals, ...rest } = can;
  const own = located(document, ["can"], signals);
  if (name === undefined) {
    if (database === undefined || Object.keys(signals).length === 0) return undefined;
    return {
      ...rest,
      signals,
      database: besideOf(document, ["can", "database"], database),
      databaseIn: { ...document.placeOf(["can", "database"]), path: "can.database" },
      mappedIn: own,
    };
  }
  const read = readProfile(blocks, name);
  if (!read) return undefined;
  const { profile } = read;
  return {
    ...rest,
    signals: { ...profile.signals, ...signals },
    database: besideOf(read.document, ["database"], profile.database),
    databaseIn: { ...read.document.placeOf(["database"]), path: "database" },
    mappedIn: { ...located(read.document, [], profile.signals), ...own },
  };
};
