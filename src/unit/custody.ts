import {
  claimOf,
  clockBehindMs,
  isForsaken,
  isLive,
  isNews,
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
import { Unconfirmed, type Finding } from "../custody/unconfirmed.ts";
import type { Link } from "../dispatch/link.ts";
import type { CustodyMemory } from "../domain/memory.ts";
import type { ReceiptMessage } from "../domain/messages.ts";
import type { HealthData, Report } from "../domain/report.ts";
import type { Clock } from "../domain/time.ts";
import type { Outbox } from "../outbox/outbox.ts";
import type { Log } from "../runtime/log.ts";
import { readJson } from "../wire/read.ts";
import type { Faults } from "./faults.ts";

/** A receipt as it came, and for how long it may have waited, in milliseconds. */
type Came = { readonly value: unknown; readonly broker: string; readonly waitedMs: number };

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
type Sender = Pick<Link, "status" | "sendsAgain" | "again" | "rewind">;

/** A receipt with 100 ranges has less than 4 KiB. */
const RECEIPT_BYTES = 16_384;
/** Receipts that wait while the disk is asked about one. Further ones are not looked at: newer ones come. */
const UNREAD_MAX = 16;
/** Reports that are sent again in one message. */
const AGAIN = 250;
/** What changes with each receipt, and the silence, are remembered this often: each time costs a write. */
const REMEMBERED_MS = 60_000;
/** A second recorder that has not been heard for so long is gone. */
const SECOND_MS = 24 * 3_600_000;
/** A recorder that has not written a receipt for so long is gone. */
const LIVES_MS = 3 * 3_600_000;
/** What is forgotten may be forgotten again at once: it is read again at most so often. */
const RECALL_MS = 3_600_000;
/** A longer silence between two ticks was a standstill of the process. */
const TICK_MAX_MS = 5_000;

/** Applies dispatch's receipts: settles what they cover, and sends again what dispatch lacks. */
export class CustodyPart {
  readonly #options: CustodyOptions;
  readonly #missing = new Missing();
  readonly #unconfirmed = new Unconfirmed();
  #memory: CustodyMemory;
  /** The newest receipt of this life that counted: when it was written (UTC milliseconds), when it came, and from where. */
  #counted: { readonly at: number; readonly mono: number; readonly broker: string } | undefined;
  #newest: ReceiptMessage | undefined;
  #secondAt: number | undefined;
  /** When a receipt of a second recorder last came that was just written. */
  #secondLivedAt = -Infinity;
  #receiving: Promise<void> = Promise.resolve();
  #unread = 0;
  /** A receipt that is to be judged later: the outbox is not recovered, or see `Verdict`. */
  #early: Came | undefined;
  /** How far the recorder's clock is behind, as a receipt of this life has shown it, in milliseconds. */
  #behindMs: number | undefined;
  /** As an earlier life knew it. */
  readonly #earlierBehindMs: number;
  /** A new store is to begin. `asked`: the disk is being asked. */
  #renewal: { readonly why: string; asked: boolean } | undefined;
  #rememberedAt = -Infinity;
  #tickedAt: number;
  /** `Outbox.forgotten` when the link last read everything again, and when that was. */
  #recalled = { forgotten: 0, at: -Infinity };
  #looking = false;
  #forsaken = false;
  readonly #ignored = new Map<Ignored, number>();

  constructor(options: CustodyOptions) {
    this.#options = options;
    this.#memory = options.outbox.memory.custody;
    this.#earlierBehindMs = this.#memory.behindMs ?? 0;
    this.#tickedAt = options.clock.mono();
    void this.#keep();
  }

  get mode(): CustodyMode {
    return modeOf(this.#options.setting, this.#memory);
  }

  /** Whether what a receipt lists is still to be believed. */
  get #isReceipted(): boolean {
    return this.mode === "dispatch" || this.#memory.proven;
  }

  #keep(): Promise<void> {
    return this.#options.outbox.keep(this.mode, this.#isReceipted);
  }

  /** Whether a receipt by this broker counted so recently that its 0x10 (no matching subscribers) means nothing. */
  isHeard(broker: string): boolean {
    // With custody `broker` a report is deleted when it is acknowledged: nobody could get it again.
    if (this.mode === "broker") return false;
    return this.#counted?.broker === broker && overrides0x10(this.#receiptAgeMs);
  }

  /**
   * By its own time, because a retained one may have waited for hours; at least since it came, if dispatch's clock is
   * ahead. Undefined if the time is not known.
   */
  get #receiptAgeMs(): number | undefined {
    const { clock } = this.#options;
    const now = clock.now();
    if (!this.#counted || now.clock === "unset") return undefined;
    return Math.max(clock.mono() - this.#counted.mono, now.at - this.#counted.at);
  }

  get health(): NonNullable<HealthData["link"]["custody"]> {
    const { outbox } = this.#options;
    const { newest } = this.#memory;
    const ageMs = this.#receiptAgeMs;
    const ignored = [...this.#ignored.values()].reduce((sum, n) => sum + n, 0);
    return {
      mode: this.mode,
      ...(newest ? { by: newest.by } : {}),
      ...(newest?.store === outbox.store ? { upTo: newest.upTo } : {}),
      ...(ageMs === undefined ? {} : { receiptAgeS: Math.floor(ageMs / 1_000) }),
      unreceipted: outbox.unreceipted,
      ...(ignored > 0 ? { ignored } : {}),
    };
  }

  /** Whether the link should leave this broker, because dispatch does not get what it acknowledges. */
  isMoveDue(broker: string): boolean {
    return this.mode === "dispatch" && this.#unconfirmed.isMoveDue(broker, this.#options.clock.mono());
  }

  /** Whether brokers are judged by receipts. No receipt is looked at before the outbox is recovered. */
  get #watches(): boolean {
    return this.mode === "dispatch" && this.#options.outbox.recovered;
  }

  /** The link's broker has acknowledged reports. */
  acknowledged(reports: readonly Report[], broker: string): void {
    if (!this.#watches) return;
    this.#found(this.#unconfirmed.connected(broker, 0));
    const numbers = reports.map(({ seq }) => seq);
    this.#unconfirmed.acknowledged(numbers, this.#options.clock.mono());
  }

  /** The link has left its broker because of `isMoveDue`. */
  left(): void {
    this.#unconfirmed.left(this.#options.clock.mono());
  }

  /** Whether dispatch has stored a number of this life, as far as custody demands it. */
  covers(seq: number): boolean {
    if (this.mode === "broker") return true;
    const receipt = this.#newest;
    return (
      receipt !== undefined &&
      seq <= receipt.upTo &&
      !receipt.missing.some(([from, to]) => from <= seq && seq <= to)
    );
  }

  /**
   * A message on the unit's `receipt` topic, which may have waited for `waitedMs`. It is not waited for: a disk that hangs
   * must not keep the acknowledgements that follow.
   */
  receive(payload: Buffer, broker: string, waitedMs: number): Promise<void> {
    // One of 1 MiB must not wait as bytes.
    return this.#look({ value: readJson(payload, RECEIPT_BYTES), broker, waitedMs });
  }

  #look(came: Came): Promise<void> {
    if (this.#unread >= UNREAD_MAX) return Promise.resolve();
    this.#unread++;
    // One after the other, in the order in which they came.
    this.#receiving = this.#receiving.then(() => this.#receive(came)).finally(() => this.#unread--);
    return this.#receiving;
  }

  async #receive(came: Came): Promise<void> {
    const { clock } = this.#options;
    const early = this.#early;
    const shown = clockBehindMs(this.#memory, came.value, { now: clock.now(), waitedMs: came.waitedMs });
    this.#behindMs = shown ?? this.#behindMs;
    if (shown !== undefined) this.#take({ ...this.#memory, behindMs: shown });
    // The newer one would settle what the older one shows to be false.
    if (early && early !== came && shown !== undefined) await this.#judge(early);
    if (!this.#renewal) await this.#judge(came);
  }

  async #judge(came: Came): Promise<void> {
    const { outbox, clock } = this.#options;
    const { value, broker, waitedMs } = came;
    // What earlier lives have given is not known yet.
    this.#early = outbox.recovered ? undefined : came;
    if (this.#early) return;
    const claim = claimOf(value);
    const coveredAt = claim && (await outbox.coveredAt(claim.upTo, claim.missing));
    const judged = (): Verdict =>
      judge(this.#memory, value, {
        store: outbox.store,
        next: outbox.next,
        unsent: (upTo, missing) => outbox.unsent(upTo, missing),
        coveredAt,
        now: clock.now(),
        waitedMs,
        behindMs: this.#behindMs,
        earlierBehindMs: this.#earlierBehindMs,
      });
    let verdict = judged();
    if (verdict.kind === "jumped") {
      outbox.leap(verdict.upTo, verdict.missing);
      verdict = judged();
    }
    if (verdict.kind === "later") this.#early = came;
    if (verdict.kind === "later" || verdict.kind === "jumped") return; // it has not jumped after a leap
    if (verdict.kind === "ignored") this.#ignore(verdict, waitedMs);
    else if (verdict.kind === "renew") this.#renew(verdict);
    else this.#count(verdict, broker);
  }

  #count({ receipt, memory }: Verdict & { kind: "counts" }, broker: string): void {
    const { outbox, clock, faults, log } = this.#options;
    const { upTo, missing, by } = receipt;
    const [before, mode] = [this.#memory, this.mode];
    this.#counted = { at: Date.parse(receipt.at), mono: clock.mono(), broker };
    this.#newest = receipt;
    this.#forsaken = false;
    this.#take(memory);
    faults.clear({ part: "custody", code: "no-receipts" }, `${by} confirms what it stores`);
    if (before.newest && before.newest.by !== by) this.#onlyOne(`the receipts of ${by} count now`);
    void this.#keep();
    if (mode !== this.mode) log.info("dispatch confirms what it stores", { by });
    void outbox.receipted(upTo, missing);
    this.#missing.list(missing, clock.mono());
    this.#found(this.#unconfirmed.receipted(upTo, missing, clock.mono()));
  }

  #found(findings: readonly Finding[]): void {
    const { faults, clock } = this.#options;
    for (const finding of findings) {
      if (finding.kind === "moved") {
        // Another broker may deliver what that one did not.
        this.#missing.anew(clock.mono());
        continue;
      }
      const { broker } = finding;
      const fault = { part: "custody", code: "unconfirmed", where: broker } as const;
      if (finding.kind === "unconfirmed") faults.raise(fault, `${broker}: ${finding.why}`);
      else
        faults.clear(
          fault,
          `${broker}: dispatch has what it acknowledged, or does not get it from another broker either`,
        );
    }
  }

  /** The disk is an older copy: what it gives now was given before. */
  #renew({ memory, why }: Verdict & { kind: "renew" }): void {
    const { outbox, faults } = this.#options;
    if (this.#renewal) return;
    this.#renewal = { why: `${why}: a new store begins`, asked: false };
    faults.note({ part: "custody", code: "restored" }, this.#renewal.why);
    this.#remember(memory);
    outbox.renew();
    void this.#finishRenewal();
  }

  /** Restarts the unit once the disk has the name of the new store. Tried again until it has. */
  async #finishRenewal(): Promise<void> {
    const renewal = this.#renewal;
    if (!renewal || renewal.asked) return;
    renewal.asked = true;
    try {
      await this.#options.outbox.secure();
      this.#options.restart(renewal.why);
    } catch {
      renewal.asked = false; // reported by the outbox
    }
  }

  #ignore({ why, detail }: Verdict & { kind: "ignored" }, waitedMs: number): void {
    const { log, faults, clock } = this.#options;
    const times = (this.#ignored.get(why) ?? 0) + 1;
    this.#ignored.set(why, times);
    // A broker sends the retained one again at each connection.
    if (times === 1 && why !== "not-newer")
      log.warn("a receipt changes nothing", { part: "custody", why, detail });
    if (why !== "second-recorder") return;
    if (this.#secondAt === undefined) faults.raise({ part: "custody", code: "second-recorder" }, detail);
    this.#secondAt = clock.mono();
    if (isLive(waitedMs)) this.#secondLivedAt = clock.mono();
  }

  #remember(memory: CustodyMemory): void {
    this.#memory = memory;
    this.#rememberedAt = this.#options.clock.mono();
    this.#options.outbox.remember({ custody: memory });
  }

  /** News are written at once, the rest once a minute. */
  #take(memory: CustodyMemory): void {
    const isOld = this.#options.clock.mono() - this.#rememberedAt >= REMEMBERED_MS;
    if (isOld || isNews(this.#memory, memory)) this.#remember(memory);
    else this.#memory = memory;
  }

  /** The unit stops. */
  stop(): void {
    this.#remember(this.#memory);
  }

  #onlyOne(detail: string): void {
    this.#secondAt = undefined;
    this.#options.faults.clear({ part: "custody", code: "second-recorder" }, detail);
  }

  /** Called about once a second. */
  tick(link: Sender): void {
    const { clock } = this.#options;
    const now = clock.mono();
    const { broker } = link.status;
    if (broker !== undefined) {
      const ms = Math.min(now - this.#tickedAt, TICK_MAX_MS);
      this.#silence(link, ms);
      if (this.#watches) this.#found(this.#unconfirmed.connected(broker, ms));
    }
    this.#tickedAt = now;
    if (this.#secondAt !== undefined && now - this.#secondAt > SECOND_MS)
      this.#onlyOne("only one recorder is heard");
    this.#recall(link, now);
    if (this.#early) void this.#look({ ...this.#early, waitedMs: Infinity });
    void this.#finishRenewal();
    void this.#sendAgain(link);
  }

  /** What the outbox has forgotten is sent once more, not only on the next connection: that may be days away. */
  #recall(link: Sender, now: number): void {
    const { forgotten } = this.#options.outbox;
    if (forgotten === this.#recalled.forgotten || now - this.#recalled.at < RECALL_MS) return;
    this.#recalled = { forgotten, at: now };
    link.rewind();
  }

  #silence(link: Sender, ms: number): void {
    const { setting, faults } = this.#options;
    const { proven } = this.#memory;
    const isFollowed = this.#options.clock.mono() - this.#secondLivedAt < LIVES_MS;
    this.#take(silentFor(this.#memory, ms, isFollowed));
    if (proven !== this.#memory.proven) void this.#keep().then(() => link.rewind());
    const wasForsaken = this.#forsaken;
    this.#forsaken = isForsaken(setting, this.#memory);
    if (this.#forsaken && !wasForsaken)
      faults.raise(
        { part: "custody", code: "no-receipts" },
        "connected for 24 h without a receipt of dispatch that counts",
      );
  }

  /** Sends a page of what dispatch lacks, if it is due and nothing else waits as history. */
  async #sendAgain(link: Sender): Promise<void> {
    const { outbox, clock } = this.#options;
    const stretch = this.#missing.due(clock.mono());
    if (!stretch || this.#looking || !this.#isReceipted || !link.sendsAgain) return;
    this.#looking = true;
    try {
      const { reports, upTo } = await outbox.unstored(stretch.from, stretch.to, AGAIN);
      this.#missing.looked(stretch, upTo, clock.mono());
      this.#unconfirmed.sentAgain(reports.map(({ seq }) => seq));
      link.again(reports);
    } finally {
      this.#looking = false;
    }
  }
}
