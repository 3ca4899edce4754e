import {
  isForsaken,
  judge,
  modeOf,
  overrides0x10,
  silentFor,
  type CustodyMode,
  type CustodySetting,
  type Ignored,
  type Verdict,
} from "../custody/custody.ts";
import { Missing } from "../custody/missing.ts";
import type { Link } from "../dispatch/link.ts";
import type { CustodyMemory } from "../domain/memory.ts";
import type { HealthData } from "../domain/report.ts";
import type { Clock } from "../domain/time.ts";
import type { Outbox } from "../outbox/outbox.ts";
import type { Log } from "../runtime/log.ts";
import { readJson } from "../wire/read.ts";
import type { Faults } from "./faults.ts";

export type CustodyOptions = {
  readonly setting: CustodySetting;
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly faults: Faults;
  readonly log: Log;
  /** Stops the unit and starts it again. */
  readonly restart: (reason: string) => void;
};

/** What custody asks of the link. */
type Sender = Pick<Link, "status" | "sendsAgain" | "again">;

/** A receipt with 100 ranges has less than 4 KiB. */
const RECEIPT_BYTES = 16_384;
/** Reports that are sent again in one message. */
const AGAIN = 250;
/** Silence is remembered in steps, so that it costs no writes. */
const REMEMBERED_MS = 600_000;
/** A second recorder that has not been heard for so long is gone. */
const SECOND_MS = 24 * 3_600_000;
/** A longer silence between two ticks was a standstill of the process. */
const TICK_MAX_MS = 5_000;

const stepOf = ({ silentMs }: CustodyMemory): number => Math.floor(silentMs / REMEMBERED_MS);

/** Applies dispatch's receipts: settles what they cover, and sends again what dispatch lacks. */
export class CustodyPart {
  readonly #options: CustodyOptions;
  readonly #missing = new Missing();
  #memory: CustodyMemory;
  /** The newest receipt of this life that counted: when, and which broker had it. */
  #counted: { readonly at: number; readonly broker: string } | undefined;
  #secondAt: number | undefined;
  #tickedAt: number;
  #looking = false;
  #forsaken = false;
  readonly #ignored = new Map<Ignored, number>();

  constructor(options: CustodyOptions) {
    this.#options = options;
    this.#memory = options.outbox.memory.custody;
    this.#tickedAt = options.clock.mono();
    options.outbox.keep(this.mode);
  }

  get mode(): CustodyMode {
    return modeOf(this.#options.setting, this.#memory);
  }

  /** Whether a receipt by this broker counted so recently that its 0x10 (no matching subscribers) means nothing. */
  isHeard(broker: string): boolean {
    return this.#counted?.broker === broker && overrides0x10(this.#receiptAgeMs);
  }

  get #receiptAgeMs(): number | undefined {
    return this.#counted && this.#options.clock.mono() - this.#counted.at;
  }

  get health(): NonNullable<HealthData["link"]["custody"]> {
    const { newest } = this.#memory;
    const ageMs = this.#receiptAgeMs;
    const ignored = [...this.#ignored.values()].reduce((sum, n) => sum + n, 0);
    return {
      mode: this.mode,
      ...(newest ? { by: newest.by, upTo: newest.upTo } : {}),
      ...(ageMs === undefined ? {} : { receiptAgeS: Math.floor(ageMs / 1_000) }),
      unreceipted: this.#options.outbox.unreceipted,
      ...(ignored > 0 ? { ignored } : {}),
    };
  }

  /** A message on the unit's `receipt` topic. */
  receive(payload: Buffer, broker: string): void {
    const { outbox, clock, faults, setting } = this.#options;
    const known = { store: outbox.store, next: outbox.next, now: clock.now() };
    const verdict = judge(this.#memory, readJson(payload, RECEIPT_BYTES), known);
    if (verdict.kind === "ignored") this.#ignore(verdict.why, verdict.detail);
    if (verdict.kind === "renew") void this.#renew(verdict, known.next);
    // With custody `broker` nothing is settled or sent again because of a receipt.
    if (verdict.kind !== "counts") return;
    const { upTo, missing, by } = verdict.receipt;
    const before = this.mode;
    this.#remember(verdict.memory);
    this.#counted = { at: clock.mono(), broker };
    faults.clear({ part: "custody", code: "no-receipts" }, `${by} confirms what it stores`);
    if (setting === "broker") return;
    outbox.keep(this.mode);
    if (before !== this.mode) this.#options.log.info("dispatch confirms what it stores", { by });
    void outbox.receipted(upTo, missing);
    this.#missing.list(missing, clock.mono());
  }

  /** The disk is an older copy: what it gives now was given before. */
  async #renew({ memory, receipt }: Verdict & { kind: "renew" }, next: number): Promise<void> {
    const { outbox, faults, restart } = this.#options;
    const detail =
      `${receipt.by} has stored numbers up to ${receipt.upTo}, and the next one here is ${next}: ` +
      "a new store begins";
    faults.note({ part: "custody", code: "restored" }, detail);
    this.#remember(memory);
    try {
      await outbox.renew();
      restart(detail);
    } catch {
      // Reported by the outbox. The new store begins with the next life in which the disk takes it.
    }
  }

  #ignore(why: Ignored, detail: string): void {
    const { log, faults, clock } = this.#options;
    const times = (this.#ignored.get(why) ?? 0) + 1;
    this.#ignored.set(why, times);
    // A broker sends the retained one again at each connection.
    if (times === 1 && why !== "not-newer")
      log.warn("a receipt changes nothing", { part: "custody", why, detail });
    if (why !== "second-recorder") return;
    if (this.#secondAt === undefined) faults.raise({ part: "custody", code: "second-recorder" }, detail);
    this.#secondAt = clock.mono();
  }

  #remember(memory: CustodyMemory): void {
    this.#memory = memory;
    this.#options.outbox.remember({ custody: memory });
  }

  /** Called about once a second. */
  tick(link: Sender): void {
    const { clock, faults } = this.#options;
    const now = clock.mono();
    if (link.status.broker !== undefined) this.#silence(Math.min(now - this.#tickedAt, TICK_MAX_MS));
    this.#tickedAt = now;
    if (this.#secondAt !== undefined && now - this.#secondAt > SECOND_MS) {
      this.#secondAt = undefined;
      faults.clear({ part: "custody", code: "second-recorder" }, "only one recorder is heard");
    }
    void this.#sendAgain(link);
  }

  #silence(ms: number): void {
    const { setting, outbox, faults } = this.#options;
    if (setting === "broker") return;
    const before = this.#memory;
    const memory = silentFor(before, ms);
    if (stepOf(memory) !== stepOf(before) || memory.proven !== before.proven) this.#remember(memory);
    else this.#memory = memory;
    if (memory.proven !== before.proven) outbox.keep(this.mode);
    const wasForsaken = this.#forsaken;
    this.#forsaken = isForsaken(setting, memory);
    if (this.#forsaken && !wasForsaken)
      faults.raise(
        { part: "custody", code: "no-receipts" },
        "connected for 24 h without a receipt of dispatch",
      );
  }

  /** Sends a page of what dispatch lacks, if it is due and nothing else waits as history. */
  async #sendAgain(link: Sender): Promise<void> {
    const { outbox, clock } = this.#options;
    const stretch = this.#missing.due(clock.mono());
    if (!stretch || this.#looking || this.mode !== "dispatch" || !link.sendsAgain) return;
    this.#looking = true;
    try {
      const { reports, upTo } = await outbox.unstored(stretch.from, stretch.to, AGAIN);
      this.#missing.looked(stretch, upTo, clock.mono());
      link.again(reports);
    } finally {
      this.#looking = false;
    }
  }
}
