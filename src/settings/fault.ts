import type { ConfigCode, ConfigPart } from "../domain/faults.ts";

/** A position in a configuration file; line and column count from 1. */
export type Place = { readonly file: string; readonly line: number; readonly column: number };

/** One fault of a configuration: its place, what was expected, and which part of the unit it stops. */
export type SettingsFault = Place & {
  /** Dotted key, for example `gps.port`; empty if the fault is in the file as a whole. */
  readonly path: string;
  readonly code: ConfigCode;
  /** A noun phrase that completes "expected …". */
  readonly expected: string;
  /** A noun phrase that completes "found …". Never a secret. */
  readonly found?: string;
  /** What to do about it, as an imperative. */
  readonly remedy?: string;
  /** The part of the unit that is off, or runs with a default, because of the fault. */
  readonly part: ConfigPart;
  /** The unit cannot do its duty with this fault: `run` exits 78. */
  readonly fatal: boolean;
};

/** `FILE:LINE:COL: PATH: expected X, found Y; do Z` */
export const faultText = ({ file, line, column, path, expected, found, remedy }: SettingsFault): string =>
  [
    `${file}:${line}:${column}: `,
    path === "" ? "" : `${path}: `,
    `expected ${expected}`,
    found === undefined ? "" : `, found ${found}`,
    remedy === undefined ? "" : `; ${remedy}`,
  ].join("");

/** Sorts faults by place: file by file, in the order in which the files have their first fault. */
export const inOrder = (faults: readonly SettingsFault[]): SettingsFault[] =>
  [...Map.groupBy(faults, ({ file }) => file).values()].flatMap((ofFile) =>
    ofFile.toSorted((a, b) => a.line - b.line || a.column - b.column),
  );

/** A configuration that cannot be used; `message` has a line for each fault. */
export class ConfigurationError extends Error {
  readonly code = "CONFIGURATION";
  readonly faults: readonly SettingsFault[];
  constructor(faults: readonly SettingsFault[]) {
    const ordered = inOrder(faults);
    super(ordered.map(faultText).join("\n"));
    this.faults = ordered;
  }
}

/** A fault as an event reports it. */
export type ConfigFault = {
  readonly part: ConfigPart;
  readonly code: ConfigCode;
  /** The key, if the fault has one. */
  readonly where?: string;
  readonly detail: string;
};

/** Faults beyond this number are reported as one event that gives their number. */
const MAX_EVENTS = 16;
/** A fault's text in an event is cut to so many characters, to keep the event small. */
const MAX_DETAIL = 400;
const MAX_WHERE = 80;

/** The faults of a configuration as events for dispatch: at most 17, each of at most 400 characters. */
export const configFaults = (faults: readonly SettingsFault[]): ConfigFault[] => {
  const shown = faults.slice(0, MAX_EVENTS).map((fault): ConfigFault => {
    const { part, code, path } = fault;
    const detail = faultText(fault).slice(0, MAX_DETAIL);
    return path === "" ? { part, code, detail } : { part, code, where: path.slice(0, MAX_WHERE), detail };
  });
  const rest = faults.length - shown.length;
  if (rest === 0) return shown;
  const detail = `${rest} more faults in the configuration: run patrol-unit check`;
  return [...shown, { part: "config", code: "invalid", detail }];
};
