import { keepable } from "../domain/text.ts";
import type { Essence } from "./conflict.ts";
import type { Ledger } from "./ledger.ts";
import type { Accepted, Rejected, StoredReport } from "./report.ts";

/** The port of dispatch's store. `test/contracts/recorder-store.ts` holds each implementation to it. */

export type StreamName = { readonly unit: string; readonly store: string };

export type ReportNumber = StreamName & { readonly seq: number };

/** The ledger of one (unit, store) as it is committed. `version`: +1 with each commit. */
export type Stream = StreamName & {
  readonly version: number;
  readonly ledger: Ledger;
  readonly duplicates: number;
  readonly rejected: number;
  /** When it was first and last heard, by the recorder's clock: UTC milliseconds. */
  readonly firstHeard: number;
  readonly lastHeard: number;
};

/** How the ledger of one (unit, store) changes with a commit. */
export type StreamChange = {
  /** Undefined: the store does not know it yet. */
  readonly before: Stream | undefined;
  readonly after: Stream;
};

/** One transaction. */
export type Commit = {
  /** UTC milliseconds. */
  readonly at: number;
  /** Numbers that are new. */
  readonly reports: readonly Accepted[];
  /** Copies of stored emergencies: each replaces a stored copy of its number that has more left out. */
  readonly copies: readonly Accepted[];
  readonly rejected: readonly Rejected[];
  /** Not stored, because their number is stored with another content. Each is in `rejected` too. */
  readonly conflicts: ReadonlySet<Accepted>;
  readonly streams: readonly StreamChange[];
};

/** `conflict`: another recorder has changed these ledgers; nothing was written. */
export type Outcome = { readonly kind: "committed" } | { readonly kind: "conflict" };

/** What a unit's silence is judged by, kept over a restart. */
export type SilentUnit = {
  readonly unit: string;
  /** UTC milliseconds. */
  readonly since: number;
  readonly last: number;
  readonly expectedS: number;
};

/** A stored report as it is read back. `correctedAt`: UTC milliseconds, from a clock correction. */
export type ReadReport = StoredReport & { readonly correctedAt: number | undefined };

/** Which reports to read, of one unit. Instants: UTC milliseconds, inclusive. */
export type Selection = {
  readonly unit: string;
  readonly kinds: readonly string[];
  readonly from?: number | undefined;
  readonly to?: number | undefined;
};

/**
 * `unavailable`: later perhaps. `refused`: it does not accept this content, so the commit must be split.
 * `unusable`: what is there is not a store of this software, or may not be used. `gone`: what was opened is not
 * there any more, so that nothing which was committed may be relied on; only opening again helps.
 */
export type StoreFault = "unavailable" | "refused" | "unusable" | "gone";

export class StoreError extends Error {
  readonly code: StoreFault;
  constructor(code: StoreFault, message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

/** All methods reject with StoreError. */
export type Store = AsyncDisposable & {
  /** Made with the database: receipts name it. */
  readonly id: string;
  /** Waits until no other recorder of this name uses the store, or until the signal fires. */
  lock(name: string, signal: AbortSignal, waiting: () => void): Promise<void>;
  /** The committed ledgers of those that are known. */
  load(names: readonly StreamName[]): Promise<readonly Stream[]>;
  /** Rejects with `gone` if what was opened is known not to be there any more. */
  verify(): Promise<void>;
  /** What is stored under each of these numbers, without those under which no report is stored. */
  find(numbers: readonly ReportNumber[]): Promise<readonly Essence[]>;
  /** Writes everything or nothing. When it resolves with `committed`, it survives a power cut. */
  commit(commit: Commit): Promise<Outcome>;
  /** Replaces the list of silent units that the recorder of this name watches. */
  saveSilent(recorder: string, units: readonly SilentUnit[]): Promise<void>;
  silent(recorder: string): Promise<readonly SilentUnit[]>;
  /** Every known (unit, store), by unit and first heard. */
  streams(unit?: string): AsyncIterable<Stream>;
  /** The reports of a unit, by store (first heard first) and number. */
  read(selection: Selection): AsyncIterable<ReadReport>;
  /** How many clock corrections a (unit, store) has. */
  corrections(name: StreamName): Promise<number>;
  /** Those of these messages whose bytes are kept as rejected already. */
  kept(rejected: readonly Rejected[]): Promise<ReadonlySet<Rejected>>;
  /** How many messages are kept as rejected. */
  rejected(): Promise<number>;
  /** How many of them have a number that is stored with another content. */
  conflicts(): Promise<number>;
};

/** The most messages that are kept as rejected. Beyond it the oldest go. */
export const REJECTED_KEPT = 20_000;
/** Of a rejected message at most so many bytes are kept. */
const REJECTED_BYTES = 64 * 1024;
const REASON_LETTERS = 500;
const TOPIC_LETTERS = 300;

const asText = (text: string, letters: number): string => keepable(text.slice(0, letters));

/** What is kept of a rejected message, in a form that every store can keep. */
export const keptOf = ({ topic, reason, bytes }: Rejected) => ({
  topic: asText(topic, TOPIC_LETTERS),
  reason: asText(reason, REASON_LETTERS),
  bytes: Buffer.from(bytes.subarray(0, REJECTED_BYTES)),
  size: bytes.length,
});
