import type { StoredReport } from "../report.ts";

/** When a report was made, as the unit said, with what is needed to put it right. Pure. */
export type Stamp = Pick<StoredReport, "store" | "boot" | "seq" | "at" | "clock" | "mono"> & {
  /**
   * The start of the service for comparisons: its boot, but never above that of the newest birth. A start that its disk
   * took no note of numbers its reports with a boot far beyond all later ones (DECISIONS 61).
   */
  readonly life: number;
};

/** An event `clock`: at `mono` of `boot` it was `at`, UTC milliseconds. */
export type Correction = {
  readonly store: string;
  readonly boot: number;
  readonly mono: number;
  readonly at: number;
};

/** Corrections that are kept for a unit. Beyond it the oldest go. */
const CORRECTIONS = 8;

export const stampOf = ({ store, boot, seq, at, clock, mono }: StoredReport): Stamp => ({
  store,
  boot,
  seq,
  at,
  clock,
  mono,
  life: boot,
});

/** Adds a correction; it replaces the one of the same boot. */
export const withCorrection = (known: readonly Correction[], one: Correction): readonly Correction[] =>
  [...known.filter(({ store, boot }) => store !== one.store || boot !== one.boot), one].slice(-CORRECTIONS);

/** The latest instant that is shown: the end of the year 9999, the last that ISO 8601 writes with four digits. */
const LATEST = Date.UTC(9999, 11, 31);
const isInstant = (at: number): boolean => at >= 0 && at <= LATEST;

/**
 * When it was, UTC milliseconds, corrected if the unit has said how (contract §3). A correction that leads out of
 * all calendars is none: a page could not show it.
 */
export const timeOf = (
  stamp: Stamp,
  corrections: readonly Correction[],
): { readonly at: number; readonly isKnown: boolean } => {
  if (stamp.clock !== "unset") return { at: stamp.at, isKnown: true };
  const found = corrections.find(({ store, boot }) => store === stamp.store && boot === stamp.boot);
  const at = found ? found.at + stamp.mono - found.mono : Number.NaN;
  return isInstant(at) ? { at, isKnown: true } : { at: stamp.at, isKnown: false };
};
