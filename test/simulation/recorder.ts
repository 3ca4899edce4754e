import type { WireReport } from "../../src/domain/report.ts";
import { addRange, complement, type Runs } from "../../src/domain/runs.ts";
import { MISSING_MAX, type ReceiptMessage } from "../../src/domain/messages.ts";
import type { Time } from "../../src/runtime/ports.ts";
import type { Broker } from "./broker.ts";
import type { Observe } from "./facts.ts";
import type { Ledger } from "./ledger.ts";
import type { Dice } from "./random.ts";

export type RecorderOptions = {
  readonly time: Time;
  readonly dice: Dice;
  readonly observe: Observe;
  readonly brokers: readonly Broker[];
  /** Whether dispatch is connected there. */
  readonly listens: (broker: Broker) => boolean;
  readonly topic: string;
  readonly ledger: Ledger;
};

const COMMIT_MS = 250;
const RECEIPT_MS = 10_000;
const URGENT_MS = 1_000;
const BACKUP_MS = 600_000;
/** The transactions of this long are lost by a crash, if any are. */
const LAST_MS = 2_000;

/**
 * Dispatch's recorder: it commits reports, and publishes receipts for them. What it has not committed is lost
 * with it, though brokers have acknowledged it.
 */
export class Recorder {
  readonly #o: RecorderOptions;
  readonly #id: string;
  /** Stored or declared numbers of each store. */
  readonly #stores = new Map<string, Runs>();
  #committed: { readonly at: number; readonly report: WireReport }[] = [];
  #received: WireReport[] = [];
  #backups: { readonly reports: readonly WireReport[] }[] = [{ reports: [] }];
  /** The store of the newest report. */
  #current: string | undefined;
  #news = false;
  #receiptDueAt = Infinity;
  #saidAt = 0;
  away = false;
  /** Its clock is behind by so much. */
  behindMs = 0;

  constructor(options: RecorderOptions) {
    this.#o = options;
    this.#id = `recorder-${options.dice.int(1, 1_000)}`;
    options.time.every(COMMIT_MS, () => this.#commit());
    options.time.every(BACKUP_MS, () => this.#backups.push({ reports: [...options.ledger.reports] }));
  }

  /** A message of the unit. */
  receive(report: WireReport): void {
    if (this.away) return;
    this.#received.push(report);
    if (report.kind === "emergency") this.#commit();
  }

  #commit(): void {
    const { time } = this.#o;
    const now = time.mono();
    for (const report of this.#received.splice(0)) this.#store(report, now);
    this.#committed = this.#committed.filter(({ at }) => now - at < LAST_MS);
    if (!this.away && now >= this.#receiptDueAt) this.#publish();
  }

  #store(report: WireReport, at: number): void {
    const { store = "", kind } = report;
    this.#o.ledger.add(report);
    this.#committed.push({ at, report });
    this.#current = store;
    this.#account(report);
    this.#news = true;
    this.#receiptDueAt = Math.min(this.#receiptDueAt, at + (kind === "emergency" ? URGENT_MS : RECEIPT_MS));
  }

  #account({ store = "", seq, kind, data }: WireReport): void {
    const have = this.#stores.get(store) ?? [];
    this.#stores.set(store, have);
    addRange(have, seq, seq);
    if (kind !== "event" || data.type !== "gap") return;
    const kept: Runs = [];
    for (const number of data.kept ?? []) addRange(kept, number, number);
    for (const [from, to] of complement(kept, data.from, data.to)) addRange(have, from, to);
  }

  #publish(): void {
    this.#receiptDueAt = Infinity;
    if (!this.#news || this.#current === undefined) return;
    this.#news = false;
    const have = this.#stores.get(this.#current) ?? [];
    const last = have.at(-1)?.[1] ?? 0;
    const missing = complement(have, 1, last);
    const next = missing[MISSING_MAX];
    this.say({
      store: this.#current,
      upTo: next ? next[0] - 1 : last,
      missing: missing.slice(0, MISSING_MAX),
      by: this.#id,
    });
  }

  /** Publishes a receipt at every broker where dispatch is connected, retained. */
  say(receipt: Omit<ReceiptMessage, "at">): void {
    const { time, brokers, topic, listens, observe } = this.#o;
    this.#saidAt = Math.max(time.host() - this.behindMs, this.#saidAt + 1);
    const payload = Buffer.from(JSON.stringify({ ...receipt, at: new Date(this.#saidAt).toISOString() }));
    for (const broker of brokers) {
      if (broker.faults.down || !listens(broker)) continue;
      observe({ what: "receipt", broker: broker.name });
      broker.publish(topic, payload, { retain: true });
    }
  }

  /** Something that is no receipt of its own: another recorder's, or nonsense. */
  sayOther(dice: Dice): void {
    const { time, brokers, topic } = this.#o;
    // The first recorder that a unit hears is its recorder: another one would count for a day.
    if (this.#saidAt === 0) return;
    const receipt = {
      store: this.#current ?? "k3v9q0ab",
      upTo: dice.int(0, 1_000),
      missing: [],
      by: "bench",
      at: new Date(time.host()).toISOString(),
    };
    const payload = dice.pick([
      JSON.stringify(receipt),
      JSON.stringify({ ...receipt, by: this.#id, missing: [[5, 1]] }),
      JSON.stringify({ ...receipt, by: this.#id, at: "2019-01-01T00:00:00Z" }),
      JSON.stringify({ ...receipt, store: "00000000" }),
      JSON.stringify({ ...receipt, by: this.#id, missing: Array.from({ length: 5_000 }, () => [1, 1]) }),
      "{",
      "",
    ]);
    const broker = dice.pick(brokers);
    if (!broker.faults.down) broker.publish(topic, Buffer.from(payload), { retain: dice.chance(0.5) });
  }

  /** It ends and begins anew: what it had not committed is lost, and with `lastLost` its last transactions. */
  crash(lastLost: boolean): void {
    this.#received = [];
    if (!lastLost) return;
    const lost = new Set(this.#committed.map(({ report }) => keyOf(report)));
    this.#restore([...this.#o.ledger.reports].filter((report) => !lost.has(keyOf(report))));
  }

  /** Its database is restored from a backup. */
  restore(dice: Dice): void {
    this.#received = [];
    this.#restore(dice.pick(this.#backups).reports);
  }

  #restore(reports: readonly WireReport[]): void {
    const { ledger, observe } = this.#o;
    this.#committed = [];
    for (const have of this.#stores.values()) have.length = 0;
    for (const report of reports) this.#account(report);
    ledger.restore(reports);
    this.#news = true;
    for (const [store, have] of this.#stores)
      observe({ what: "restored", store, have: structuredClone(have) });
    this.#receiptDueAt = Math.min(this.#receiptDueAt, this.#o.time.mono() + RECEIPT_MS);
  }

  /** Whether it has everything that it can know of. */
  get complete(): boolean {
    const have = this.#stores.get(this.#current ?? "") ?? [];
    return have.length <= 1 && (have.length === 0 || have[0]![0] === 1);
  }
}

const keyOf = ({ store = "", seq }: WireReport): string => `${store}#${seq}`;
