import { readFileSync } from "node:fs";
import { compileMapping, type CanMapping } from "../decode/can/mapping.ts";
import { dbcText, parseDbc } from "../decode/dbc/parser.ts";
import { reasonOf } from "../runtime/log.ts";
import type { CanSettings } from "../settings/load.ts";
import { CommandError, EXIT } from "./command.ts";

/** The database and the signal map of a configuration, compiled; every fault of them in one go. */
export const loadMapping = (can: CanSettings, config: string): CanMapping => {
  const read = (): Buffer => {
    try {
      return readFileSync(can.database);
    } catch (cause) {
      throw new CommandError(
        EXIT.config,
        `can.database: ${can.database} cannot be read: ${reasonOf(cause)}`,
        cause,
      );
    }
  };
  const parse = () => {
    try {
      return parseDbc(dbcText(read()), can.database);
    } catch (cause) {
      if (cause instanceof CommandError) throw cause;
      throw new CommandError(EXIT.config, cause instanceof Error ? cause.message : String(cause), cause);
    }
  };
  const mapping = compileMapping(can.signals, parse());
  if ("read" in mapping) return mapping;
  const lines = mapping.map(
    ({ path, message }) => `${can.mappedIn[path] ?? config}: can.signals.${path}: ${message}`,
  );
  throw new CommandError(EXIT.config, lines.join("\n"));
};
