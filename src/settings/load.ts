import { createHash } from "node:crypto";
import { accessSync, constants } from "node:fs";
import { dirname, resolve } from "node:path";
import type { CanMapping } from "../decode/can/mapping.ts";
import { IGNITION } from "../domain/vss.ts";
import { Blocks } from "./blocks.ts";
import { readDocument, type ConfigDocument } from "./document.ts";
import { kindOf } from "./explain.ts";
import { ConfigurationError, inOrder, type SettingsFault } from "./fault.ts";
import { readNamedFile, TEXT_BYTES } from "./files.ts";
import { Settings } from "./schema.ts";
import { resolveSettings, type Resolved, type UnitSettings } from "./resolve.ts";
import { textOf } from "./text.ts";
import { loadVehicle } from "./vehicle.ts";

export type { UnitSettings } from "./resolve.ts";

export type Loaded = {
  readonly settings: UnitSettings;
  /** sha256 of the file's bytes, hex. Dispatch sees it as `config`. */
  readonly sha256: string;
  /** One line for each file of the link (CA, certificate, key) that cannot be read now. */
  readonly warnings: readonly string[];
  /** None is fatal: the settings have defaults instead, or the part is off. */
  readonly faults: readonly SettingsFault[];
};

/** A configuration with the vehicle's signal map, as `run` and `check` need it. */
export type Configuration = Loaded & {
  /** Undefined: no bus is configured, or it cannot be used and a fault says why. */
  readonly mapping: CanMapping | undefined;
  /** One line for each mapping that is probably wrong. */
  readonly doubts: readonly string[];
};

const noBlocks = (document: ConfigDocument): ConfigurationError =>
  new ConfigurationError([
    {
      ...document.placeOf([]),
      path: "",
      code: "invalid",
      expected: `blocks such as ${Object.keys(Settings.shape).slice(0, 2).join(", ")}, each with its keys`,
      found: kindOf(document.value),
      part: "config",
      fatal: true,
    },
  ]);

/**
 * The faults of a document. If it is not valid YAML, also that, and what could only be known from the blocks
 * behind the error is left out.
 */
const knownFaults = (
  { syntax, value }: ConfigDocument,
  faults: readonly SettingsFault[],
): readonly SettingsFault[] => {
  if (!syntax) return faults;
  const known = Object.keys(value ?? {});
  const isKnown = ({ path, code }: SettingsFault): boolean =>
    code !== "no-ignition" && known.some((key) => path === key || path.startsWith(`${key}.`));
  return [syntax, ...faults.filter((fault) => fault.file !== syntax.file || isKnown(fault))];
};

/**
 * The settings of a document, with every fault of the document and of its vehicle profile. Throws
 * ConfigurationError if the document has no blocks.
 */
export const settingsOf = (
  document: ConfigDocument,
): Resolved & { readonly faults: readonly SettingsFault[] } => {
  const { value } = document;
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw noBlocks(document);
  const blocks = new Blocks(document);
  blocks.reportKeys(Object.keys(Settings.shape));
  const resolved = resolveSettings(blocks);
  return { ...resolved, faults: inOrder(knownFaults(document, blocks.faults)) };
};

/** Parses a configuration that must be without a fault. Throws ConfigurationError with every fault. */
export const parseSettings = (text: string, file: string): Settings => {
  const document = readDocument(text, file);
  const { faults } = settingsOf(document);
  if (faults.length > 0) throw new ConfigurationError(faults);
  return Settings.parse(document.value);
};

const read = (file: string): Buffer => {
  const found = readNamedFile(file, TEXT_BYTES);
  if ("bytes" in found) return found.bytes;
  throw new ConfigurationError([
    {
      file,
      line: 1,
      column: 1,
      path: "",
      code: "unreadable-file",
      expected: "a configuration file that can be read",
      found: found.reason,
      part: "config",
      fatal: true,
    },
  ]);
};

/** The files of the link that cannot be read now. They may be added later. */
const absentFiles = ({ dispatch }: UnitSettings): string[] =>
  (["ca", "cert", "key"] as const).flatMap((key) => {
    const path = dispatch[key];
    if (path === undefined) return [];
    try {
      accessSync(path, constants.R_OK);
      return [];
    } catch {
      return [`dispatch.${key}: ${path} cannot be read (it must be there before the unit runs)`];
    }
  });

/** Makes paths absolute. They are relative to the file that names them. */
const besideTheirFile = (settings: UnitSettings, document: ConfigDocument): UnitSettings => {
  const beside = (block: string, key: string, name: string): string =>
    resolve(dirname(resolve(document.placeOf([block, key]).file)), name);
  const { dispatch, outbox } = settings;
  const files = (["ca", "cert", "key"] as const).flatMap((key) => {
    const name = dispatch[key];
    return name === undefined ? [] : [[key, beside("dispatch", key, name)] as const];
  });
  return {
    ...settings,
    dispatch: { ...dispatch, ...Object.fromEntries(files) },
    outbox: { ...outbox, path: beside("outbox", "path", outbox.path) },
  };
};

/** Reads a file: the settings, if they can be used, and the bus in any case. */
const readFile = (file: string): Omit<Loaded, "settings"> & Resolved => {
  const bytes = read(file);
  const { text, faults: ofText } = textOf(bytes, file);
  const document = readDocument(text, file);
  const { settings: found, bus, faults: ofKeys } = settingsOf(document);
  const faults = inOrder([...ofText, ...ofKeys]);
  const settings = found && besideTheirFile(found, document);
  return {
    settings: faults.some(({ fatal }) => fatal) ? undefined : settings,
    bus,
    sha256: createHash("sha256").update(bytes).digest("hex"),
    warnings: settings ? absentFiles(settings) : [],
    faults,
  };
};

/**
 * Reads a configuration file and its vehicle profile. What is valid is used, the rest is returned as
 * faults. Throws ConfigurationError, with every fault, only if the unit could not do its duty: the file
 * cannot be read, or it gives no identity or no broker.
 */
export const loadSettings = (file: string): Loaded => {
  const { settings, bus: _, ...rest } = readFile(file);
  if (!settings) throw new ConfigurationError(rest.faults);
  return { settings, ...rest };
};

/**
 * Reads a configuration file as `loadSettings` does, and also the vehicle's database and signal map. The
 * ConfigurationError that it throws contains their faults too.
 */
export const loadConfiguration = (file: string): Configuration => {
  const { settings, bus, sha256, warnings, faults } = readFile(file);
  const vehicle = bus && loadVehicle(bus);
  const all = [...faults, ...(vehicle?.faults ?? [])];
  if (!settings) throw new ConfigurationError(all);
  const { can, power, ...others } = settings;
  const mapping = vehicle?.mapping;
  // If the ignition's signal is faulty, the computer is never switched off.
  const knowsIgnition = mapping?.signals.some(({ path }) => path === IGNITION) === true;
  return {
    settings: {
      ...others,
      ...(can && mapping ? { can } : {}),
      ...(power && knowsIgnition ? { power } : {}),
    },
    mapping,
    sha256,
    warnings,
    doubts: vehicle?.warnings ?? [],
    faults: all,
  };
};
