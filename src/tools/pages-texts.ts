import type { Plugin } from "vite";
import * as z from "zod";
import { CATALOGUE } from "../domain/faults.ts";
import { LampEvent, Snapshot } from "../domain/snapshot.ts";

/** What the pages get made from `domain` when they are built, so that neither zod nor unused texts are in them. */

const faultTexts = (): string => {
  const texts: Record<string, Record<string, readonly [string, string]>> = {};
  for (const { part, code, sentence, remedy } of CATALOGUE) (texts[part] ??= {})[code] = [sentence, remedy];
  return `export const FAULT_TEXTS = ${JSON.stringify(texts)};`;
};

/** Keywords that `src/web/shared/check.ts` reads. */
const READ = new Set([
  "type",
  "enum",
  "const",
  "properties",
  "required",
  "additionalProperties",
  "items",
  "anyOf",
]);

/** A JSON Schema without what the check ignores. `named`: the keys are names of properties. */
const lean = (schema: unknown, named = false): unknown => {
  if (Array.isArray(schema)) return schema.map((one) => lean(one));
  if (typeof schema !== "object" || schema === null) return schema;
  const entries = Object.entries(schema).filter(([key]) => named || READ.has(key));
  return Object.fromEntries(entries.map(([key, one]) => [key, lean(one, !named && key === "properties")]));
};

const schemaText = (schema: z.ZodType): string => JSON.stringify(lean(z.toJSONSchema(schema)));

const schemas = (): string =>
  `export const SNAPSHOT = ${schemaText(Snapshot)};\nexport const LAMP_EVENT = ${schemaText(LampEvent)};`;

/** The modules' source texts, by the name that pages import. */
const BUILT: Readonly<Record<string, () => string>> = {
  "built:fault-texts": faultTexts,
  "built:schemas": schemas,
};

/** The modules `built:…`, which `src/web/shared/built.d.ts` declares. */
export const built: Plugin = {
  name: "built",
  resolveId: (id) => (Object.hasOwn(BUILT, id) ? `\0${id}` : undefined),
  load: (id) => BUILT[id.slice(1)]?.(),
};
