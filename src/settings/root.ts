import { readlinkSync } from "node:fs";
import { join, resolve } from "node:path";

/** The folders and files of a root (contract 1.1 §8). Paths are below `dir`. */
export type Root = {
  readonly dir: string;
  /** Link to the configuration in force: `configs/N`. */
  readonly current: string;
  /** Link to the configuration before it. */
  readonly previous: string;
  readonly configs: string;
  /** `unit.key` and `unit.pem`. */
  readonly identity: string;
  /** Public keys that may sign bundles: `NAME.pem`. */
  readonly trust: string;
  /** Bundles from a stick: `NAME.patrol`. The service leaves the result beside each: `NAME.patrol.result`. */
  readonly inbox: string;
  /** The bundles of a USB stick, complete. The service leaves the result in the inbox: `RESULT-UNIT.txt`. */
  readonly stick: string;
  /** The bundles of the stick that the service is looking at. */
  readonly taken: string;
  /** Through it the service hands releases of the software to root. */
  readonly release: string;
  /** What belongs to this car alone. It is laid over the configuration. */
  readonly local: string;
};

/** The name of the configuration in its folder. */
export const CONFIG_FILE = "patrol-unit.yaml";

export const rootAt = (dir: string): Root => ({
  dir,
  current: join(dir, "current"),
  previous: join(dir, "previous"),
  configs: join(dir, "configs"),
  identity: join(dir, "identity"),
  trust: join(dir, "trust"),
  inbox: join(dir, "inbox"),
  stick: join(dir, "inbox", "stick"),
  taken: join(dir, "inbox", "stick.taken"),
  release: join(dir, "release"),
  local: join(dir, "local.yaml"),
});

/** The name of a unit's new certificate in its configuration's folder. It is used on trial, and adopted when that is passed. */
export const RENEWED_FILE = "unit.pem";

export const keyFileOf = (root: Root): string => join(root.identity, "unit.key");
export const certificateFileOf = (root: Root): string => join(root.identity, "unit.pem");

/**
 * The file of the configuration in force. The link is followed once, so that a service that runs keeps the
 * files with which it was started when the link is switched.
 */
export const currentConfigOf = (root: Root): string => {
  try {
    return join(resolve(root.dir, readlinkSync(root.current)), CONFIG_FILE);
  } catch {
    // There is no link: reading the file says why it cannot be read.
    return join(root.current, CONFIG_FILE);
  }
};
