import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { licenceText } from "./standard-licence.ts";

/** What a package is made of, with its licences. */

export type Component = {
  readonly name: string;
  readonly version: string;
  /** SPDX identifier. */
  readonly licence: string;
  /** The licence as its authors ship it. */
  readonly text: string;
  /** Where it is, in words: `bundle`, `pages`, `node_modules`, `runtime`, `board image`. */
  readonly where: string;
  /** npm's `sha512-…` of what was downloaded. Undefined: it came in something else. */
  readonly integrity?: string | undefined;
  readonly isFromNpm: boolean;
};

const Person = z.union([z.string(), z.object({ name: z.string() }).transform(({ name }) => name)]);
const Manifest = z.object({
  name: z.string(),
  version: z.string(),
  license: z.union([z.string(), z.object({ type: z.string() }).transform(({ type }) => type)]).optional(),
  licenses: z.array(z.object({ type: z.string() })).optional(),
  author: Person.optional(),
});

const LICENCE_FILE = /^(?:licen[cs]e|copying)(?:[-.].*)?$/i;

/** The texts of the licence files in a folder; empty: there is none. */
const textsIn = (folder: string): string =>
  readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile() && LICENCE_FILE.test(entry.name))
    .map(({ name }) => name)
    .toSorted()
    .map((name) => readFileSync(join(folder, name), "utf8").trim())
    .join("\n\n");

/**
 * The package of npm in `folder`. Without a licence file: the standard text of the licence that it declares.
 * Throws if it has neither: then nobody may distribute it.
 */
export const npmComponent = (folder: string, where: string, integrity?: string): Component => {
  const found = Manifest.parse(JSON.parse(readFileSync(join(folder, "package.json"), "utf8")));
  const licence = found.license ?? found.licenses?.map(({ type }) => type).join(" AND ");
  if (licence === undefined || licence === "") throw new Error(`${found.name} names no licence`);
  const text = textsIn(folder) || licenceText(licence, found.author ?? `the authors of ${found.name}`);
  if (text === undefined)
    throw new Error(`${found.name} has no licence file, and ${licence} no standard text here`);
  const { name, version } = found;
  return { name, version, licence, text, where, integrity, isFromNpm: true };
};

/** C code that is compiled into an addon or into the board's image: it has no manifest. */
const COMPILED = [
  {
    name: "leveldb",
    version: "1.20",
    licence: "BSD-3-Clause",
    where: "node_modules/classic-level",
    file: "node_modules/classic-level/deps/leveldb/leveldb-1.20/LICENSE",
  },
  {
    name: "snappy",
    version: "1.1.4",
    licence: "BSD-3-Clause",
    where: "node_modules/classic-level",
    file: "node_modules/classic-level/deps/snappy/snappy/COPYING",
  },
  {
    name: "avr-libc",
    version: "2.0.0",
    licence: "BSD-3-Clause",
    where: "board image",
    file: "firmware-bridge/firmware/AVR-LIBC-LICENCE.txt",
  },
] as const;

/** The compiled components that are in one of `places`. */
export const compiledComponents = (places: readonly string[]): Component[] =>
  COMPILED.filter(({ where }) => places.includes(where)).map(({ name, version, licence, where, file }) => {
    const text = readFileSync(file, "utf8").trim();
    return { name, version, licence, where, text, isFromNpm: false };
  });

/** What `dist/web/PAGE/LICENCES.md` names: the libraries that Vite has built into a page. */
export const librariesOf = (licences: string): string[] =>
  [...licences.matchAll(/^## (\S+) - \S+ \(/gm)].map(([, name = ""]) => name);
