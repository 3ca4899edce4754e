import type { Report } from "../domain/report.ts";
import type { Outgoing } from "./outgoing.ts";

type Batch = Outgoing & { readonly kind: "history" };

const RECORDS = { min: 4, max: 1_000 };
/** The assumed size of a report within a batch, before one was measured. */
const PACKED_BYTES = 50;
/** The most batches that are being encoded or wait to be sent, before more is read for them. */
const BATCHES = 2;

/** The history of one connection: reports that are being made into batches, and batches that wait. Pure. */
export class Batches {
  #toEncode: (readonly Report[])[] = [];
  #encoding = 0;
  #ready: Batch[] = [];
  #packedBytes = PACKED_BYTES;

  /** Batches that are being made, or wait to be sent. */
  get length(): number {
    return this.#toEncode.length + this.#encoding + this.#ready.length;
  }

  /** Whether more should be read from the outbox. */
  get wanted(): boolean {
    return this.length < BATCHES;
  }

  /** How many reports make a batch of `bytes`. */
  records(bytes: number): number {
    return Math.max(RECORDS.min, Math.min(RECORDS.max, Math.floor(bytes / this.#packedBytes)));
  }

  /** Reports to be sent as one batch, if there are any. */
  add(reports: readonly Report[]): void {
    if (reports.length > 0) this.#toEncode.push(reports);
  }

  /** Reports that should be encoded now. */
  toEncode(): readonly Report[] | undefined {
    const reports = this.#toEncode.shift();
    if (reports) this.#encoding++;
    return reports;
  }

  encoded(reports: readonly Report[], payload: Buffer): void {
    this.#encoding--;
    this.#packedBytes = payload.length / reports.length;
    this.#ready.push({ kind: "history", reports, payload });
  }

  /** The batch that is sent next. */
  get first(): Batch | undefined {
    return this.#ready[0];
  }

  shift(): Batch | undefined {
    return this.#ready.shift();
  }

  /** A batch was refused as too large: it is halved, or sent again if it is a single report. */
  putBack(batch: Batch): void {
    if (batch.reports.length > 1) this.halve(batch);
    else this.#ready.unshift(batch);
  }

  /** A batch does not fit: it is sent as two, unless it is a single report. */
  halve({ reports }: Batch): void {
    if (reports.length < 2) return;
    const half = Math.ceil(reports.length / 2);
    this.#toEncode.unshift(reports.slice(0, half), reports.slice(half));
  }
}
