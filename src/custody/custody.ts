import type { CustodyMemory } from "../domain/memory.ts";
import { ReceiptMessage } from "../domain/messages.ts";
import type { Instant } from "../domain/time.ts";

/**
 * Who is responsible for a report that a broker has acknowledged, and which receipts count (contract §4).
 * Pure.
 */

/** `auto`: dispatch's from the first receipt on, the broker's again after a day of connection without one. */
export type CustodySetting = "auto" | "broker" | "dispatch";
/** `broker`: a report is settled when a broker has acknowledged it. `dispatch`: when a receipt covers it. */
export type CustodyMode = "broker" | "dispatch";

const DAY_MS = 24 * 3_600_000;
/** The clocks of a recorder and of a unit may differ by this much, besides what is known (`Known.behindMs`). */
const APART_MS = 600_000;
/** Only a receipt that waited at most this long shows how far the recorder's clock is behind. */
const AT_ONCE_MS = 60_000;
/** After this long without a receipt, 0x10 counts again as what it says. */
const FRESH_MS = 600_000;

/** A life that cannot store its numbers begins at least this far above those of earlier lives. */
const JUMP_MIN = 65_536;
/** The first such life begins at this number or above. Other lives together do not reach it. */
const FAR = 2 ** 40;
/** Below it are the numbers that such lives use up in a car's life. A receipt beyond it is nonsense. */
const NUMBERS_MAX = 2 ** 52;

/** What a receipt is held against. */
export type Known = {
  readonly store: string;
  /** The next number that the store gives. */
  readonly next: number;
  /** A number that a receipt covers, and that dispatch cannot have: it was never sent. Undefined: there is none. */
  readonly unsent: (upTo: number, missing: ReceiptMessage["missing"]) => number | undefined;
  /** The time of the newest reports that it covers and that no broker has acknowledged, UTC milliseconds. */
  readonly coveredAt: number | undefined;
  readonly now: Instant;
  /** For how long the receipt may have waited, milliseconds. Infinity: nobody knows. */
  readonly waitedMs: number;
  /** How far the recorder's clock is behind, milliseconds (`clockBehindMs`). Undefined: no receipt of this life shows it. */
  readonly behindMs: number | undefined;
  /** What the last life that knew it saw. The reports and the waiting receipt may come from that life. */
  readonly earlierBehindMs: number;
};

/** Why a receipt changes nothing. */
export type Ignored = "unreadable" | "foreign-store" | "not-newer" | "second-recorder" | "renewed-today";

export type Verdict =
  /** It counts: what it covers is settled. */
  | { readonly kind: "counts"; readonly receipt: ReceiptMessage; readonly memory: CustodyMemory }
  /**
   * It claims a number that this store never gave, or never sent: the disk is an older copy, and a new store must
   * begin. `memory` counts once it has.
   */
  | { readonly kind: "renew"; readonly why: string; readonly memory: CustodyMemory }
  /**
   * An earlier life could not store its numbers and gave far higher ones. This life's must go on above them, and what
   * is `missing` is to be declared; then the receipt is to be judged again.
   */
  | { readonly kind: "jumped"; readonly upTo: number; readonly missing: ReceiptMessage["missing"] }
  /**
   * It cannot be judged yet, for one of two reasons. A life that jumped has declared all numbers up to its own, and this
   * life has given some of them again: their reports are sent first. Or the receipt was written before the reports that
   * it covers: first a receipt must show how far the recorder's clock is behind.
   */
  | { readonly kind: "later" }
  | { readonly kind: "ignored"; readonly why: Ignored; readonly detail: string };

const ignored = (why: Ignored, detail: string): Verdict => ({ kind: "ignored", why, detail });

/** The numbers that a received value is about, if it is a receipt. */
export const claimOf = (value: unknown): Pick<ReceiptMessage, "upTo" | "missing"> | undefined =>
  ReceiptMessage.safeParse(value).data;

/**
 * How far the clock of the unit's recorder is behind, if a received value shows it: one that waited no longer than
 * AT_ONCE_MS, while the time is known.
 */
export const clockBehindMs = (
  { newest }: CustodyMemory,
  value: unknown,
  { now, waitedMs }: { readonly now: Instant; readonly waitedMs: number },
): number | undefined => {
  const { data: receipt } = ReceiptMessage.safeParse(value);
  const isOurs = receipt !== undefined && (newest === undefined || newest.by === receipt.by);
  if (!isOurs || now.clock === "unset" || !isLive(waitedMs)) return undefined;
  return Math.max(0, now.at - Date.parse(receipt.at));
};

/** What a received value means. `value`: parsed JSON, or anything else. */
export const judge = (memory: CustodyMemory, value: unknown, known: Known): Verdict => {
  const { store, now } = known;
  const read = ReceiptMessage.safeParse(value);
  if (!read.success) {
    const [issue] = read.error.issues;
    return ignored("unreadable", issue ? `${issue.path.join(".")}: ${issue.message}` : "it is no object");
  }
  const receipt = read.data;
  const at = Date.parse(receipt.at);
  const { newest } = memory;
  if (receipt.store !== store) return ignored("foreign-store", `it is for store ${receipt.store}`);
  const isSecond = newest !== undefined && newest.by !== receipt.by;
  if (isSecond && !isSuccessor(memory, known))
    return ignored("second-recorder", `it is by ${receipt.by}, and the receipts of ${newest.by} count`);
  if (!isNewer(at, memory, known)) return ignored("not-newer", `it was written at ${receipt.at}`);
  if (coversUnsent(receipt, known)) return { kind: "later" };
  if (isFar(receipt.upTo, known.next))
    return { kind: "jumped", upTo: receipt.upTo, missing: receipt.missing };
  const claim = falseClaim(receipt, known);
  if (claim !== undefined) return claimsTooMuch(memory, `${receipt.by} has stored ${claim}`, now);
  if (isBefore(receipt, known)) {
    if (known.behindMs === undefined && now.clock !== "unset") return { kind: "later" };
    const early = `numbers up to ${receipt.upTo} at ${receipt.at}, before reports with such numbers were made here`;
    return claimsTooMuch(memory, `${receipt.by} has stored ${early}`, now);
  }
  const { by, upTo } = receipt;
  return {
    kind: "counts",
    receipt,
    memory: { ...memory, newest: { by, at, upTo, store }, proven: true, silentMs: 0 },
  };
};

/** Whether another recorder counts: after a day of silence, if it writes now. A broker may hold a receipt of an old one. */
const isSuccessor = ({ silentMs }: CustodyMemory, { waitedMs }: Known): boolean =>
  silentMs >= DAY_MS && isLive(waitedMs);

/** Whether a receipt was just written. `waitedMs`: for how long it may have waited. */
export const isLive = (waitedMs: number): boolean => waitedMs <= AT_ONCE_MS;

/**
 * Whether a receipt is newer than those before. After a day of silence an older one counts, too, because the recorder's clock
 * may have been wrong; but only if it was just written, because a broker may hold an old one.
 */
const isNewer = (at: number, { newest, silentMs }: CustodyMemory, { waitedMs }: Known): boolean =>
  newest === undefined || at > newest.at || (at !== newest.at && silentMs >= DAY_MS && isLive(waitedMs));

/**
 * Whether one number is so far above another that only a jump explains it. A restored card lacks fewer numbers, unless the
 * car had jumped before.
 */
const isFar = (high: number, low: number): boolean =>
  high >= FAR && high < NUMBERS_MAX && high > low + JUMP_MIN;

/**
 * Whether a receipt covers reports that this life has not sent, because a life jumped: an earlier one (then the receipt is
 * far above `next`) or this one (then `next` is far above those reports).
 */
const coversUnsent = ({ upTo, missing }: ReceiptMessage, { next, unsent }: Known): boolean => {
  const first = unsent(Math.min(upTo, next - 1), missing);
  return first !== undefined && (isFar(upTo, next) || isFar(next, first));
};

/** What a receipt claims that cannot be true of this store, whenever it was written. */
const falseClaim = ({ upTo, missing }: ReceiptMessage, { next, unsent }: Known): string | undefined => {
  if (upTo >= next) return `numbers up to ${upTo}, and the next one here is ${next}`;
  const never = unsent(upTo, missing);
  return never === undefined ? undefined : `number ${never}, which was never sent`;
};

/** Whether a receipt is older than the reports that it covers, allowing for what is known of the recorder's clock. */
const isBefore = (
  { at }: ReceiptMessage,
  { coveredAt = -Infinity, behindMs = 0, earlierBehindMs }: Known,
): boolean => coveredAt > Date.parse(at) + APART_MS + Math.max(behindMs, earlierBehindMs);

const claimsTooMuch = (memory: CustodyMemory, why: string, now: Instant): Verdict => {
  const { renewedAt } = memory;
  if (renewedAt !== undefined && Math.abs(now.at - renewedAt) < DAY_MS) return ignored("renewed-today", why);
  return { kind: "renew", why, memory: { ...memory, renewedAt: now.at } };
};

export const modeOf = (setting: CustodySetting, { proven }: CustodyMemory): CustodyMode =>
  setting !== "auto" ? setting : proven ? "dispatch" : "broker";

/** Whether dispatch has been heard recently enough that 0x10 (no matching subscribers) means nothing. */
export const overrides0x10 = (receiptAgeMs: number | undefined): boolean =>
  receiptAgeMs !== undefined && receiptAgeMs < FRESH_MS;

/**
 * The link was connected for another `ms` without a receipt that counts. `isFollowed`: a second recorder writes receipts.
 * These count after a day of silence, and what they list as missing must still be there then.
 */
export const silentFor = (memory: CustodyMemory, ms: number, isFollowed = false): CustodyMemory => {
  const silentMs = Math.min(memory.silentMs + ms, DAY_MS);
  return { ...memory, silentMs, proven: memory.proven && (silentMs < DAY_MS || isFollowed) };
};

/** Another clock of the recorder than was known. */
const MOVED_MS = 60_000;

/**
 * Whether a power cut must not take what is new: the recorder, that it counts, or its clock, by which old receipts are judged.
 * The rest changes with each receipt, and each write wears the card.
 */
export const isNews = (before: CustodyMemory, after: CustodyMemory): boolean =>
  before.newest?.by !== after.newest?.by ||
  before.proven !== after.proven ||
  (after.behindMs !== undefined && Math.abs(after.behindMs - (before.behindMs ?? Infinity)) >= MOVED_MS);

/** Whether there was no receipt for a day of connection, though there should be. */
export const isForsaken = (setting: CustodySetting, memory: CustodyMemory): boolean =>
  memory.silentMs >= DAY_MS &&
  (setting === "dispatch" || (setting === "auto" && memory.newest !== undefined));
