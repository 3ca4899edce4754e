import { createHash } from "node:crypto";
import { accessSync, constants, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { CanMapping } from "../decode/can/mapping.ts";
import { IGNITION } from "../domain/vss.ts";
import { Blocks } from "./blocks.ts";
import { unitName } from "../domain/identity.ts";
import { readDocument, type ConfigDocument } from "./document.ts";
import { kindOf, valueAt } from "./explain.ts";
import { ConfigurationError, inOrder, type SettingsFault } from "./fault.ts";
import { readNamedFile, TEXT_BYTES } from "./files.ts";
import { certificateInUse, readIdentity } from "./identity.ts";
import { layOver } from "./overlay.ts";
import { currentConfigOf, RENEWED_FILE, type Root } from "./root.ts";
import { Settings, Unit } from "./schema.ts";
import { resolveSettings, type Resolved, type UnitSettings } from "./resolve.ts";
import { textOf } from "./text.ts";
import { loadVehicle } from "./vehicle.ts";

export type { UnitSettings } from "./resolve.ts";

/** Where a configuration is read from. */
export type ConfigSource = {
  readonly file: string;
  /** Its `local.yaml` is laid over the file, and its identity is used. */
  readonly root?: Root;
  /** UTC milliseconds, if the time is known. */
  readonly now?: number;
  /** The file is laid over this document: it stands for what each car has of its own. */
  readonly under?: ConfigDocument;
};

/** The configuration in force below a root. */
export const inForce = (root: Root, now?: number): ConfigSource => ({
  file: currentConfigOf(root),
  root,
  ...(now === undefined ? {} : { now }),
});

const sourceOf = (source: string | ConfigSource): ConfigSource =>
  typeof source === "string" ? { file: source } : source;

export type Loaded = {
  readonly settings: UnitSettings;
  /** sha256 of the bytes of the file, without those of `local.yaml`, hex. Dispatch sees it as `config`. */
  readonly sha256: string;
  /** One line for each file of the link (CA, certificate, key) that cannot be read now, or that others can read. */
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

const hasBlocks = ({ value }: ConfigDocument): boolean =>
  typeof value === "object" && value !== null && !Array.isArray(value);

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
  { syntax, value, files }: ConfigDocument,
  faults: readonly SettingsFault[],
): readonly SettingsFault[] => {
  if (syntax.length === 0) return faults;
  const known = Object.keys(value ?? {});
  const isKnown = ({ path, code }: SettingsFault): boolean =>
    code !== "no-ignition" && known.some((key) => path === key || path.startsWith(`${key}.`));
  return [...syntax, ...faults.filter((fault) => !files.includes(fault.file) || isKnown(fault))];
};

/**
 * The settings of a document, with every fault of the document and of its vehicle profile. Throws
 * ConfigurationError if the document has no blocks.
 */
export const settingsOf = (
  document: ConfigDocument,
): Resolved & { readonly faults: readonly SettingsFault[] } => {
  if (!hasBlocks(document)) throw noBlocks(document);
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

const unreadable = (file: string, reason: string): SettingsFault => ({
  file,
  line: 1,
  column: 1,
  path: "",
  code: "unreadable-file",
  expected: "a configuration file that can be read",
  found: reason,
  part: "config",
  fatal: true,
});

const read = (file: string): Buffer => {
  const found = readNamedFile(file, TEXT_BYTES);
  if ("bytes" in found) return found.bytes;
  throw new ConfigurationError([unreadable(file, found.reason)]);
};

/** The files of the link that the document names and that cannot be read now. They may be added later. */
const absentFiles = ({ dispatch }: UnitSettings, document: ConfigDocument): string[] =>
  (["ca", "cert", "key"] as const).flatMap((key) => {
    const path = dispatch[key];
    if (path === undefined) return [];
    try {
      accessSync(path, constants.R_OK);
      return [];
    } catch {
      const { file, line, column } = document.placeOf(["dispatch", key]);
      return [
        `${file}:${line}:${column}: dispatch.${key}: ${path} cannot be read (it must be there before the unit runs)`,
      ];
    }
  });

/**
 * Makes paths absolute. They are relative to the file that names them. The outbox is relative to the root,
 * because each configuration has a folder of its own and all have the same outbox.
 */
const besideTheirFile = (
  settings: UnitSettings,
  document: ConfigDocument,
  root: Root | undefined,
): UnitSettings => {
  const folderOf = (block: string, key: string): string =>
    dirname(resolve(document.placeOf([block, key]).file));
  const { dispatch, outbox, panic } = settings;
  const image = typeof panic === "object" ? panic.image : undefined;
  const files = (["ca", "cert", "key"] as const).flatMap((key) => {
    const name = dispatch[key];
    return name === undefined ? [] : [[key, resolve(folderOf("dispatch", key), name)] as const];
  });
  return {
    ...settings,
    dispatch: { ...dispatch, ...Object.fromEntries(files) },
    ...(typeof panic === "object" && image !== undefined
      ? { panic: { ...panic, image: resolve(folderOf("panic", "image"), image) } }
      : {}),
    outbox: { ...outbox, path: resolve(root?.dir ?? folderOf("outbox", "path"), outbox.path) },
  };
};

const notFatal = (fault: SettingsFault): SettingsFault => ({ ...fault, fatal: false });

/** The document of `local.yaml`. Undefined: there is none, or a fault says why it cannot be used. */
const readLocal = (
  file: string,
): { readonly document?: ConfigDocument; readonly faults: readonly SettingsFault[] } => {
  const found = readNamedFile(file, TEXT_BYTES);
  if ("reason" in found) {
    if (found.code === "missing-file") return { faults: [] };
    return { faults: [{ ...unreadable(file, found.reason), fatal: false }] };
  }
  try {
    const { text, faults } = textOf(found.bytes, file);
    const document = readDocument(text, file);
    if (!hasBlocks(document)) throw noBlocks(document);
    return { document: { ...document, syntax: document.syntax.map(notFatal) }, faults };
  } catch (cause) {
    if (!(cause instanceof ConfigurationError)) throw cause;
    return { faults: cause.faults.map(notFatal) };
  }
};

/** A configuration as it is written: its file, with `local.yaml` laid over it. */
const readWritten = ({ file, root, under }: ConfigSource) => {
  const bytes = read(file);
  const { text, faults: ofText } = textOf(bytes, file);
  const written = readDocument(text, file);
  const own = under && hasBlocks(written) ? layOver(under, written, written) : written;
  const local = root && readLocal(root.local);
  const document = local?.document && hasBlocks(own) ? layOver(own, local.document) : own;
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  return { document, sha256, faults: [...ofText, ...(local?.faults ?? [])] };
};

/** The document of a configuration, to find the places of its values. Throws as `loadSettings` does. */
export const documentOf = (source: string | ConfigSource): ConfigDocument =>
  readWritten(sourceOf(source)).document;

/**
 * The unit's name below a root: in the configuration in force, or in `local.yaml` alone. Undefined: neither
 * can be read, or neither gives a name.
 */
export const unitIn = (root: Root): string | undefined => {
  for (const source of [inForce(root), { file: root.local }]) {
    try {
      const { data } = Unit.safeParse(valueAt(documentOf(source).value, ["unit"]));
      if (data) return unitName(data);
    } catch (cause) {
      if (!(cause instanceof ConfigurationError)) throw cause;
    }
  }
  return undefined;
};

/**
 * Uses the identity of the root, if the configuration names no certificate. A certificate beside the configuration
 * is a renewed one: it replaces that of the identity folder.
 */
const withIdentity = (
  settings: UnitSettings,
  { file, root, now }: ConfigSource,
): { readonly settings: UnitSettings; readonly faults: readonly SettingsFault[] } => {
  const { dispatch, unit } = settings;
  if (!root || dispatch.cert !== undefined || dispatch.key !== undefined) return { settings, faults: [] };
  const cert = certificateInUse(root, join(dirname(resolve(file)), RENEWED_FILE));
  const { files, faults } = readIdentity(root, unitName(unit), now, cert);
  return { settings: files ? { ...settings, dispatch: { ...dispatch, ...files } } : settings, faults };
};

/** `local.yaml` can hold passwords. */
const exposedLocal = ({ root }: ConfigSource): string[] => {
  const mode = root && (statSync(root.local, { throwIfNoEntry: false })?.mode ?? 0) & 0o777;
  if (!root || !mode || (mode & 0o077) === 0) return [];
  return [`${root.local} can be read by others (mode 0${mode.toString(8)}): chmod 600 ${root.local}`];
};

/** Reads a configuration: the settings, if they can be used, and the bus in any case. */
const readFrom = (source: ConfigSource): Omit<Loaded, "settings"> & Resolved => {
  const { document, sha256, faults: ofText } = readWritten(source);
  const { settings: found, bus, faults: ofKeys } = settingsOf(document);
  const named = found && besideTheirFile(found, document, source.root);
  const used = named && withIdentity(named, source);
  const faults = inOrder([...ofText, ...ofKeys, ...(used?.faults ?? [])]);
  return {
    settings: faults.some(({ fatal }) => fatal) ? undefined : used?.settings,
    bus,
    sha256,
    warnings: [...exposedLocal(source), ...(named ? absentFiles(named, document) : [])],
    faults,
  };
};

/**
 * Reads a configuration file and its vehicle profile. What is valid is used, the rest is returned as
 * faults. Throws ConfigurationError, with every fault, only if the unit could not do its duty: the file
 * cannot be read, or it gives no identity or no broker.
 */
export const loadSettings = (source: string | ConfigSource): Loaded => {
  const { settings, bus: _, ...rest } = readFrom(sourceOf(source));
  if (!settings) throw new ConfigurationError(rest.faults);
  return { settings, ...rest };
};

/**
 * Reads a configuration file as `loadSettings` does, and also the vehicle's database and signal map. The
 * ConfigurationError that it throws contains their faults too.
 */
export const loadConfiguration = (source: string | ConfigSource): Configuration => {
  const { settings, bus, sha256, warnings, faults } = readFrom(sourceOf(source));
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
