import type { Accepted, StoredReport } from "./report.ts";

/** Two reports with one number. Pure. */

/** What a report is recognized by: a report that is sent again has the same. */
export type Essence = Pick<StoredReport, "unit" | "store" | "seq" | "kind" | "boot" | "mono"> & {
  /** Of emergencies. Undefined if it cannot be read. */
  readonly episode: string | undefined;
};

/** The reason of a rejected message whose number has another content in the store begins with this. */
export const CONFLICT = "conflict: ";

export const numberKey = ({ unit, store, seq }: Pick<StoredReport, "unit" | "store" | "seq">): string =>
  `${unit} ${store} ${seq}`;

export const essenceOf = ({ report, meaning }: Accepted): Essence => {
  const { unit, store, seq, kind, boot, mono } = report;
  const episode = meaning.kind === "emergency" ? meaning.episode : undefined;
  return { unit, store, seq, kind, boot, mono, episode };
};

const wordsOf = ({ kind, boot, mono, episode }: Essence): string =>
  `${kind}${episode === undefined ? "" : ` ${episode}`} of boot ${boot} at ${mono} ms`;

/**
 * Why a report is not the one that is stored under its number; undefined if it is the same. A report that is
 * sent again may differ in `live`, `at`, `clock` and `attempt`, and in what was left out.
 */
export const conflictOf = (stored: Essence, accepted: Accepted): string | undefined => {
  const given = essenceOf(accepted);
  const isSame =
    stored.kind === given.kind &&
    stored.boot === given.boot &&
    stored.mono === given.mono &&
    (given.episode === undefined || stored.episode === given.episode);
  if (isSame) return undefined;
  return `${CONFLICT}number ${given.seq} of store ${given.store || "(1.0)"} is stored as ${wordsOf(stored)}, this is ${wordsOf(given)}`;
};
