import type pg from "pg";
import { countIn, essenceIn, NameRow, reportIn, runIn, silentIn, streamIn } from "../columns.ts";
import type { Essence } from "../conflict.ts";
import { streamKey, type Rejected } from "../report.ts";
import type { RunRow } from "../rows.ts";
import {
  keptOf,
  type ReadReport,
  type ReportNumber,
  type Selection,
  type SilentUnit,
  type Stream,
  type StreamName,
} from "../store.ts";

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
  return rows.map(essenceIn);
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
  for (const row of runs.rows) {
    const key = streamKey(NameRow.parse(row));
    const list = rows.get(key) ?? [];
    list.push(runIn(row));
    rows.set(key, list);
  }
  return found.rows.map((row) => streamIn(row, rows.get(streamKey(NameRow.parse(row))) ?? []));
};

export const readNames = async (client: pg.Client, unit: string | undefined): Promise<StreamName[]> =>
  (await client.query(NAMES, [unit ?? null])).rows.map((row) => NameRow.parse(row));

/** A page of reports of one (unit, store), beyond the number `after`. The last page is shorter than PAGE. */
export const readPage = async (
  client: pg.Client,
  { kinds, from, to }: Selection,
  { unit, store }: StreamName,
  after: number,
): Promise<{ readonly reports: readonly ReadReport[]; readonly last: boolean }> => {
  const values = [unit, store, after, kinds, from ?? null, to ?? null];
  const { rows } = await client.query({ name: "page", text: REPORTS, values });
  return { reports: rows.map(reportIn), last: rows.length < PAGE };
};

/** A number that a query counts as `n`. */
export const readCount = async (
  client: pg.Client,
  sql: string,
  values: readonly string[],
): Promise<number> => {
  const { rows } = await client.query(sql, [...values]);
  return countIn(rows[0]);
};

export const readSilent = async (client: pg.Client, recorder: string): Promise<SilentUnit[]> => {
  const sql = `SELECT unit, ${ms("since", "since_ms")}, ${ms("last", "last_ms")}, expected_s FROM silent_unit
    WHERE recorder = $1`;
  return (await client.query(sql, [recorder])).rows.map(silentIn);
};

const KEPT = `SELECT t.n::int AS n FROM unnest($1::bytea[], $2::bigint[]) WITH ORDINALITY AS t (bytes, size, n)
  WHERE EXISTS (SELECT FROM rejected r WHERE r.size = t.size AND r.bytes = t.bytes)`;

/** Those of these messages whose bytes are kept as rejected. Rejects with the library's error. */
export const readKept = async (
  client: pg.Client,
  rejected: readonly Rejected[],
): Promise<ReadonlySet<Rejected>> => {
  const wanted = rejected.map(keptOf);
  const values = [wanted.map(({ bytes }) => bytes), wanted.map(({ size }) => size)];
  const { rows } = await client.query(KEPT, values);
  const kept = new Set(rows.map(countIn));
  return new Set(rejected.filter((_, index) => kept.has(index + 1)));
};
