import { mkdirSync, writeFileSync } from "node:fs";
import { asyncApiYaml } from "./asyncapi.ts";
import { settingsJsonSchema } from "../settings/json-schema.ts";
import { VERSION } from "../domain/version.ts";

/** Writes what `config/` holds of the zod schemas; a test holds the files against them. */
mkdirSync("config", { recursive: true });
writeFileSync("config/asyncapi.yaml", asyncApiYaml(VERSION));
writeFileSync("config/patrol-unit.schema.json", settingsJsonSchema());
