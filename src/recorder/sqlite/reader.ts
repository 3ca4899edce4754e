import type { DatabaseSync } from "node:sqlite";
import * as z from "zod";
import { countIn, essenceIn, NameRow, reportIn, runIn, silentIn, streamIn } from "../columns.ts";
import { CONFLICT, type Essence } from "../conflict.ts";
import type { Rejected } from "../report.ts";
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

const KeptRow = z.object({ bytes: z.instanceof(Uint8Array), size: z.int() });
const keptKey = (bytes: Uint8Array, size: number): string =>
  `${size} ${Buffer.from(bytes).toString("latin1")}`;

/** The statements that read. */
export class Reader {
  readonly #stream;
  readonly #runs;
  readonly #names;
  readonly #page;
  readonly #corrections;
  readonly #rejected;
  readonly #conflicts;
  readonly #kept;
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
    // The length is known without reading the bytes.
    this.#kept = db.prepare(
      "SELECT bytes, size FROM rejected WHERE length(bytes) IN (SELECT value FROM json_each(?))",
    );
    this.#conflicts = db.prepare(`SELECT count(*) AS n FROM rejected WHERE reason GLOB '${CONFLICT}*'`);
    this.#essence = db.prepare(
      `SELECT unit, store, seq, kind, boot, mono,
         CASE kind WHEN 'emergency' THEN CAST(data ->> '$.episode' AS TEXT) END AS episode
       FROM report WHERE unit = ? AND store = ? AND seq = ?`,
    );
  }

  stream({ unit, store }: StreamName): Stream | undefined {
    const row = this.#stream.get(unit, store);
    return row && streamIn(row, this.#runs.all(unit, store).map(runIn));
  }

  essence({ unit, store, seq }: ReportNumber): Essence | undefined {
    const row = this.#essence.get(unit, store, seq);
    return row && essenceIn(row);
  }

  names(unit: string | undefined): StreamName[] {
    return this.#names.all(unit ?? null).map((row) => NameRow.parse(row));
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
          const report = reportIn(row);
          after = report.seq;
          yield report;
        }
        if (page.length < PAGE) break;
      }
    }
  }

  corrections({ unit, store }: StreamName): number {
    return countIn(this.#corrections.get(unit, store));
  }

  silent(recorder: string): SilentUnit[] {
    return this.#silent.all(recorder).map(silentIn);
  }

  rejected(): number {
    return countIn(this.#rejected.get());
  }

  /** One scan of the table, whatever their number. */
  kept(rejected: readonly Rejected[]): ReadonlySet<Rejected> {
    const waiting = new Map<string, Rejected[]>();
    const lengths = new Set<number>();
    for (const one of rejected) {
      const { bytes, size } = keptOf(one);
      lengths.add(bytes.length);
      const key = keptKey(bytes, size);
      waiting.set(key, [...(waiting.get(key) ?? []), one]);
    }
    const found = new Set<Rejected>();
    for (const row of this.#kept.iterate(JSON.stringify([...lengths]))) {
      const { bytes, size } = KeptRow.parse(row);
      for (const one of waiting.get(keptKey(bytes, size)) ?? []) found.add(one);
    }
    return found;
  }

  conflicts(): number {
    return countIn(this.#conflicts.get());
  }
}
