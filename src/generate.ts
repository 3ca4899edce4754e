import { mkdirSync, writeFileSync } from "node:fs";
import { asyncApiYaml } from "./wire/asyncapi.ts";
import { settingsJsonSchema } from "./wire/json-schema.ts";

/** Writes what `config/` holds of the zod schemas; a test holds the files against them. */
mkdirSync("config", { recursive: true });
writeFileSync("config/asyncapi.yaml", asyncApiYaml());
writeFileSync("config/patrol-unit.schema.json", settingsJsonSchema());
