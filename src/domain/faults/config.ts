import type { FaultRow } from "./row.ts";

/**
 * Faults of the configuration. Each is reported for the part that is off, or runs with a default, because
 * of it, and stays until the service is restarted with a corrected file. If the unit cannot do its duty at
 * all, `run` prints them and exits 78.
 */

/** What is wrong with a value or a file. */
const KINDS = {
  yaml: {
    sentence: "The file is not valid YAML.",
    cause: "A wrong indentation, a missing colon or quote, or a tab.",
  },
  invalid: {
    sentence: "A value is wrong or missing.",
    cause: "A typing error, a value out of range, or a database or signal map that does not fit.",
  },
  "unknown-key": {
    sentence: "There is no such key.",
    cause: "A misspelt key, a key of a newer release, or a wrong indentation.",
  },
  "duplicate-key": {
    sentence: "A key is written twice. The second one counts.",
    cause: "A block was copied and not edited.",
  },
  conflict: {
    sentence: "Two values contradict each other.",
    cause:
      "For example one device for two parts, one loop for two buttons, or a certificate without its key.",
  },
  "missing-file": {
    sentence: "A file that the configuration names does not exist.",
    cause: "It was not copied. Names are relative to the file that names them.",
  },
  "unreadable-file": {
    sentence: "A file cannot be read.",
    cause: "It does not exist, it is a folder, or the service's user may not read it.",
  },
  exposed: {
    sentence: "The unit's private key can be read by others on this computer.",
    cause: "It was copied by hand, or its mode was changed.",
  },
  foreign: {
    sentence: "The unit's certificate belongs to another key or to another unit.",
    cause: "The card or the certificate was meant for another car, or the key was made anew.",
  },
  expired: {
    sentence: "The unit's certificate has expired.",
    cause: "It was not renewed, or the clock is wrong.",
  },
  "no-ignition": {
    sentence: "The computer is never switched off, because the ignition is not mapped.",
    cause: "`power` is set, but no signal is mapped to `Vehicle.LowVoltageSystemState`.",
  },
  "no-pin": {
    sentence: "The status address is off, because other machines could reach it without a PIN.",
    cause: "`status.listen` is not a loopback address and `status.pin` is not set.",
  },
} as const;
export type ConfigCode = keyof typeof KINDS;

const REMEDY =
  "Run `check`: it prints file, line, column and what is expected. Correct it and restart the service.";

/** Faults of files that belong to the car, not to its configuration. */
const OF_CAR: ReadonlySet<string> = new Set<ConfigCode>(["exposed", "foreign", "expired"]);

/** Whether a fault is about the car's identity folder: another configuration would not mend it. */
export const isOfCar = (part: string, code: string): boolean =>
  part === "identity" && (OF_CAR.has(code) || code === "unreadable-file");

/** Rows of one part. `consequence`: what the part does until it is corrected, as a sentence. */
const rows = (
  codes: readonly ConfigCode[],
  consequence: string,
  lamp: FaultRow["lamp"] = "unchanged",
): Readonly<Record<string, FaultRow>> =>
  Object.fromEntries(
    codes.map((code) => [code, { ...KINDS[code], lamp, dispatch: consequence, remedy: REMEDY }]),
  );

/** The codes that each part can have, and their consequences. */
export const CONFIG = {
  config: rows(
    ["yaml", "invalid", "unknown-key", "duplicate-key", "unreadable-file"],
    "A wrong value runs with its default, an unknown block has no effect. A file that cannot be read stops the unit (exit 78): it is `offline`.",
  ),
  identity: rows(
    ["invalid", "unknown-key", "unreadable-file", "exposed", "foreign", "expired"],
    "An unknown key has no effect. Without a valid name the unit does not run (exit 78): it is `offline`. With a certificate that a broker refuses it goes on recording, and it is `offline`.",
  ),
  gps: rows(
    ["invalid", "unknown-key", "conflict"],
    "A wrong value runs with its default. Without a valid port the receiver is off: no `position`.",
  ),
  can: rows(
    ["yaml", "invalid", "unknown-key", "duplicate-key", "conflict", "missing-file", "unreadable-file"],
    "A faulty signal is left out of `vehicle`. A faulty database or profile stops the bus: no `vehicle`.",
  ),
  "panic-board": rows(
    ["invalid", "unknown-key", "conflict"],
    "A button with a valid loop works. If its name is faulty, it is reported as `loop-N`; if `silent` or `dark` is faulty, it makes no sound and does not change the lamp. Without a valid port the board is off.",
    "no-host",
  ),
  link: rows(
    ["invalid", "unknown-key", "conflict"],
    "A wrong value runs with its default, a wrong broker is left out. Without any broker the unit does not run (exit 78).",
  ),
  outbox: rows(["invalid", "unknown-key"], "The outbox runs with its defaults."),
  status: rows(
    ["invalid", "unknown-key", "no-pin"],
    "Nothing else. The status address has its default, or is off (`no-pin`).",
  ),
  power: rows(["invalid", "unknown-key", "no-ignition"], "The computer stays on after the ignition is off."),
  update: rows(["invalid", "unknown-key"], "The trial of a new configuration has its default length."),
} as const;
export type ConfigPart = keyof typeof CONFIG;
