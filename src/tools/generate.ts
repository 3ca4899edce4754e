import { mkdirSync, writeFileSync } from "node:fs";
import { asyncApiYaml } from "./asyncapi.ts";
import { officerPage } from "./officer.ts";
import { technicianPage } from "./technician.ts";
import { runbook } from "./runbook.ts";
import { settingsJsonSchema } from "../settings/json-schema.ts";
import { VERSION } from "../domain/version.ts";

/** Writes the generated documents. Tests compare the files with what their generators return. */
mkdirSync("config", { recursive: true });
writeFileSync("config/asyncapi.yaml", asyncApiYaml(VERSION));
writeFileSync("config/patrol-unit.schema.json", settingsJsonSchema());
writeFileSync("systemd/RUNBOOK.md", runbook());
writeFileSync("config/OFFICER.md", officerPage());
writeFileSync("config/TECHNICIAN.md", technicianPage());
