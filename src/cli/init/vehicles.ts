import { readdirSync } from "node:fs";
import { basename, dirname, isAbsolute, join, normalize, resolve } from "node:path";
import { isFileName, type BundleFile } from "../../bundle/format.ts";
import { passes, type CanFilter, type CanFrame } from "../../domain/can.ts";
import { readDocument, type ConfigDocument } from "../../settings/document.ts";
import { DATABASE_BYTES, TEXT_BYTES } from "../../settings/files.ts";
import { readGiven } from "../lib/read-given.ts";
import { canSource } from "../lib/source.ts";
import { valueAt } from "../../settings/explain.ts";
import { ConfigurationError, type SettingsFault } from "../../settings/fault.ts";
import { settingsOf } from "../../settings/load.ts";
import { loadVehicle } from "../../settings/vehicle.ts";

/** Which vehicle profile fits the frames on a bus. */

const LISTEN_MS = 3_000;

export type Profile = { readonly file: string; readonly filters: readonly CanFilter[] };
/** `heard` of `mapped` messages of the profile were on the bus. */
export type Fit = { readonly file: string; readonly heard: number; readonly mapped: number };

/** How well each profile fits the frames, the best first. */
export const fits = (profiles: readonly Profile[], frames: readonly CanFrame[]): Fit[] =>
  profiles
    .map(({ file, filters }) => ({
      file,
      heard: filters.filter((filter) => frames.some((frame) => passes([filter], frame))).length,
      mapped: filters.length,
    }))
    .toSorted((a, b) => b.heard / b.mapped - a.heard / a.mapped || b.heard - a.heard);

/** The fit that can be chosen without asking: most of its messages are there, and it is clearly the best. */
export const clearFit = ([best, next]: readonly Fit[]): Fit | undefined => {
  if (!best || best.heard === 0 || best.heard / best.mapped < 0.5) return undefined;
  return next && next.heard / next.mapped > (best.heard / best.mapped) * 0.75 ? undefined : best;
};

export const fitText = ({ file, heard, mapped }: Fit): string =>
  `${basename(file)}: ${heard} of its ${mapped} messages`;

const readProfile = (file: string): Profile | undefined => {
  const text = `can: { interface: any, profile: ${JSON.stringify(resolve(file))} }\n`;
  try {
    const { bus } = settingsOf(readDocument(text, "profile"));
    const mapping = bus && loadVehicle(bus).mapping;
    return mapping ? { file, filters: mapping.filters } : undefined;
  } catch (cause) {
    if (cause instanceof ConfigurationError) return undefined;
    throw cause;
  }
};

/** The profiles of a folder that can be used. */
export const profilesIn = (folder: string): Profile[] => {
  let names: string[];
  try {
    names = readdirSync(folder).filter((name) => name.endsWith(".yaml"));
  } catch {
    return [];
  }
  return names.toSorted().flatMap((name) => readProfile(join(folder, name)) ?? []);
};

/** Listens to a bus for the messages of the profiles. Empty if it cannot be read. */
export const hearBus = async (name: string, profiles: readonly Profile[]): Promise<CanFrame[]> => {
  const frames = new Map<string, CanFrame>();
  try {
    const filters = profiles.flatMap((profile) => profile.filters);
    const bus = canSource({ interface: name, driver: "native" }, () => undefined);
    const source = bus.listen(filters, AbortSignal.timeout(LISTEN_MS));
    for await (const batch of source)
      for (const frame of batch) frames.set(`${frame.extended}${frame.id}`, frame);
  } catch {
    // No library, or the interface is down or not listen-only: doctor says which.
  }
  return [...frames.values()];
};

const unusable = (
  document: ConfigDocument,
  words: Pick<SettingsFault, "path" | "expected" | "found">,
): ConfigurationError =>
  new ConfigurationError([
    {
      ...document.placeOf(words.path === "" ? [] : [words.path]),
      ...words,
      code: "invalid",
      part: "can",
      fatal: true,
    },
  ]);

/**
 * The files of a profile, below `vehicles/`: the profile and the database that it names, which is beside it or
 * below. Throws a CommandError if one of them cannot be read, and a ConfigurationError if it is no profile.
 */
export const profileFiles = (file: string): BundleFile[] => {
  const bytes = readGiven(file, TEXT_BYTES);
  const document = readDocument(bytes.toString("utf8"), file);
  const database = valueAt(document.value, ["database"]);
  if (typeof database !== "string" || valueAt(document.value, ["signals"]) === undefined)
    throw unusable(document, { path: "", expected: "a vehicle profile with database and signals" });
  const name = `vehicles/${normalize(database)}`;
  if (isAbsolute(database) || !isFileName(name) || !name.startsWith("vehicles/"))
    throw unusable(document, {
      path: "database",
      expected: "a file beside the profile, or below",
      found: JSON.stringify(database),
    });
  const own = { name: `vehicles/${basename(file)}`, bytes };
  return [own, { name, bytes: readGiven(join(dirname(file), database), DATABASE_BYTES) }];
};
