import { compileMapping, type CanMapping } from "../decode/can/mapping.ts";
import { DbcError, type DbcDatabase } from "../decode/dbc/database.ts";
import { dbcText, parseDbc } from "../decode/dbc/parser.ts";
import type { CanSettings, Located } from "./can.ts";
import { inOrder, type SettingsFault } from "./fault.ts";
import { readNamedFile } from "./files.ts";

/** The signal map of a vehicle's bus, compiled for its database. */
export type Vehicle = {
  /** Undefined: the database cannot be used, or no signal of the map can. */
  readonly mapping: CanMapping | undefined;
  /** A faulty signal is left out of the mapping; a faulty database stops the part. */
  readonly faults: readonly SettingsFault[];
  /** One line for each mapping that is probably wrong. */
  readonly warnings: readonly string[];
};

const canFault = (
  at: Located,
  fault: Pick<SettingsFault, "code" | "expected" | "found" | "remedy">,
): SettingsFault => ({ ...at, ...fault, part: "can", fatal: false });

const readDatabase = ({ database, databaseIn }: CanSettings): DbcDatabase | readonly SettingsFault[] => {
  const read = readNamedFile(database);
  if ("reason" in read) {
    const found = `${database}: ${read.reason}`;
    return [canFault(databaseIn, { code: read.code, expected: "a DBC file that can be read", found })];
  }
  try {
    return parseDbc(dbcText(read.bytes), database);
  } catch (cause) {
    if (!(cause instanceof DbcError)) throw cause;
    return cause.faults.map(({ line, message }) =>
      canFault(
        { file: database, line, column: 1, path: "" },
        { code: "invalid", expected: "a DBC statement", found: `an error: ${message}` },
      ),
    );
  }
};

/**
 * Reads the database of a vehicle's bus and compiles the signal map for it. Does not throw: faults are
 * returned.
 */
export const loadVehicle = (can: CanSettings): Vehicle => {
  const database = readDatabase(can);
  if (!("messages" in database)) return { mapping: undefined, faults: database, warnings: [] };
  const at = (path: string): Located => can.mappedIn[path] ?? can.databaseIn;
  const first = compileMapping(can.signals, database);
  const wrong = "read" in first ? [] : first;
  const faults = wrong.map(({ path, message }) =>
    canFault(at(path), { code: "invalid", expected: "a mapping that fits the database", remedy: message }),
  );
  const sound = Object.entries(can.signals).filter(([path]) => !wrong.some((fault) => fault.path === path));
  const mapping = "read" in first ? first : compileMapping(Object.fromEntries(sound), database);
  if (!("read" in mapping)) return { mapping: undefined, faults: inOrder(faults), warnings: [] };
  const warnings = mapping.warnings.map(({ path, message }) => {
    const place = at(path);
    return `${place.file}:${place.line}:${place.column}: ${place.path}: ${message}`;
  });
  return { mapping: sound.length === 0 ? undefined : mapping, faults: inOrder(faults), warnings };
};
