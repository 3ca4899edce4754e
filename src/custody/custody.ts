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
/** After this long without a receipt, 0x10 counts again as what it says. */
const FRESH_MS = 600_000;

/** What a receipt is held against. */
export type Known = {
  readonly store: string;
  /** The next number that the store gives. */
  readonly next: number;
  readonly now: Instant;
};

/** Why a receipt changes nothing. */
export type Ignored = "unreadable" | "foreign-store" | "not-newer" | "second-recorder" | "renewed-today";

export type Verdict =
  /** It counts: what it covers is settled. */
  | { readonly kind: "counts"; readonly receipt: ReceiptMessage; readonly memory: CustodyMemory }
  /** It claims a number that this store never gave: the disk is an older copy, and a new store must begin. */
  | { readonly kind: "renew"; readonly receipt: ReceiptMessage; readonly memory: CustodyMemory }
  | { readonly kind: "ignored"; readonly why: Ignored; readonly detail: string };

const ignored = (why: Ignored, detail: string): Verdict => ({ kind: "ignored", why, detail });

/** What a received value means. `value`: parsed JSON, or anything else. */
export const judge = (memory: CustodyMemory, value: unknown, { store, next, now }: Known): Verdict => {
  const read = ReceiptMessage.safeParse(value);
  if (!read.success) {
    const [issue] = read.error.issues;
    return ignored("unreadable", issue ? `${issue.path.join(".")}: ${issue.message}` : "it is no object");
  }
  const receipt = read.data;
  const at = Date.parse(receipt.at);
  const { newest } = memory;
  if (receipt.store !== store) return ignored("foreign-store", `it is for store ${receipt.store}`);
  if (newest && newest.by !== receipt.by && memory.silentMs < DAY_MS)
    return ignored("second-recorder", `it is by ${receipt.by}, and the receipts of ${newest.by} count`);
  if (newest && at <= newest.at) return ignored("not-newer", `it was written at ${receipt.at}`);
  if (receipt.upTo >= next) return claimsTooMuch(memory, receipt, now);
  const { by, upTo } = receipt;
  return {
    kind: "counts",
    receipt,
    memory: { ...memory, newest: { by, at, upTo }, proven: true, silentMs: 0 },
  };
};

const claimsTooMuch = (memory: CustodyMemory, receipt: ReceiptMessage, now: Instant): Verdict => {
  const { renewedAt } = memory;
  if (renewedAt !== undefined && Math.abs(now.at - renewedAt) < DAY_MS)
    return ignored("renewed-today", `it claims number ${receipt.upTo}, which was never given`);
  // The store to come has no receipts yet; the numbers of this one mean nothing to it.
  return { kind: "renew", receipt, memory: { ...memory, renewedAt: now.at } };
};

export const modeOf = (setting: CustodySetting, { proven }: CustodyMemory): CustodyMode =>
  setting !== "auto" ? setting : proven ? "dispatch" : "broker";

/** Whether dispatch has been heard recently enough that 0x10 (no matching subscribers) means nothing. */
export const overrides0x10 = (receiptAgeMs: number | undefined): boolean =>
  receiptAgeMs !== undefined && receiptAgeMs < FRESH_MS;

/** The link was connected for another `ms` without a receipt. */
export const silentFor = (memory: CustodyMemory, ms: number): CustodyMemory => {
  const silentMs = Math.min(memory.silentMs + ms, DAY_MS);
  return { ...memory, silentMs, proven: memory.proven && silentMs < DAY_MS };
};

/** Whether there was no receipt for a day of connection, though there should be. */
export const isForsaken = (setting: CustodySetting, memory: CustodyMemory): boolean =>
  memory.silentMs >= DAY_MS &&
  (setting === "dispatch" || (setting === "auto" && memory.newest !== undefined));
