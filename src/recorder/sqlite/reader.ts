import type { DatabaseSync } from "node:sqlite";
import * as z from "zod";
import { CONFLICT, type Essence } from "../conflict.ts";
import { ledgerOf, readKind, type RunRow } from "../rows.ts";
import type { ReadReport, ReportNumber, Selection, SilentUnit, Stream, StreamName } from "../store.ts";

/** Rows as SQLite gives them. */
const StreamRow = z.object({
  unit: z.string(),
  store: z.string(),
  version: z.number(),
  tail_lo: z.number(),
  tail_hi: z.number(),
  duplicates: z.number(),
  rejected: z.number(),
  first_ms: z.number(),
  last_ms: z.number(),
});
const RunRows = z.array(z.object({ kind: z.string(), lo: z.number(), hi: z.number() }));
const ReportRow = z.object({
  unit: z.string(),
  store: z.string(),
  seq: z.number(),
  boot: z.number(),
  kind: z.string(),
  at_ms: z.number(),
  clock: z.string(),
  mono: z.number(),
  live: z.number(),
  data: z.string(),
  extra: z.string().nullable(),
  corrected_ms: z.number().nullable(),
});

const EssenceRow = z.object({
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
});

const SilentRows = z.array(
  z.object({ unit: z.string(), since_ms: z.number(), last_ms: z.number(), expected_s: z.number() }),
);

const PAGE = 1_000;

const reportOf = (row: unknown): ReadReport => {
  const { at_ms, live, extra, corrected_ms, ...rest } = ReportRow.parse(row);
  const corrected = corrected_ms ?? undefined;
  return { ...rest, at: at_ms, live: live === 1, extra: extra ?? undefined, correctedAt: corrected };
};

/** The statements that read. */
export class Reader {
  readonly #stream;
  readonly #runs;
  readonly #names;
  readonly #page;
  readonly #corrections;
  readonly #rejected;
  readonly #conflicts;
  readonly #essence;
  readonly #silent;

  constructor(db: DatabaseSync) {
    this.#stream = db.prepare("SELECT * FROM stream WHERE unit = ? AND store = ?");
    this.#runs = db.prepare("SELECT kind, lo, hi FROM run WHERE unit = ? AND store = ? ORDER BY kind, lo");
    this.#names = db.prepare(
      "SELECT unit, store FROM stream WHERE unit = coalesce(?, unit) ORDER BY unit, first_ms, store",
    );
    this.#page = db.prepare(
      `SELECT * FROM corrected WHERE unit = ? AND store = ? AND seq > ?
       AND kind IN (SELECT value FROM json_each(?))
       AND coalesce(corrected_ms, at_ms) BETWEEN ? AND ? ORDER BY seq LIMIT ${PAGE}`,
    );
    this.#corrections = db.prepare("SELECT count(*) AS n FROM clock WHERE unit = ? AND store = ?");
    this.#silent = db.prepare("SELECT * FROM silent_unit WHERE recorder = ?");
    this.#rejected = db.prepare("SELECT count(*) AS n FROM rejected");
    this.#conflicts = db.prepare(`SELECT count(*) AS n FROM rejected WHERE reason GLOB '${CONFLICT}*'`);
    this.#essence = db.prepare(
      `SELECT unit, store, seq, kind, boot, mono,
         CASE kind WHEN 'emergency' THEN CAST(data ->> '$.episode' AS TEXT) END AS episode
       FROM report WHERE unit = ? AND store = ? AND seq = ?`,
    );
  }

  stream({ unit, store }: StreamName): Stream | undefined {
    const row = this.#stream.get(unit, store);
    if (!row) return undefined;
    const { version, tail_lo, tail_hi, duplicates, rejected, first_ms, last_ms } = StreamRow.parse(row);
    const rows = RunRows.parse(this.#runs.all(unit, store)).map(({ kind, lo, hi }): RunRow => ({
      kind: readKind(kind),
      from: lo,
      to: hi,
    }));
    const ledger = ledgerOf(rows, [tail_lo, tail_hi]);
    return { unit, store, version, ledger, duplicates, rejected, firstHeard: first_ms, lastHeard: last_ms };
  }

  essence({ unit, store, seq }: ReportNumber): Essence | undefined {
    const row = this.#essence.get(unit, store, seq);
    return row && EssenceRow.parse(row);
  }

  names(unit: string | undefined): StreamName[] {
    return z.array(z.object({ unit: z.string(), store: z.string() })).parse(this.#names.all(unit ?? null));
  }

  *reports({ unit, kinds, from, to }: Selection): Generator<ReadReport> {
    for (const { store } of this.names(unit)) {
      for (let after = 0; ;) {
        const page = this.#page.all(
          unit,
          store,
          after,
          JSON.stringify(kinds),
          from ?? Number.MIN_SAFE_INTEGER,
          to ?? Number.MAX_SAFE_INTEGER,
        );
        for (const row of page) {
          const report = reportOf(row);
          after = report.seq;
          yield report;
        }
        if (page.length < PAGE) break;
      }
    }
  }

  corrections({ unit, store }: StreamName): number {
    return Number(this.#corrections.get(unit, store)?.["n"]);
  }

  silent(recorder: string): SilentUnit[] {
    return SilentRows.parse(this.#silent.all(recorder)).map((row) => ({
      unit: row.unit,
      since: row.since_ms,
      last: row.last_ms,
      expectedS: row.expected_s,
    }));
  }

  rejected(): number {
    return Number(this.#rejected.get()?.["n"]);
  }

  conflicts(): number {
    return Number(this.#conflicts.get()?.["n"]);
  }
}
