import { accessSync, constants } from "node:fs";
import { dirname, resolve } from "node:path";
import { authorityRefusal } from "../../bundle/authority.ts";
import { CredentialsError, readCredentials } from "../../dispatch/pem.ts";
import type { ConfigDocument } from "../../settings/document.ts";
import { valueAt } from "../../settings/explain.ts";
import type { SettingsFault } from "../../settings/fault.ts";
import { readNamedFile, TEXT_BYTES } from "../../settings/files.ts";

/** Finds files of the link that are there and that the link could not use: what `run` would report later. */

const KEYS = ["ca", "cert", "key"] as const;
type Key = (typeof KEYS)[number];
type Files = Partial<Record<Key, string>>;

/** The files that a document names, by their keys. Names are relative to the file that names them. */
const filesIn = (document: ConfigDocument): Files =>
  Object.fromEntries(
    KEYS.flatMap((key) => {
      const name = valueAt(document.value, ["dispatch", key]);
      if (typeof name !== "string" || name === "") return [];
      return [[key, resolve(dirname(document.placeOf(["dispatch", key]).file), name)]];
    }),
  );

/** Why the link cannot use the files, after "which". Undefined: it can. */
const refusal = (files: Files): string | undefined => {
  try {
    readCredentials(files);
    return undefined;
  } catch (cause) {
    if (!(cause instanceof CredentialsError)) throw cause;
    return cause.message.replace(`${cause.file} `, "");
  }
};

/** Whether it is there and this user may read it. If not, the settings have a warning for it. */
const isReadable = (file: string): boolean => {
  try {
    accessSync(file, constants.R_OK);
    return true;
  } catch {
    return false;
  }
};

/** Why a file cannot be used on its own. Reading a pipe could wait for ever. */
const refusalOfOne = (key: Key, file: string): string | undefined => {
  const read = readNamedFile(file, TEXT_BYTES);
  if (!("bytes" in read)) return `is ${read.reason}`;
  return (
    refusal({ [key]: file }) ?? (key === "ca" ? authorityRefusal(read.bytes.toString("latin1")) : undefined)
  );
};

/** Those of the files that are there and cannot be used, and why. */
const refusals = (files: Files): ReadonlyMap<Key, string> => {
  const usable: Files = {};
  const found = new Map<Key, string>();
  for (const key of KEYS) {
    const file = files[key];
    if (file === undefined || !isReadable(file)) continue;
    const why = refusalOfOne(key, file);
    if (why === undefined) usable[key] = file;
    else found.set(key, why);
  }
  const { cert, key } = usable;
  const ofPair = cert !== undefined && key !== undefined ? refusal({ cert, key }) : undefined;
  return ofPair === undefined ? found : found.set("key", ofPair);
};

/**
 * A fault for each file of `dispatch` that is there and that the link could not use: it holds something else, is
 * damaged, or is the key of another certificate. None stops the unit: it goes on recording.
 */
export const credentialFaults = (document: ConfigDocument): SettingsFault[] =>
  Array.from(refusals(filesIn(document)), ([key, why]) => ({
    ...document.placeOf(["dispatch", key]),
    path: `dispatch.${key}`,
    code: "invalid",
    expected: "a file that the link can use",
    found: `${String(valueAt(document.value, ["dispatch", key]))}, which ${why}`,
    part: "link",
    fatal: false,
  }));
