import * as z from "zod";
import type { Essence } from "./conflict.ts";
import { ledgerOf, readKind, type RunRow } from "./rows.ts";
import type { ReadReport, SilentUnit, Stream } from "./store.ts";

/**
 * The columns that the queries of SQLite and of PostgreSQL give alike, and what they mean. Times are UTC
 * milliseconds. Every function throws a ZodError if the row is not as expected.
 */
const name = { unit: z.string(), store: z.string() };

export const NameRow = z.object(name);

const StreamRow = z.object({
  ...name,
  version: z.number(),
  tail_lo: z.number(),
  tail_hi: z.number(),
  duplicates: z.number(),
  rejected: z.number(),
  first_ms: z.number(),
  last_ms: z.number(),
});

/** `runs`: its rows in the table of runs, ascending within a kind. */
export const streamIn = (row: unknown, runs: readonly RunRow[]): Stream => {
  const { tail_lo, tail_hi, first_ms, last_ms, ...rest } = StreamRow.parse(row);
  return { ...rest, ledger: ledgerOf(runs, [tail_lo, tail_hi]), firstHeard: first_ms, lastHeard: last_ms };
};

const RunColumns = z.object({ kind: z.string(), lo: z.number(), hi: z.number() });

export const runIn = (row: unknown): RunRow => {
  const { kind, lo, hi } = RunColumns.parse(row);
  return { kind: readKind(kind), from: lo, to: hi };
};

const ReportRow = z.object({
  ...name,
  seq: z.number(),
  boot: z.number(),
  kind: z.string(),
  at_ms: z.number(),
  clock: z.string(),
  mono: z.number(),
  // SQLite has no booleans.
  live: z.union([z.boolean(), z.literal([0, 1]).transform((live) => live === 1)]),
  data: z.string(),
  extra: z.string().nullable(),
  corrected_ms: z.number().nullable(),
});

export const reportIn = (row: unknown): ReadReport => {
  const { at_ms, extra, corrected_ms, ...rest } = ReportRow.parse(row);
  return { ...rest, at: at_ms, extra: extra ?? undefined, correctedAt: corrected_ms ?? undefined };
};

const EssenceRow = z.object({
  ...name,
  seq: z.number(),
  kind: z.string(),
  boot: z.number(),
  mono: z.number(),
  episode: z.string().nullable(),
});

export const essenceIn = (row: unknown): Essence => {
  const { episode, ...rest } = EssenceRow.parse(row);
  return { ...rest, episode: episode ?? undefined };
};

const CountRow = z.object({ n: z.number() });

/** What a query counts as `n`. */
export const countIn = (row: unknown): number => CountRow.parse(row).n;

const SilentRow = z.object({
  unit: z.string(),
  since_ms: z.number(),
  last_ms: z.number(),
  expected_s: z.number(),
});

export const silentIn = (row: unknown): SilentUnit => {
  const { unit, since_ms, last_ms, expected_s } = SilentRow.parse(row);
  return { unit, since: since_ms, last: last_ms, expectedS: expected_s };
};
