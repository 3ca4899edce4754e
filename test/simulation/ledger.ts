import type { WireReport } from "../../src/domain/report.ts";
import type { Observe } from "./facts.ts";

/**
 * Every report that dispatch has, by (store, seq). A number that comes again must carry the same
 * content, except what the contract lets change: `live`, `attempt`, corrected times and `clock`, and
 * the fields that a `shortened` copy leaves out.
 */
export class Ledger {
  readonly #reports = new Map<string, WireReport>();
  readonly #observe: Observe;
  #duplicates = 0;

  constructor(observe: Observe) {
    this.#observe = observe;
  }

  get size(): number {
    return this.#reports.size;
  }

  get duplicates(): number {
    return this.#duplicates;
  }

  get reports(): Iterable<WireReport> {
    return this.#reports.values();
  }

  /** Only these are left: the recorder has lost others. */
  restore(reports: readonly WireReport[]): void {
    this.#reports.clear();
    for (const report of reports) this.#reports.set(`${report.store ?? ""}#${report.seq}`, report);
  }

  add(report: WireReport): void {
    const { seq, store = "" } = report;
    const key = `${store}#${seq}`;
    const known = this.#reports.get(key);
    if (known) {
      this.#duplicates++;
      const detail = difference(known, report);
      if (detail !== undefined) this.#observe({ what: "reused", store, seq, detail });
      if (isFuller(report, known)) this.#reports.set(key, report);
      return;
    }
    this.#reports.set(key, report);
    this.#observe({ what: "arrived", store, seq, kind: report.kind });
    if (report.kind !== "event" || report.data.type !== "gap") return;
    const { from, to, kept = [] } = report.data;
    this.#observe({ what: "declared", store, from, to, kept });
  }
}

const shortenedOf = (report: WireReport): readonly string[] =>
  report.kind === "emergency" ? (report.data.shortened ?? []) : [];

const isFuller = (report: WireReport, known: WireReport): boolean =>
  shortenedOf(report).length < shortenedOf(known).length;

/** The first thing in which two reports of one number differ though they must not. */
const difference = (known: WireReport, other: WireReport): string | undefined => {
  const left = new Set([...shortenedOf(known), ...shortenedOf(other), "shortened", "attempt"]);
  // What was made before the time was known is put right, by a receiver that may be wrong itself; an older
  // copy may come after it. A number that was given twice shows in the rest.
  left.add("pressedAt");
  for (const key of ["unit", "boot", "mono", "kind"] as const) {
    if (known[key] !== other[key]) return `${key}: ${known[key]}, then ${other[key]}`;
  }
  const a = content(known.data, left);
  const b = content(other.data, left);
  return a === b ? undefined : `data: ${a}, then ${b}`;
};

const content = (data: object, without: ReadonlySet<string>): string =>
  JSON.stringify(
    Object.entries(data)
      .filter(([key]) => !without.has(key))
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
