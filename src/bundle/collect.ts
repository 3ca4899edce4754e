import { lstatSync } from "node:fs";
import { dirname, isAbsolute, join, normalize, relative, resolve, sep } from "node:path";
import { unitName } from "../domain/identity.ts";
import { dotted, readDocument, type ConfigDocument, type Path } from "../settings/document.ts";
import { valueAt } from "../settings/explain.ts";
import { ConfigurationError, inOrder, type SettingsFault } from "../settings/fault.ts";
import { DATABASE_BYTES, IMAGE_BYTES, readNamedFile, TEXT_BYTES } from "../settings/files.ts";
import { loadConfiguration } from "../settings/load.ts";
import { CONFIG_FILE, RENEWED_FILE } from "../settings/root.ts";
import { hasPrivateKey, isFileName, isForOne, type BundleFile } from "./format.ts";

/**
 * Collects what goes into a bundle: the configuration of a folder and every file that it names. Everything
 * that must not go in is a fault, with its place.
 */

const LOCAL = "put it into local.yaml of each car";

type Words = Pick<SettingsFault, "code" | "expected" | "found" | "remedy">;

const faultAt = (document: ConfigDocument, path: Path, words: Words): SettingsFault => ({
  ...document.placeOf(path),
  path: dotted(path),
  ...words,
  part: "config",
  fatal: true,
});

/** Keys that hold a secret, or name a file with one, and what to do instead. */
const SECRETS: readonly (readonly [Path, expected: string, remedy: string])[] = [
  [["dispatch", "password"], "no password in a bundle", LOCAL],
  [["status", "pin"], "no PIN in a bundle", LOCAL],
  [
    ["dispatch", "key"],
    "no private key in a bundle",
    `leave it out: the key of the identity folder is used; or ${LOCAL}`,
  ],
  [
    ["dispatch", "cert"],
    "no certificate of one car in a bundle",
    `leave it out: the certificate of the identity folder is used; or ${LOCAL}`,
  ],
];

const secretsIn = (document: ConfigDocument): SettingsFault[] =>
  SECRETS.flatMap(([path, expected, remedy]) =>
    valueAt(document.value, path) === undefined
      ? []
      : [faultAt(document, path, { code: "conflict", expected, found: "one", remedy })],
  );

/** A file that a document names. */
type Reference = { readonly document: ConfigDocument; readonly path: Path; readonly maxBytes: number };

/** The first part of a path below `dir` that is a symbolic link. */
const linkIn = (dir: string, name: string): string | undefined => {
  const steps = name.split(sep);
  return steps
    .map((_, index) => steps.slice(0, index + 1).join(sep))
    .find((part) => lstatSync(join(dir, part), { throwIfNoEntry: false })?.isSymbolicLink());
};

/** Reads a file below `dir` by its name, or says why it must not go in. */
const readBelow = (dir: string, name: string, maxBytes: number): BundleFile | Words => {
  const expected = "a file that can go into the bundle";
  if (name.startsWith("..") || isAbsolute(name))
    return {
      code: "conflict",
      expected: "a file below the folder of the bundle",
      found: "one outside of it",
    };
  if (!isFileName(name))
    return { code: "conflict", expected, found: `the name ${JSON.stringify(name)}`, remedy: "rename it" };
  const link = linkIn(dir, name);
  if (link !== undefined)
    return {
      code: "conflict",
      expected,
      found: `${link}, which is a symbolic link`,
      remedy: "copy the file",
    };
  const read = readNamedFile(join(dir, name), maxBytes);
  if ("reason" in read) return { code: read.code, expected, found: `${name}: ${read.reason}` };
  return hasPrivateKey(read.bytes)
    ? { code: "conflict", expected: "no private key in a bundle", found: `one in ${name}`, remedy: LOCAL }
    : { name: name.split(sep).join("/"), bytes: read.bytes };
};

type Collected = { readonly files: readonly BundleFile[]; readonly faults: readonly SettingsFault[] };

const readReference = (dir: string, { document, path, maxBytes }: Reference): Collected => {
  const written = valueAt(document.value, path);
  if (typeof written !== "string" || written === "") return { files: [], faults: [] };
  const folder = dirname(document.placeOf(path).file);
  const name = isAbsolute(written) ? written : normalize(relative(dir, resolve(folder, written)));
  const found = readBelow(dir, name, maxBytes);
  return "bytes" in found
    ? { files: [found], faults: [] }
    : { files: [], faults: [faultAt(document, path, found)] };
};

/** The database that a vehicle profile names. A profile that is not valid is a fault of the configuration. */
const ofProfile = (dir: string, profile: BundleFile): Collected => {
  try {
    const document = readDocument(profile.bytes.toString("utf8"), join(dir, profile.name));
    return readReference(dir, { document, path: ["database"], maxBytes: DATABASE_BYTES });
  } catch (cause) {
    if (cause instanceof ConfigurationError) return { files: [], faults: [] };
    throw cause;
  }
};

/** Every file that the configuration names, each once. */
const referencesOf = (dir: string, document: ConfigDocument): Collected => {
  const read = (path: Path, maxBytes: number) => readReference(dir, { document, path, maxBytes });
  const profile = read(["can", "profile"], TEXT_BYTES);
  const all = [
    read(["dispatch", "ca"], TEXT_BYTES),
    read(["can", "database"], DATABASE_BYTES),
    read(["panic", "image"], IMAGE_BYTES),
    profile,
    ...profile.files.map((file) => ofProfile(dir, file)),
  ];
  const files = new Map(all.flatMap((one) => one.files).map((file) => [file.name, file]));
  return { files: [...files.values()], faults: all.flatMap(({ faults }) => faults) };
};

/** What the configuration of a group leaves to each car, so that the rest can be checked. */
const standIn = (document: ConfigDocument, recipient: string): ConfigDocument => {
  const [directorate = ""] = recipient.split("/");
  const panic = valueAt(document.value, ["panic"]);
  const ofGroup = isForOne(recipient)
    ? []
    : [
        `unit: { directorate: ${directorate === "*" ? "any" : directorate}, id: any }`,
        "gps: { port: /dev/any-gps }",
        ...(typeof panic === "object" && panic !== null ? ["panic: { port: /dev/any-panic }"] : []),
      ];
  // A PIN is never in a bundle, and an address that needs one may be.
  const pin = valueAt(document.value, ["status", "listen"]) === undefined ? [] : ['status: { pin: "0000" }'];
  return readDocument([...ofGroup, ...pin].join("\n"), "local.yaml");
};

const textAt = (document: ConfigDocument, path: Path): string | undefined => {
  const value = valueAt(document.value, path);
  return typeof value === "string" ? value : undefined;
};

/** The unit of the configuration is not the recipient. */
const wrongUnit = (document: ConfigDocument, recipient: string): SettingsFault[] => {
  const [directorate, id] = ["directorate", "id"].map((key) => textAt(document, ["unit", key]));
  const say = (key: string, expected: string, found: string, remedy: string): SettingsFault[] => [
    faultAt(document, ["unit", key], { code: "conflict", expected, found, remedy }),
  ];
  if (isForOne(recipient)) {
    if (directorate === undefined || id === undefined) return []; // a fault already
    const name = unitName({ directorate, id });
    if (name === recipient) return [];
    return say("id", `the unit ${recipient}, for which the bundle is`, name, "correct one of them");
  }
  if (id !== undefined) return say("id", "no name of one car in a bundle for a group", `the id ${id}`, LOCAL);
  const [group] = recipient.split("/");
  if (directorate === undefined || group === "*" || directorate === group) return [];
  return say(
    "directorate",
    `the directorate ${group}, for which the bundle is`,
    directorate,
    "correct one of them",
  );
};

const faultsOfConfiguration = (file: string, under: ConfigDocument): readonly SettingsFault[] => {
  try {
    return loadConfiguration({ file, under }).faults;
  } catch (cause) {
    if (cause instanceof ConfigurationError) return cause.faults;
    throw cause;
  }
};

/** A renewed certificate of the unit, which goes along with its configuration. */
const renewedIn = (dir: string, document: ConfigDocument, recipient: string): Collected => {
  if (lstatSync(join(dir, RENEWED_FILE), { throwIfNoEntry: false }) === undefined)
    return { files: [], faults: [] };
  if (!isForOne(recipient)) {
    const expected = "no certificate of one car in a bundle for a group";
    const remedy = "make a bundle for each unit";
    const words = { code: "conflict", expected, found: RENEWED_FILE, remedy } as const;
    return { files: [], faults: [faultAt(document, [], words)] };
  }
  const found = readBelow(dir, RENEWED_FILE, TEXT_BYTES);
  return "bytes" in found
    ? { files: [found], faults: [] }
    : { files: [], faults: [faultAt(document, [], found)] };
};

/** The faults at keys that have none yet. */
const unlike = (known: readonly SettingsFault[], more: readonly SettingsFault[]): readonly SettingsFault[] =>
  more.filter(({ path }) => !known.some((fault) => fault.path === path));

/**
 * The files of a bundle for a recipient, the configuration first. Throws ConfigurationError with every fault: those that
 * `check` finds, secrets, and files that are missing or lie outside of the folder. A configuration for a group may leave
 * out what each car has in `local.yaml`. `wrongFiles`: the faults of files that the configuration names.
 */
export const collect = (
  dir: string,
  recipient: string,
  wrongFiles: (document: ConfigDocument) => readonly SettingsFault[] = () => [],
): readonly BundleFile[] => {
  const folder = resolve(dir);
  const file = join(folder, CONFIG_FILE);
  const own = readBelow(folder, CONFIG_FILE, TEXT_BYTES);
  if (!("bytes" in own))
    throw new ConfigurationError([
      { file, line: 1, column: 1, path: "", ...own, part: "config", fatal: true },
    ]);
  const document = readDocument(own.bytes.toString("utf8"), file);
  const known = faultsOfConfiguration(file, standIn(document, recipient));
  const references = referencesOf(folder, document);
  const renewed = renewedIn(folder, document, recipient);
  const refused = [...known, ...unlike(known, references.faults), ...secretsIn(document)];
  const faults = [
    ...refused,
    ...unlike(refused, wrongFiles(document)),
    ...renewed.faults,
    ...wrongUnit(document, recipient),
  ];
  if (faults.length > 0) throw new ConfigurationError(inOrder(faults));
  return [own, ...references.files, ...renewed.files];
};
