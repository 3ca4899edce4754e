import { Acknowledged } from "../custody/acknowledged.ts";
import type { CustodyMode } from "../custody/custody.ts";
import { laneOf } from "../domain/pending.ts";
import type { Report } from "../domain/report.ts";
import {
  addRange,
  countWithin,
  hasNumber,
  numbersOf,
  size,
  union,
  within,
  without,
  type Runs,
} from "../domain/runs.ts";
import type { Time } from "../runtime/ports.ts";
import { declaredBy, type Gaps } from "./gaps.ts";
import { carriedCount, pendingIn } from "./ledger.ts";
import { numbersIn } from "./opening.ts";
import type { Store } from "./port.ts";
import type { Now, Queue, Settled } from "./queue.ts";
import { decodeRecord, encodeKey } from "./record.ts";
import type { StoreAccess } from "./store-access.ts";

export type ReceiptsOptions = {
  readonly queue: Queue;
  readonly gaps: Gaps;
  readonly access: Pick<StoreAccess, "store">;
  /** Everything here is measured on its clock, as in the writer: that of the reports begins with each life. */
  readonly time: Pick<Time, "mono">;
  readonly now: () => Now;
  /** Records below this number are of an earlier store: receipts say nothing of them. */
  readonly ownFrom: number;
  /** Numbers were settled: the ledger and removals are to be written. */
  readonly settled: () => void;
  /** Resolves when the batch with them is written, or has failed. Never rejects. */
  readonly batch: () => Promise<void>;
  /** Gaps have been appended. */
  readonly declared: () => void;
  /** Records of these reports cannot be read, though the store can. */
  readonly broken: (reports: readonly Settled[]) => void;
  readonly unreadable: (store: Store, cause: unknown) => void;
};

/** Of numbers that were sent, so many runs are told apart. */
const SENT_RUNS = 1_024;
const SETTLEABLE_RUNS = 1_024;
/** So many of the newest reports show when a life was. */
const NEWEST = 32;
/** Numbers settled or looked at in one turn. */
const PAGE = 4_096;

/** The numbers of the gap events that declare some of these numbers. */
const declaringOf = (reports: readonly Report[], numbers: Runs): readonly number[] =>
  reports
    .filter((report) => declaredBy(report).some(([from, to]) => countWithin(numbers, from, to) > 0))
    .map(({ seq }) => seq);

/**
 * What acknowledgements of brokers and receipts of dispatch mean for the outbox. With custody `broker` an
 * acknowledgement settles a report; with custody `dispatch` it stays until a receipt covers it. With either, gap events
 * stay until then, if there are receipts: else what one declares would be declared by each further look.
 */
export class Receipts {
  #looks = 0;
  readonly #options: ReceiptsOptions;
  readonly #acknowledged: Acknowledged;
  #mode: CustodyMode = "broker";
  /** Dispatch sends receipts, whatever the custody. */
  #isReceipted = false;
  /** Numbers of this life that were handed to a connection. */
  #sent: Runs = [];
  /** Acknowledged numbers that may be settled without a receipt if receipts end: the highest SETTLEABLE_RUNS runs. */
  readonly #settleable: Runs = [];
  #applying: Promise<void> = Promise.resolve();

  constructor(options: ReceiptsOptions) {
    this.#options = options;
    this.#acknowledged = new Acknowledged(options.time.mono());
  }

  /** See `Outbox.keep`. */
  keep(mode: CustodyMode, isReceipted: boolean): Promise<void> {
    this.#mode = mode;
    this.#isReceipted = isReceipted;
    return mode === "dispatch" || isReceipted ? Promise.resolve() : this.#inTurn(() => this.#giveUp());
  }

  /** No receipts are expected any more. */
  async #giveUp(): Promise<void> {
    // Custody may have changed while this waited for its turn.
    if (this.#mode === "dispatch" || this.#isReceipted) return;
    const { queue, settled } = this.#options;
    await this.#settlePending(this.#carried);
    queue.carryNothing();
    settled();
  }

  /** Whether a pending report waits for a receipt, and is not read. See `#carried`. */
  waits(seq: number): boolean {
    return (
      this.#options.queue.isCarried(seq) && (this.#mode === "dispatch" || hasNumber(this.#settleable, seq))
    );
  }

  /** How many pending reports wait for a receipt. */
  get waiting(): number {
    const { ledger } = this.#options.queue;
    return this.#mode === "dispatch" ? carriedCount(ledger) : size(pendingIn(ledger, this.#carried).certain);
  }

  /**
   * Numbers that wait for a receipt, as far as they are pending. With custody `broker` only those of this life: what
   * waited in an earlier life is sent once more.
   */
  get #carried(): Runs {
    const { carried } = this.#options.queue;
    return this.#mode === "dispatch"
      ? carried
      : carried.flatMap(([from, to]) => within(this.#settleable, from, to));
  }

  /** See `Outbox.unsent`. */
  unsent(upTo: number, missing: Runs): number | undefined {
    const { queue } = this.#options;
    if (upTo < queue.first) return undefined;
    const { certain } = pendingIn(queue.ledger, without([[queue.first, upTo]], missing));
    return without(certain, union(this.#sent, queue.carried, queue.emergencies))[0]?.[0];
  }

  /** See `Outbox.coveredAt`. */
  async coveredAt(upTo: number, missing: Runs): Promise<number | undefined> {
    const { queue, access, ownFrom } = this.#options;
    const { store } = access;
    const last = Math.min(upTo, queue.first - 1);
    if (!store || last < ownFrom) return undefined;
    const { certain } = pendingIn(queue.ledger, without([[ownFrom, last]], missing));
    const newest = lastOf(without(certain, queue.carried), NEWEST);
    const times = (await this.#records(store, newest)).flatMap((report) =>
      report && report.clock !== "unset" ? [Date.parse(report.at)] : [],
    );
    return times.length === 0 ? undefined : Math.max(...times);
  }

  /** The records of these numbers; undefined where one cannot be read. */
  async #records(store: Store, numbers: readonly number[]): Promise<(Report | undefined)[]> {
    const { queue, unreadable } = this.#options;
    const keys = numbers.map((seq) => encodeKey(laneOf(queue.named(seq).kind), seq));
    try {
      const values = await store.getMany(keys);
      return values.map((value, n) => value && decodeRecord(keys[n]!, value));
    } catch (cause) {
      unreadable(store, cause);
      return [];
    }
  }

  /** See `PendingReports.sending`. */
  sending(reports: readonly Settled[]): void {
    for (const { seq } of reports) addRange(this.#sent, seq, seq);
    // Joined, more numbers count as sent: a restored card is noticed later.
    if (this.#sent.length > SENT_RUNS) this.#sent = [[this.#sent[0]![0], this.#sent.at(-1)![1]]];
  }

  /** See `PendingReports.acknowledge`. */
  acknowledge(reports: readonly Settled[], heard: boolean): void {
    const { queue, settled, time, ownFrom } = this.#options;
    const now = time.mono();
    for (const { seq } of reports) this.#acknowledged.add(seq, now);
    if (this.#mode === "broker") {
      this.#carry(
        reports.filter((report) => this.#isGap(report)),
        true,
        now,
      );
      queue.settle(reports.filter((report) => !this.#isGap(report)));
    } else {
      this.#carry(
        reports.filter(({ seq }) => seq >= ownFrom),
        heard,
        now,
      );
      // No receipt will cover those of an earlier store.
      if (heard) queue.settle(reports.filter(({ seq }) => seq < ownFrom));
    }
    settled();
  }

  /** Whether it may be a gap event of this store that waits for a receipt with custody `broker`. */
  #isGap({ seq, kind }: Settled): boolean {
    const { queue, ownFrom } = this.#options;
    if (!this.#isReceipted || kind !== "event" || seq < ownFrom) return false;
    return queue.ledger.gaps.some(([first, last]) => first <= seq && seq <= last);
  }

  /** Reports wait for a receipt from now on. */
  #carry(reports: readonly Settled[], heard: boolean, now: number): void {
    const { queue } = this.#options;
    if (heard) for (const { seq } of reports) addRange(this.#settleable, seq, seq);
    // One that is left out is sent again, which is no loss.
    this.#settleable.splice(0, Math.max(0, this.#settleable.length - SETTLEABLE_RUNS));
    queue.carry(reports, now);
  }

  /** See `Outbox.receipted`. */
  receipted(upTo: number, missing: Runs): Promise<void> {
    return this.#inTurn(() => this.#apply(upTo, missing));
  }

  /** One receipt after another. Never rejects. */
  #inTurn(what: () => Promise<void>): Promise<void> {
    this.#applying = this.#applying.then(what);
    return this.#applying;
  }

  async #apply(upTo: number, missing: Runs): Promise<void> {
    const { queue, ownFrom } = this.#options;
    // Until then it is not known which numbers earlier lives left. A later receipt covers them.
    if (queue.isRecovered) await this.#settlePending(without([[ownFrom, upTo]], missing));
  }

  /** Settles those of the numbers that are pending. */
  async #settlePending(numbers: Runs): Promise<void> {
    const { certain, sparse } = pendingIn(this.#options.queue.ledger, numbers);
    await this.#settleAll(certain);
    await this.#settleAll(await this.#stored(sparse));
  }

  /** The numbers of pending records in stretches of which only the store knows. None if it cannot be read. */
  async #stored(stretches: Runs): Promise<Runs> {
    const { queue, access, unreadable } = this.#options;
    const { store } = access;
    if (!store || stretches.length === 0) return [];
    try {
      const found = await numbersIn(store, stretches);
      return access.store === store ? without(found, settledOf(queue, found)) : [];
    } catch (cause) {
      unreadable(store, cause);
      return [];
    }
  }

  /** Settles those of the numbers that are pending, a page in a turn. */
  async #settleAll(numbers: Runs): Promise<void> {
    const { queue, settled, batch } = this.#options;
    for (const page of pagesOf(numbers)) {
      queue.settle(page.map((seq) => queue.named(seq)));
      settled();
      // oxlint-disable-next-line no-await-in-loop -- a batch of bounded size after another
      if (page.length === PAGE) await batch();
    }
  }

  /** See `Outbox.unstored`. */
  async unstored(from: number, to: number, limit: number): Promise<{ reports: Report[]; upTo: number }> {
    const { queue, gaps, access, time, now, declared } = this.#options;
    const { store } = access;
    // Without the store it is not known what is gone.
    if (!store) return { reports: [], upTo: from - 1 };
    const ripe = this.#acknowledged.ripe([[from, to]], time.mono());
    const { certain, sparse } = pendingIn(
      queue.ledger,
      ripe.flatMap(([low, high]) => within(this.#carried, low, high)),
    );
    const carried = union(certain, await this.#stored(sparse));
    const wanted = firstOf(carried, limit);
    const looked = size(carried) > limit ? wanted.at(-1)! : to;
    const lost = await this.#lost(store, within(ripe, from, looked));
    const asked = new Set([...wanted, ...this.#declaring(lost)]);
    const read = await this.#read(
      store,
      [...asked].toSorted((a, b) => a - b),
    );
    if (size(lost) > 0) {
      gaps.lost(lost, read, now());
      declared();
    }
    const again = new Set([...wanted, ...this.#lacking(declaringOf(read, lost), limit)]);
    return { reports: read.filter(({ seq }) => again.has(seq)), upTo: looked };
  }

  /** Pending events of the entries that declare some of these numbers: gap events, and others between two of them. */
  #declaring(numbers: Runs): readonly number[] {
    const { queue } = this.#options;
    const all = queue.ledger.gaps
      .filter(([, , from, to]) => countWithin(numbers, from, to) > 0)
      .flatMap(([first, last]) => queue.eventsBetween(first, last));
    if (all.length <= PAGE) return all;
    // Another page at each look.
    const begin = (this.#looks++ * PAGE) % all.length;
    return all.slice(begin, begin + PAGE);
  }

  /**
   * Those of the events that a broker acknowledged long enough ago: dispatch lacks them too. A receipt need not list them:
   * with 100 ranges it stops before them.
   */
  #lacking(events: readonly number[], limit: number): readonly number[] {
    const { queue, time } = this.#options;
    const carried: Runs = [];
    for (const seq of events) if (queue.isCarried(seq) && this.waits(seq)) addRange(carried, seq, seq);
    return firstOf(this.#acknowledged.ripe(carried, time.mono()), limit);
  }

  async #read(store: Store, numbers: readonly number[]): Promise<Report[]> {
    const { queue, access, broken, unreadable } = this.#options;
    const keys = numbers.map((seq) => encodeKey(laneOf(queue.named(seq).kind), seq));
    // Before the store is read: what is written meanwhile is found in one of the two.
    const held = numbers.map((seq) => queue.inMemory(seq));
    try {
      const values = await store.getMany(keys);
      const read = numbers
        .map((seq, n) => {
          const value = values[n];
          return { seq, report: held[n] ?? (value && decodeRecord(keys[n]!, value)) };
        })
        // Settled meanwhile, or the store is being opened anew: nothing is wrong with what is not there.
        .filter(({ seq }) => access.store === store && queue.isPending(queue.named(seq)));
      const unread = read.flatMap(({ seq, report }) => (report ? [] : [queue.named(seq)]));
      if (unread.length > 0) broken(unread);
      return read.flatMap(({ report }) => (report ? [report] : []));
    } catch (cause) {
      unreadable(store, cause);
      return [];
    }
  }

  /** Those of the numbers that are neither in memory nor in the store. */
  async #lost(store: Store, numbers: Runs): Promise<Runs> {
    const { queue, access, unreadable } = this.#options;
    const { settled, sparse } = queue.ledger;
    const lost = numbers.flatMap(([from, to]) => within(settled, from, to));
    const unknown = sparse.flatMap(([from, to]) => numbers.flatMap((run) => within([run], from, to)));
    if (unknown.length === 0) return lost;
    try {
      const there = await numbersIn(store, unknown);
      return access.store === store
        ? [...lost, ...without(unknown, there)].toSorted((a, b) => a[0] - b[0])
        : lost;
    } catch (cause) {
      unreadable(store, cause);
      return lost;
    }
  }
}

/** Those of the numbers that are settled. */
const settledOf = (queue: Queue, numbers: Runs): Runs => {
  const settled: Runs = [];
  for (const seq of numbersOf(numbers)) if (queue.isSettled(seq)) addRange(settled, seq, seq);
  return settled;
};

const lastOf = (numbers: Runs, limit: number): number[] => {
  const last: number[] = [];
  for (const [from, to] of numbers.toReversed())
    for (let seq = to; seq >= from && last.length < limit; seq--) last.push(seq);
  return last;
};

const firstOf = (numbers: Runs, limit: number): number[] => {
  const first: number[] = [];
  for (const seq of numbersOf(numbers)) {
    if (first.length === limit) break;
    first.push(seq);
  }
  return first;
};

function* pagesOf(numbers: Runs): Generator<number[]> {
  let page: number[] = [];
  for (const seq of numbersOf(numbers)) {
    page.push(seq);
    if (page.length === PAGE) {
      yield page;
      page = [];
    }
  }
  if (page.length > 0) yield page;
}
