import type { DatabaseSync } from "node:sqlite";
import { rowsOf, tailOf } from "../rows.ts";
import type { Accepted } from "../report.ts";
import { keptOf, REJECTED_KEPT, type Commit, type Outcome, type StreamChange } from "../store.ts";

/** Thrown inside a transaction to roll it back. */
class Conflict extends Error {}

/** The statements of a commit. */
export class Writer {
  readonly #db: DatabaseSync;
  readonly #report;
  readonly #copy;
  readonly #newStream;
  readonly #stream;
  readonly #run;
  readonly #noRun;
  readonly #clock;
  readonly #rejected;
  readonly #fewer;

  constructor(db: DatabaseSync) {
    this.#db = db;
    this.#report = db.prepare(
      `INSERT INTO report (unit, store, seq, boot, kind, at_ms, clock, mono, live, data, extra, stored_ms)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#copy = db.prepare(
      `UPDATE report SET data = ? WHERE unit = ? AND store = ? AND seq = ? AND kind = 'emergency'
       AND json_array_length(data, '$.shortened') > ?`,
    );
    this.#newStream = db.prepare(
      `INSERT INTO stream (version, tail_lo, tail_hi, duplicates, rejected, first_ms, last_ms, unit, store)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
    );
    this.#stream = db.prepare(
      `UPDATE stream SET version = ?, tail_lo = ?, tail_hi = ?, duplicates = ?, rejected = ?, first_ms = ?,
       last_ms = ? WHERE unit = ? AND store = ? AND version = ?`,
    );
    this.#run = db.prepare(
      `INSERT INTO run (unit, store, kind, lo, hi) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (unit, store, kind, lo) DO UPDATE SET hi = excluded.hi`,
    );
    this.#noRun = db.prepare("DELETE FROM run WHERE unit = ? AND store = ? AND kind = ? AND lo = ?");
    this.#clock = db.prepare(
      `INSERT INTO clock (unit, store, boot, seq, mono, at_ms) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT (unit, store, boot) DO UPDATE SET seq = excluded.seq, mono = excluded.mono,
       at_ms = excluded.at_ms WHERE excluded.seq > clock.seq`,
    );
    this.#rejected = db.prepare(
      "INSERT INTO rejected (at_ms, topic, reason, bytes, size) VALUES (?, ?, ?, ?, ?)",
    );
    this.#fewer = db.prepare(
      `DELETE FROM rejected WHERE id <= (SELECT max(id) FROM rejected) - ${REJECTED_KEPT}`,
    );
  }

  /** Writes everything in one transaction, or nothing. Throws SQLite's errors. */
  commit(commit: Commit): Outcome {
    this.#db.exec("BEGIN IMMEDIATE");
    try {
      for (const change of commit.streams) this.#writeStream(change);
      for (const accepted of commit.reports) this.#writeReport(accepted, commit.at);
      for (const copy of commit.copies) this.#writeCopy(copy);
      for (const rejected of commit.rejected) {
        const { topic, reason, bytes, size } = keptOf(rejected);
        this.#rejected.run(commit.at, topic, reason, bytes, size);
      }
      if (commit.rejected.length > 0) this.#fewer.run();
      this.#db.exec("COMMIT");
      return { kind: "committed" };
    } catch (cause) {
      // A full disk may have rolled it back already.
      if (this.#db.isTransaction) this.#db.exec("ROLLBACK");
      if (cause instanceof Conflict) return { kind: "conflict" };
      throw cause;
    }
  }

  #writeStream(change: StreamChange): void {
    const { before, after } = change;
    const { unit, store } = after;
    const [lo, hi] = tailOf(after.ledger);
    const row = [after.version, lo, hi, after.duplicates, after.rejected] as const;
    const where = [after.firstHeard, after.lastHeard, unit, store] as const;
    const { changes } = before
      ? this.#stream.run(...row, ...where, before.version)
      : this.#newStream.run(...row, ...where);
    if (changes !== 1) throw new Conflict();
    const { written, gone } = rowsOf(change);
    for (const { kind, from } of gone) this.#noRun.run(unit, store, kind, from);
    for (const { kind, from, to } of written) this.#run.run(unit, store, kind, from, to);
  }

  #writeReport({ report, meaning }: Accepted, at: number): void {
    const { unit, store, seq, boot, kind, clock, mono, live, data, extra = null } = report;
    this.#report.run(unit, store, seq, boot, kind, report.at, clock, mono, live ? 1 : 0, data, extra, at);
    if (meaning.kind !== "clock") return;
    const { correction } = meaning;
    this.#clock.run(unit, store, correction.boot, seq, correction.mono, correction.at);
  }

  #writeCopy({ report, meaning }: Accepted): void {
    if (meaning.kind === "emergency")
      this.#copy.run(report.data, report.unit, report.store, report.seq, meaning.shortened);
  }
}
