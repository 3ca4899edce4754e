import type { Plugin } from "vite";
import * as z from "zod";
import { CATALOGUE } from "../domain/faults.ts";
import type { FaultWords } from "../domain/faults/words.ts";
import { LampEvent, Snapshot } from "../domain/snapshot.ts";
import { KEYWORDS } from "../web/viewer/json-schema.ts";

/** What the pages get made from `domain` when they are built, so that neither zod nor unused texts are in them. */

/** The catalogue's English texts in the form of the other languages, without causes and what dispatch sees. */
const englishTexts = (): string => {
  const device: Record<string, Record<string, FaultWords>> = {};
  const sentences: Record<string, string> = {};
  let remedyOfConfiguration = "";
  for (const { part, code, about, sentence, remedy } of CATALOGUE)
    if (about === "device") (device[part] ??= {})[code] = { sentence, remedy };
    else {
      sentences[code] = sentence;
      remedyOfConfiguration = remedy;
    }
  const texts = { device, configuration: { sentences, remedy: remedyOfConfiguration } };
  return `export const ENGLISH = ${JSON.stringify(texts)};`;
};

/** A JSON Schema without what the check ignores. `named`: the keys are names of properties. */
const lean = (schema: unknown, named = false): unknown => {
  if (Array.isArray(schema)) return schema.map((one) => lean(one));
  if (typeof schema !== "object" || schema === null) return schema;
  const entries = Object.entries(schema).filter(
    // Keys that the schema does not know are allowed in any case.
    ([key, one]) => named || (KEYWORDS.has(key) && one !== false),
  );
  return Object.fromEntries(entries.map(([key, one]) => [key, lean(one, !named && key === "properties")]));
};

const schemaText = (schema: z.ZodType): string => JSON.stringify(lean(z.toJSONSchema(schema)));

const schemas = (): string =>
  `export const SNAPSHOT = ${schemaText(Snapshot)};\nexport const LAMP_EVENT = ${schemaText(LampEvent)};`;

/** The modules' source texts, by the name that pages import. */
const BUILT: Readonly<Record<string, () => string>> = {
  "built:fault-texts": englishTexts,
  "built:schemas": schemas,
};

/** The modules `built:…`, which `src/web/viewer/built-modules.d.ts` declares. */
export const built: Plugin = {
  name: "built",
  resolveId: (id) => (Object.hasOwn(BUILT, id) ? `\0${id}` : undefined),
  load: (id) => BUILT[id.slice(1)]?.(),
};
