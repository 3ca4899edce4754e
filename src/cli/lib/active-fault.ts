import { CATALOGUE } from "../../domain/faults.ts";
import type { ActiveFault } from "../../domain/snapshot.ts";

const rowOf = (part: string, code: string) =>
  CATALOGUE.find((row) => row.part === part && row.code === code && row.about === "device");

/** The catalogue's remedy; undefined if the catalogue has no such fault of a device. */
export const remedyOf = (part: string, code: string): string | undefined => rowOf(part, code)?.remedy;

/** The catalogue's remedy for a fault of the configuration file; undefined if it has no such fault. */
export const remedyOfFault = (part: string, code: string): string | undefined =>
  CATALOGUE.find((row) => row.part === part && row.code === code && row.about === "configuration")?.remedy;

/** A fault of a device, a broker or the disk, not one of the configuration file. */
export const isOfDevice = ({ part, code }: ActiveFault): boolean => rowOf(part, code) !== undefined;

/** `panic-loop open (dash): DETAIL` */
export const faultLine = ({ part, code, where, detail }: ActiveFault): string =>
  `${part} ${code}${where === undefined || detail.includes(where) ? "" : ` (${where})`}: ${detail}`;

const LOOP_WORDS: Readonly<Record<string, string>> = { open: "cut", short: "shorted" };

/** The state of a button's loop as a technician says it: an `open` loop is cut. */
export const loopWord = (state: string): string => LOOP_WORDS[state] ?? state;
