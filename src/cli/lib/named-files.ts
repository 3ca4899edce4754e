import type { ConfigDocument } from "../../settings/document.ts";
import { ConfigurationError, type SettingsFault } from "../../settings/fault.ts";
import { documentOf, type ConfigSource } from "../../settings/load.ts";
import { imageFaults } from "./board-image.ts";
import { credentialFaults } from "./credentials.ts";

/** Faults of files that a configuration names and that only `check` and `bundle` look into. None is fatal. */
export const fileFaults = (document: ConfigDocument): SettingsFault[] => [
  ...credentialFaults(document),
  ...imageFaults(document),
];

/** The same of a configuration. None if it cannot be read: that is a fault already. */
export const fileFaultsOf = (source: ConfigSource): SettingsFault[] => {
  try {
    return fileFaults(documentOf(source));
  } catch (cause) {
    if (cause instanceof ConfigurationError) return [];
    throw cause;
  }
};
