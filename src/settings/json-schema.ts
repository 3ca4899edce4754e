import * as z from "zod";
import { Settings } from "./schema.ts";

/** The JSON Schema of the configuration, for editors: `# yaml-language-server: $schema=…`. */
export const settingsJsonSchema = (): string =>
  `${JSON.stringify({ title: "patrol-unit.yaml", ...z.toJSONSchema(Settings, { io: "input" }) }, null, 2)}\n`;
