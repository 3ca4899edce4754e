import { readFileSync } from "node:fs";
import { compileMapping, type CanMapping, type MappingFault } from "../decode/can/mapping.ts";
import { dbcText, parseDbc } from "../decode/dbc/parser.ts";
import { reasonOf } from "../runtime/log.ts";
import type { CanSettings } from "../settings/load.ts";
import { CommandError, EXIT } from "./command.ts";

/** The database and the signal map of a configuration, compiled; every fault of them in one go. `warn` is told what looks wrong. */
export const loadMapping = (
  can: CanSettings,
  config: string,
  warn: (line: string) => void = () => undefined,
): CanMapping => {
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
  const line = ({ path, message }: MappingFault) =>
    `${can.mappedIn[path] ?? config}: can.signals.${path}: ${message}`;
  if ("read" in mapping) {
    for (const warning of mapping.warnings) warn(line(warning));
    return mapping;
  }
  const lines = mapping.map(line);
  throw new CommandError(EXIT.config, lines.join("\n"));
};
