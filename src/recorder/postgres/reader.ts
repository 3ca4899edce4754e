import type pg from "pg";
import * as z from "zod";
import type { Essence } from "../conflict.ts";
import { ledgerOf, readKind, type RunRow } from "../rows.ts";
import { streamKey } from "../report.ts";
import type { ReadReport, ReportNumber, Selection, SilentUnit, Stream, StreamName } from "../store.ts";

/** Rows as the library gives them. */
const StreamRows = z.array(
  z.object({
    unit: z.string(),
    store: z.string(),
    version: z.number(),
    tail_lo: z.number(),
    tail_hi: z.number(),
    duplicates: z.number(),
    rejected: z.number(),
    first_ms: z.number(),
    last_ms: z.number(),
  }),
);
const RunRows = z.array(
  z.object({ unit: z.string(), store: z.string(), kind: z.string(), lo: z.number(), hi: z.number() }),
);
const ReportRow = z.object({
  unit: z.string(),
  store: z.string(),
  seq: z.number(),
  boot: z.number(),
  kind: z.string(),
  at_ms: z.number(),
  clock: z.string(),
  mono: z.number(),
  live: z.boolean(),
  data: z.string(),
  extra: z.string().nullable(),
  corrected_ms: z.number().nullable(),
});
const ReportRows = z.array(ReportRow);
const NameRows = z.array(z.object({ unit: z.string(), store: z.string() }));

const EssenceRows = z.array(
  z.object({
    unit: z.string(),
    store: z.string(),
    seq: z.number(),
    kind: z.string(),
    boot: z.number(),
    mono: z.number(),
    episode: z
      .string()
      .nullable()
      .transform((episode) => episode ?? undefined),
  }),
);

const PAGE = 1_000;
const ms = (column: string, name: string): string =>
  `round(extract(epoch FROM ${column}) * 1000)::float8 AS ${name}`;

const STREAMS = `SELECT s.*, ${ms("first_heard", "first_ms")}, ${ms("last_heard", "last_ms")}
  FROM stream s JOIN unnest($1::text[], $2::text[]) AS t (unit, store) USING (unit, store)`;
const RUNS = `SELECT r.* FROM run r JOIN unnest($1::text[], $2::text[]) AS t (unit, store)
  USING (unit, store) ORDER BY kind, lo`;
const NAMES = `SELECT unit, store FROM stream WHERE unit = coalesce($1, unit)
  ORDER BY unit, first_heard, store`;
const REPORTS = `SELECT unit, store, seq, boot, kind, clock, mono, live, data::text, extra::text,
    ${ms("at", "at_ms")}, ${ms("corrected_at", "corrected_ms")}
  FROM corrected WHERE unit = $1 AND store = $2 AND seq > $3 AND kind = ANY($4)
    AND ($5::bigint IS NULL OR coalesce(corrected_at, at) >= instant($5))
    AND ($6::bigint IS NULL OR coalesce(corrected_at, at) <= instant($6))
  ORDER BY seq LIMIT ${PAGE}`;

const ESSENCES = `SELECT r.unit, r.store, r.seq, r.kind, r.boot, r.mono,
    CASE r.kind WHEN 'emergency' THEN r.data ->> 'episode' END AS episode
  FROM report r JOIN unnest($1::text[], $2::text[], $3::bigint[]) AS t (unit, store, seq)
  USING (unit, store, seq)`;

/** What is stored under each of these numbers. Rejects with the library's error. */
export const readEssences = async (
  client: pg.Client,
  numbers: readonly ReportNumber[],
): Promise<Essence[]> => {
  const values = [
    numbers.map(({ unit }) => unit),
    numbers.map(({ store }) => store),
    numbers.map(({ seq }) => seq),
  ];
  const { rows } = await client.query({ name: "essences", text: ESSENCES, values });
  return EssenceRows.parse(rows);
};

/** The committed ledgers of those that are known. Rejects with the library's error. */
export const readStreams = async (client: pg.Client, names: readonly StreamName[]): Promise<Stream[]> => {
  const values = [names.map(({ unit }) => unit), names.map(({ store }) => store)];
  // One snapshot: else a run might be from a later commit than its stream.
  await client.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
  const found = await client.query({ name: "load", text: STREAMS, values });
  const runs = await client.query({ name: "loadRuns", text: RUNS, values });
  await client.query("COMMIT");
  const rows = new Map<string, RunRow[]>();
  for (const { unit, store, kind, lo, hi } of RunRows.parse(runs.rows)) {
    const key = streamKey({ unit, store });
    const list = rows.get(key) ?? [];
    list.push({ kind: readKind(kind), from: lo, to: hi });
    rows.set(key, list);
  }
  return StreamRows.parse(found.rows).map((row) => ({
    unit: row.unit,
    store: row.store,
    version: row.version,
    ledger: ledgerOf(rows.get(streamKey(row)) ?? [], [row.tail_lo, row.tail_hi]),
    duplicates: row.duplicates,
    rejected: row.rejected,
    firstHeard: row.first_ms,
    lastHeard: row.last_ms,
  }));
};

export const readNames = async (client: pg.Client, unit: string | undefined): Promise<StreamName[]> =>
  NameRows.parse((await client.query(NAMES, [unit ?? null])).rows);

const reportOf = ({ at_ms, extra, corrected_ms, ...rest }: z.infer<typeof ReportRow>): ReadReport => ({
  ...rest,
  at: at_ms,
  extra: extra ?? undefined,
  correctedAt: corrected_ms ?? undefined,
});

/** A page of reports of one (unit, store), beyond the number `after`. The last page is shorter than PAGE. */
export const readPage = async (
  client: pg.Client,
  { kinds, from, to }: Selection,
  { unit, store }: StreamName,
  after: number,
): Promise<{ readonly reports: readonly ReadReport[]; readonly last: boolean }> => {
  const values = [unit, store, after, kinds, from ?? null, to ?? null];
  const { rows } = await client.query({ name: "page", text: REPORTS, values });
  return { reports: ReportRows.parse(rows).map(reportOf), last: rows.length < PAGE };
};

/** A number that a query counts as `n`. */
export const readCount = async (
  client: pg.Client,
  sql: string,
  values: readonly string[],
): Promise<number> => {
  const { rows } = await client.query<{ n: number }>(sql, [...values]);
  return rows[0]?.n ?? 0;
};

const SilentRows = z.array(
  z.object({ unit: z.string(), since_ms: z.number(), last_ms: z.number(), expected_s: z.number() }),
);

export const readSilent = async (client: pg.Client, recorder: string): Promise<SilentUnit[]> => {
  const sql = `SELECT unit, ${ms("since", "since_ms")}, ${ms("last", "last_ms")}, expected_s FROM silent_unit
    WHERE recorder = $1`;
  return SilentRows.parse((await client.query(sql, [recorder])).rows).map((row) => ({
    unit: row.unit,
    since: row.since_ms,
    last: row.last_ms,
    expectedS: row.expected_s,
  }));
};
