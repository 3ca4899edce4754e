import { LANES, type Lane } from "../domain/pending.ts";
import type { Report } from "../domain/report.ts";
import { Latest } from "../runtime/latest.ts";
import type { Time } from "../runtime/ports.ts";
import { within } from "../runtime/wait.ts";
import type { Disk, Store } from "./port.ts";
import type { Queue, Settled } from "./queue.ts";
import { decodeKey, decodeRecord, rangeOf } from "./record.ts";
import type { StoreAccess } from "./store-access.ts";
import { ANSWER_MS } from "./vital-file.ts";

export type ReaderOptions = {
  readonly time: Time;
  readonly disk: Pick<Disk, "space">;
  readonly queue: Queue;
  readonly access: StoreAccess;
  /** Records below this number are of an earlier store. */
  readonly renewedBelow: number;
  /** One of them is pending. It is not read under its old number. */
  readonly foreign: (report: Report) => void;
  /** A broker has acknowledged it: it waits for a receipt, and is not read. */
  readonly waits: (seq: number) => boolean;
  /** Records of these reports cannot be read, though the store can. */
  readonly broken: (reports: readonly Settled[]) => void;
  /** What can be read has changed: everything from memory, or the store again. */
  readonly changed: () => void;
  /** The store cannot be read. */
  readonly unreadable: (store: Store, cause: unknown) => void;
};

/** A disk that has not answered for so long does not keep the figures of the outbox: the last answer counts. */
const FIGURES_MS = 500;

/** Reads what is pending, from the store and from memory. */
export class Reader {
  readonly #options: ReaderOptions;
  /** See `isSilent`. */
  #silent: Store | undefined;
  /** When the oldest report that waits was made, UTC milliseconds. */
  readonly #oldestAt: Latest<number | undefined>;

  constructor(options: ReaderOptions) {
    this.#options = options;
    const ask = (): Promise<number | undefined> => this.#readOldest();
    this.#oldestAt = new Latest({ ask, time: options.time, waitMs: FIGURES_MS, freshMs: 0 });
  }

  /** See `PendingReports.read`. */
  async read(lane: Lane, after: number, limit: number): Promise<{ reports: Report[]; cursor: number }> {
    const { queue, broken } = this.#options;
    const store = this.#readable;
    // Read before the store is: what is written meanwhile is found in one of the two.
    const unwritten = lane === "telemetry" || !store ? queue.unwritten(lane, after) : [];
    const page = store ? await this.#page(store, lane, after, limit) : [];
    const whole = store !== undefined && this.#readable === store;
    const { reports, unread } = this.#decode(lane, page);
    if (unread.length > 0) broken(unread);
    const last = page.at(-1);
    const cursor = last ? decodeKey(last[0]) : after;
    const fresh = unwritten
      .filter(({ seq }) => seq > cursor && !queue.isSettled(seq) && !this.#options.waits(seq))
      .slice(0, limit - page.length);
    // Without the store it is not known what lies before: the next read begins here again.
    return { reports: [...reports, ...fresh], cursor: whole ? (fresh.at(-1)?.seq ?? cursor) : after };
  }

  #decode(lane: Lane, page: Awaited<ReturnType<Store["page"]>>): { reports: Report[]; unread: Settled[] } {
    const reports: Report[] = [];
    const unread: Settled[] = [];
    for (const [key, value] of page) {
      const seq = decodeKey(key);
      if (this.#options.queue.isSettled(seq) || this.#options.waits(seq)) continue;
      const report = decodeRecord(key, value);
      if (report && seq < this.#options.renewedBelow) this.#options.foreign(report);
      else if (report) reports.push(report);
      else unread.push({ seq, kind: lane === "telemetry" ? "position" : lane });
    }
    return { reports, unread };
  }

  /** Undefined: everything is read from memory. */
  get #readable(): Store | undefined {
    const { store } = this.#options.access;
    return store === this.#silent ? undefined : store;
  }

  /** The store leaves a read without an answer. */
  get isSilent(): boolean {
    return this.#silent !== undefined && this.#silent === this.#options.access.store;
  }

  /** A page has had no answer. The store is not read before it has one. */
  #fallSilent(store: Store, page: Promise<unknown>): void {
    const { changed } = this.#options;
    if (this.#silent === store) return;
    this.#silent = store;
    const answered = (): void => {
      if (this.#silent === store) this.#silent = undefined;
      changed();
    };
    page.then(answered, answered);
    changed();
  }

  /** A page of a lane; empty if it cannot be read: then the store is opened anew before the next batch. */
  async #page(store: Store, lane: Lane, after: number, limit: number): ReturnType<Store["page"]> {
    const page = store.page(...rangeOf(lane, after + 1), limit);
    if (!(await within(ANSWER_MS, page, this.#options.time))) {
      this.#fallSilent(store, page);
      return [];
    }
    try {
      return await page;
    } catch (cause) {
      this.#options.unreadable(store, cause);
      return [];
    }
  }

  /** See `Outbox.stats`. */
  async stats(): Promise<{ records: number; oldestAt?: number; bytes: number }> {
    const { disk, queue } = this.#options;
    const oldestAt = await this.#oldestAt.read();
    return {
      records: queue.isRecovered ? queue.pending : queue.size,
      bytes: disk.space().used,
      ...(oldestAt === undefined ? {} : { oldestAt }),
    };
  }

  async #readOldest(): Promise<number | undefined> {
    const { queue } = this.#options;
    const store = this.#readable;
    const after = queue.oldest - 1;
    const heads = store ? await Promise.all(LANES.map((lane) => this.#page(store, lane, after, 1))) : [];
    const times = heads.flat().flatMap(([key, value]) => {
      const report = decodeRecord(key, value);
      // Without a true time there is no true age.
      return report && report.clock !== "unset" ? [Date.parse(report.at)] : [];
    });
    return times.length > 0 ? Math.min(...times) : undefined;
  }
}
