import type pg from "pg";
import type { Accepted } from "../report.ts";
import { rowsOf, tailOf } from "../rows.ts";
import { keptOf, REJECTED_KEPT, type Commit, type StreamChange } from "../store.ts";

/** The statements of a commit. Each writes many rows: a column is one array parameter. */

const STREAM_COLUMNS = `$1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[],
  $7::bigint[], $8::bigint[], $9::bigint[]`;
const STREAM_NAMES = "unit, store, version, tail_lo, tail_hi, duplicates, rejected, first, last";

const SQL = {
  newStreams: `INSERT INTO stream
    SELECT unit, store, version, tail_lo, tail_hi, duplicates, rejected, instant(first), instant(last)
    FROM unnest(${STREAM_COLUMNS}) AS t (${STREAM_NAMES}) ON CONFLICT DO NOTHING`,
  streams: `UPDATE stream s SET version = t.version, tail_lo = t.tail_lo, tail_hi = t.tail_hi,
      duplicates = t.duplicates, rejected = t.rejected, last_heard = instant(t.last)
    FROM unnest(${STREAM_COLUMNS}) AS t (${STREAM_NAMES})
    WHERE s.unit = t.unit AND s.store = t.store AND s.version = t.version - 1`,
  noRuns: `DELETE FROM run r USING unnest($1::text[], $2::text[], $3::text[], $4::bigint[])
    AS t (unit, store, kind, lo)
    WHERE r.unit = t.unit AND r.store = t.store AND r.kind = t.kind AND r.lo = t.lo`,
  runs: `INSERT INTO run SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[])
    ON CONFLICT (unit, store, kind, lo) DO UPDATE SET hi = excluded.hi`,
  reports: `INSERT INTO report (unit, store, seq, boot, kind, at, clock, mono, live, stored, data, extra)
    SELECT unit, store, seq, boot, kind, instant(at), clock, mono, live, instant($12::bigint),
      data::jsonb, extra::jsonb
    FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::text[], $6::bigint[], $7::text[],
      $8::bigint[], $9::boolean[], $10::text[], $11::text[])
    AS t (unit, store, seq, boot, kind, at, clock, mono, live, data, extra)`,
  clocks: `INSERT INTO clock SELECT $1, $2, $3, $4, $5, instant($6::bigint)
    ON CONFLICT (unit, store, boot) DO UPDATE SET seq = excluded.seq, mono = excluded.mono,
    at = excluded.at WHERE excluded.seq > clock.seq`,
  copy: `UPDATE report SET data = $4::jsonb WHERE unit = $1 AND store = $2 AND seq = $3
    AND kind = 'emergency' AND jsonb_array_length(coalesce(data -> 'shortened', '[]')) > $5`,
  rejected: `INSERT INTO rejected (at, topic, reason, bytes, size)
    SELECT instant($1::bigint), * FROM unnest($2::text[], $3::text[], $4::bytea[], $5::bigint[])`,
  fewerRejected: `DELETE FROM rejected WHERE id <= (SELECT max(id) FROM rejected) - ${REJECTED_KEPT}`,
} as const;

const streamParameters = (streams: readonly StreamChange["after"][]) => [
  streams.map(({ unit }) => unit),
  streams.map(({ store }) => store),
  streams.map(({ version }) => version),
  streams.map(({ ledger }) => tailOf(ledger)[0]),
  streams.map(({ ledger }) => tailOf(ledger)[1]),
  streams.map(({ duplicates }) => duplicates),
  streams.map(({ rejected }) => rejected),
  streams.map(({ firstHeard }) => Math.round(firstHeard)),
  streams.map(({ lastHeard }) => Math.round(lastHeard)),
];

/** Writes the ledgers. Returns false if another recorder has changed one of them. */
const writeStreams = async (client: pg.Client, streams: readonly StreamChange[]): Promise<boolean> => {
  // In one order, so that two recorders cannot wait for each other.
  const ordered = streams
    .map(({ after }) => after)
    .toSorted((a, b) => (a.unit + a.store < b.unit + b.store ? -1 : 1));
  const known = new Set(streams.filter(({ before }) => before).map(({ after }) => after));
  const [older, newer] = [ordered.filter((one) => known.has(one)), ordered.filter((one) => !known.has(one))];
  for (const [sql, name, rows] of [
    [SQL.streams, "streams", older],
    [SQL.newStreams, "newStreams", newer],
  ] as const) {
    if (rows.length === 0) continue;
    // oxlint-disable-next-line no-await-in-loop -- one transaction
    const { rowCount } = await client.query({ name, text: sql, values: streamParameters(rows) });
    if (rowCount !== rows.length) return false;
  }
  return true;
};

const writeRuns = async (client: pg.Client, streams: readonly StreamChange[]): Promise<void> => {
  const gone: { unit: string; store: string; kind: string; from: number }[] = [];
  const written: { unit: string; store: string; kind: string; from: number; to: number }[] = [];
  for (const change of streams) {
    const { unit, store } = change.after;
    const rows = rowsOf(change);
    for (const row of rows.gone) gone.push({ unit, store, ...row });
    for (const row of rows.written) written.push({ unit, store, ...row });
  }
  const key = (rows: typeof gone) => [
    rows.map(({ unit }) => unit),
    rows.map(({ store }) => store),
    rows.map(({ kind }) => kind),
    rows.map(({ from }) => from),
  ];
  if (gone.length > 0) await client.query({ name: "noRuns", text: SQL.noRuns, values: key(gone) });
  if (written.length > 0)
    await client.query({
      name: "runs",
      text: SQL.runs,
      values: [...key(written), written.map(({ to }) => to)],
    });
};

const writeReports = async (client: pg.Client, accepted: readonly Accepted[], at: number): Promise<void> => {
  const reports = accepted.map(({ report }) => report);
  if (reports.length > 0)
    await client.query({
      name: "reports",
      text: SQL.reports,
      values: [
        reports.map(({ unit }) => unit),
        reports.map(({ store }) => store),
        reports.map(({ seq }) => seq),
        reports.map(({ boot }) => boot),
        reports.map(({ kind }) => kind),
        reports.map((report) => report.at),
        reports.map(({ clock }) => clock),
        reports.map(({ mono }) => mono),
        reports.map(({ live }) => live),
        reports.map(({ data }) => data),
        reports.map(({ extra }) => extra ?? null),
        at,
      ],
    });
  for (const { report, meaning } of accepted) {
    if (meaning.kind !== "clock") continue;
    const { boot, mono, at: then } = meaning.correction;
    const values = [report.unit, report.store, boot, report.seq, mono, then];
    // oxlint-disable-next-line no-await-in-loop -- rare, and one transaction
    await client.query({ name: "clocks", text: SQL.clocks, values });
  }
};

const writeCopies = async (client: pg.Client, copies: readonly Accepted[]): Promise<void> => {
  for (const { report, meaning } of copies) {
    if (meaning.kind !== "emergency") continue;
    const values = [report.unit, report.store, report.seq, report.data, meaning.shortened];
    // oxlint-disable-next-line no-await-in-loop -- rare, and one transaction
    await client.query({ name: "copy", text: SQL.copy, values });
  }
};

const writeRejected = async (client: pg.Client, { rejected, at }: Commit): Promise<void> => {
  if (rejected.length === 0) return;
  const rows = rejected.map(keptOf);
  await client.query({
    name: "rejected",
    text: SQL.rejected,
    values: [
      at,
      rows.map(({ topic }) => topic),
      rows.map(({ reason }) => reason),
      rows.map(({ bytes }) => bytes),
      rows.map(({ size }) => size),
    ],
  });
  await client.query(SQL.fewerRejected);
};

/** Writes everything within an open transaction. Resolves with false if it must be rolled back. */
export const writeCommit = async (client: pg.Client, commit: Commit): Promise<boolean> => {
  if (!(await writeStreams(client, commit.streams))) return false;
  await writeRuns(client, commit.streams);
  await writeReports(client, commit.reports, commit.at);
  await writeCopies(client, commit.copies);
  await writeRejected(client, commit);
  return true;
};
