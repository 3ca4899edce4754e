import { LANES, type Lane } from "../domain/pending.ts";
import type { Report } from "../domain/report.ts";

/**
 * How far one connection has read each lane of the outbox, and what must be read again. Pure.
 *
 * While a page is being read, reports of its lane can be delivered or given back. Both are remembered
 * until the page arrives.
 */
export class Reading {
  readonly #cursor: Record<Lane, number>;
  readonly #unread = new Set<Lane>(LANES);
  /** Lanes of which a page is being read. */
  readonly #reading = new Set<Lane>();
  /** Numbers that were delivered meanwhile: the page may still contain them. */
  readonly #meanwhile: Readonly<Record<Lane, Set<number>>> = {
    emergency: new Set(),
    event: new Set(),
    telemetry: new Set(),
  };
  /** The number after which to read next, because a report was given back meanwhile. */
  readonly #rewound = new Map<Lane, number>();
  /**
   * Lanes of which everything readable is already queued or in flight. While the disk is away, the outbox
   * reads them from memory and does not advance their cursor.
   */
  readonly #onTheirWay = new Set<Lane>();

  /** No pending number is below `oldest`. */
  constructor(oldest: number) {
    const before = oldest - 1;
    this.#cursor = { emergency: before, event: before, telemetry: before };
  }

  /** Whether there is nothing to read and no page is being read. */
  get done(): boolean {
    return this.#unread.size + this.#reading.size + this.#onTheirWay.size === 0;
  }

  /** Records of a lane can be read. */
  mark(lane: Lane): void {
    this.#unread.add(lane);
  }

  /** Whether a page of the lane should be read. */
  wants(lane: Lane): boolean {
    return this.#unread.has(lane) && !this.#reading.has(lane);
  }

  /** The reading of a page begins. Returns the number after which it begins. */
  begin(lane: Lane): number {
    this.#unread.delete(lane);
    this.#reading.add(lane);
    return this.#cursor[lane];
  }

  /** A page has been read. Returns its reports that are not `underway` and were not delivered meanwhile. */
  take(
    lane: Lane,
    reports: readonly Report[],
    cursor: number,
    underway: { has(seq: number): boolean },
  ): Report[] {
    this.#reading.delete(lane);
    const gone = this.#meanwhile[lane];
    const fresh = reports.filter(({ seq }) => !underway.has(seq) && !gone.has(seq));
    gone.clear();
    if (cursor > this.#cursor[lane] || fresh.length > 0) this.#unread.add(lane);
    else if (reports.length > 0) this.#onTheirWay.add(lane);
    this.#cursor[lane] = Math.max(cursor, this.#cursor[lane]);
    const rewound = this.#rewound.get(lane);
    this.#rewound.delete(lane);
    if (rewound !== undefined) this.#rewind(lane, rewound);
    return fresh;
  }

  delivered(lane: Lane, seq: number): void {
    if (this.#reading.has(lane)) this.#meanwhile[lane].add(seq);
  }

  /** A report was not delivered and must be read again. */
  giveBack(lane: Lane, seq: number): void {
    const after = seq - 1;
    if (this.#reading.has(lane))
      this.#rewound.set(lane, Math.min(after, this.#rewound.get(lane) ?? Infinity));
    this.#rewind(lane, after);
  }

  /** An acknowledgement was received: lanes in `#onTheirWay` may have more to read. */
  progressed(): void {
    for (const lane of this.#onTheirWay) this.#unread.add(lane);
    this.#onTheirWay.clear();
  }

  #rewind(lane: Lane, after: number): void {
    this.#cursor[lane] = Math.min(this.#cursor[lane], after);
    this.#unread.add(lane);
  }
}
