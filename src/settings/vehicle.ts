import { compileMapping, lineChecker, type CanMapping } from "../decode/can/mapping.ts";
import { DbcError, type DbcDatabase, type DbcFault } from "../decode/dbc/database.ts";
import { dbcText, parseDbc } from "../decode/dbc/parser.ts";
import type { Bus, Located, WrittenBus } from "./can.ts";
import { inOrder, type SettingsFault } from "./fault.ts";
import { DATABASE_BYTES, readNamedFile } from "./files.ts";

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

const readDatabase = (named: NonNullable<WrittenBus["database"]>): DbcDatabase | readonly SettingsFault[] => {
  const { name, ...place } = named;
  const read = readNamedFile(name, DATABASE_BYTES);
  if ("reason" in read) {
    const found = `${name}: ${read.reason}`;
    return [canFault(place, { code: read.code, expected: "a DBC file that can be read", found })];
  }
  try {
    return parseDbc(dbcText(read.bytes), name);
  } catch (cause) {
    if (!(cause instanceof DbcError)) throw cause;
    return cause.faults.map((fault) => databaseFault(name, fault));
  }
};

/** A fault of a database. Some of its messages say themselves what was expected. */
const databaseFault = (name: string, { line, column, message }: DbcFault): SettingsFault => {
  const [, expected, found] = /^expected (.*), found (.*)$/s.exec(message) ?? [];
  return canFault(
    { file: name, line, column, path: "" },
    expected === undefined || found === undefined
      ? { code: "invalid", expected: "a DBC statement without a fault", found: `a faulty one: ${message}` }
      : { code: "invalid", expected: expected === "a statement" ? "a DBC statement" : expected, found },
  );
};

/**
 * Reads the database of a vehicle's bus, checks each line of the signal map, and compiles the sound ones.
 * If the database cannot be read, the lines are checked without it. Does not throw: faults are returned.
 */
export const loadVehicle = ({ settings, written }: Bus): Vehicle => {
  const read = written.database ? readDatabase(written.database) : [];
  const database = "messages" in read ? read : undefined;
  const check = lineChecker(database);
  const wrong = written.lines.flatMap(({ vss, mapping, ...place }) =>
    check(vss, mapping).map(({ expected, message }) =>
      canFault(place, { code: "invalid", expected, remedy: message }),
    ),
  );
  const faults = inOrder([...("messages" in read ? [] : read), ...wrong]);
  if (!database || !settings) return { mapping: undefined, faults, warnings: [] };
  const sound = Object.entries(settings.signals).filter(([path, line]) => check(path, line).length === 0);
  const mapping = compileMapping(Object.fromEntries(sound), database);
  if (!("read" in mapping)) return { mapping: undefined, faults, warnings: [] };
  const placeOf = new Map(written.lines.map((line) => [line.vss, line]));
  const warnings = mapping.warnings.flatMap(({ path, message }) => {
    const line = placeOf.get(path);
    return line ? [`${line.file}:${line.line}:${line.column}: ${line.path}: ${message}`] : [];
  });
  return { mapping: sound.length === 0 ? undefined : mapping, faults, warnings };
};
