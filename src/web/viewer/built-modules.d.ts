/** What `src/tools/pages.ts` makes when it builds the pages. */

/** The catalogue's English texts: without causes and what dispatch sees, which the pages do not show. */
declare module "built:fault-texts" {
  import type { CatalogueWords } from "../../domain/faults/words.ts";
  export const ENGLISH: CatalogueWords;
}

/** JSON Schemas (draft 2020-12) of what the unit sends, made from the zod schemas of `domain/snapshot`. */
declare module "built:schemas" {
  import type { JsonSchema } from "./json-schema.ts";
  export const SNAPSHOT: JsonSchema;
  export const LAMP_EVENT: JsonSchema;
}
