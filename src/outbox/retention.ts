import type { Report } from "../domain/report.ts";
import type { Lane } from "../domain/pending.ts";
import type { Disk, Store } from "./port.ts";
import { emergenciesToDrop, eventsToDrop } from "./value.ts";
import { decodeKey, decodeRecord, encodeKey, rangeOf } from "./record.ts";

/**
 * Keeps the store within its quota, and the disk from filling. Telemetry older than an hour is thinned
 * to one report of a kind in half a minute, then to one in five; when that does not do, the oldest
 * telemetry goes. Too many events: the oldest of low value go. Too many reports of emergencies: the oldest go that are
 * neither the first nor the newest of their episode. Gaps never do. Events and emergencies can fill the
 * quota. Telemetry has a small share all the same, else each report would become a gap of its own.
 */
export type Retention = {
  /** Bytes of records were handed to the store. */
  wrote(bytes: number): void;
  /** Whether to look again: every few seconds, and sooner in a flood. */
  due(nowMs: number): boolean;
  /**
   * What must go, if a look is due. `at`: UTC milliseconds; undefined if
   * not known. `pending`: how many reports wait in each lane.
   */
  excess(
    store: Store,
    nowMs: number,
    at: number | undefined,
    pending: Readonly<Record<Lane, number>>,
  ): Promise<Excess>;
  /** Gives the room of deleted records back to the disk. */
  giveBack(store: Store, excess: Excess): Promise<void>;
};

/** Numbers of a lane that must go, ascending, and the telemetry between them that stays. */
export type Excess = {
  readonly lane: Lane;
  readonly seqs: readonly number[];
  readonly kept: readonly number[];
};
export const NO_EXCESS: Excess = { lane: "telemetry", seqs: [], kept: [] };

const LOOK_MS = 5_000;
/** Room is made down to this share, so that it is not made again for each record. */
const TARGET = 0.9;
/** After this share of the quota has been written it looks, however short the time. */
const FLOOD = 0.05;
/** The share of the quota that telemetry has in any case, and what one report of it needs. */
const SHARE = 0.05;
const REPORT_BYTES = 250;
/** Room on the disk that is left to others, and the least that is kept for all that. */
const RESERVE_BYTES = 16 * 1024 * 1024;
const LEAST_BYTES = 4 * 1024 * 1024;
const PAGE = 1_000;
/** Pages that one look may read: it must not hold up what is to be written. */
const PAGES = 8;
const YOUNG_MS = 3_600_000;
/** One report of a kind in so many milliseconds stays, in the first pass and in the second. */
const THINNED_MS = [30_000, 300_000] as const;
/** Pending events; if there are more, a quarter of them goes. */
const EVENTS_MAX = 10_000;
/** Pending reports of emergencies, at most 2.4 kB each; if there are more, a quarter of them goes. */
const EMERGENCIES_MAX = 4_000;
/** Telemetry between what is to go: more is not looked at. */
const AMONG_MAX = 50_000;

/** How far a pass has come, and when the last report of each kind that it kept was made. */
type Pass = { readonly everyMs: number; upTo: number; readonly keptAt: Map<Report["kind"], number> };

/** Kept from before a press: never thinned. */
const isEvidence = (report: Report): boolean =>
  report.kind === "vehicle" && report.data.evidence !== undefined;

/** The oldest telemetry of so many bytes, at most `most` reports. */
const oldest = async (store: Store, wanted: number, most: number): Promise<number[]> => {
  const seqs: number[] = [];
  for (let left = wanted; left > 0 && seqs.length < most;) {
    // oxlint-disable-next-line no-await-in-loop -- pages of one lane, oldest first
    const page = await store.page(...rangeOf("telemetry", (seqs.at(-1) ?? 0) + 1), PAGE);
    if (page.length === 0) break;
    for (const [key, value] of page) {
      if (left <= 0 || seqs.length >= most) break;
      seqs.push(decodeKey(key));
      left -= key.length + value.length;
    }
  }
  return seqs;
};

/** Goes on with a pass until enough is found, it has come to what is young, or it has read enough. */
const thin = async (store: Store, pass: Pass, oldBefore: number, wanted: number): Promise<Excess> => {
  const seqs: number[] = [];
  const kept: number[] = [];
  let left = wanted;
  for (let page = 0; page < PAGES && left > 0; page++) {
    // oxlint-disable-next-line no-await-in-loop -- pages of one lane, oldest first
    const records = await store.page(...rangeOf("telemetry", pass.upTo + 1), PAGE);
    for (const [key, value] of records) {
      const report = decodeRecord(key, value);
      const at = report ? Date.parse(report.at) : Number.NaN;
      const timed = report !== undefined && report.clock !== "unset";
      if (timed && at >= oldBefore) return { lane: "telemetry", seqs, kept };
      pass.upTo = decodeKey(key);
      const keptAt = report && pass.keptAt.get(report.kind);
      if (timed && !isEvidence(report) && keptAt !== undefined && Math.abs(at - keptAt) < pass.everyMs) {
        seqs.push(pass.upTo);
        left -= key.length + value.length;
      } else {
        kept.push(pass.upTo);
        if (timed && !isEvidence(report)) pass.keptAt.set(report.kind, at);
      }
    }
    if (records.length < PAGE) break;
  }
  return { lane: "telemetry", seqs, kept };
};

/** The oldest reports of a lane, as far as they can be read. */
const reportsIn = async (store: Store, lane: Lane, limit: number): Promise<Report[]> => {
  const reports: Report[] = [];
  for (let after = 0; reports.length < limit;) {
    // oxlint-disable-next-line no-await-in-loop -- pages of one lane, oldest first
    const page = await store.page(...rangeOf(lane, after + 1), PAGE);
    if (page.length === 0) break;
    for (const [key, value] of page) {
      after = decodeKey(key);
      const report = decodeRecord(key, value);
      if (report) reports.push(report);
    }
  }
  return reports;
};

const oldEvents = async (store: Store): Promise<Excess> => {
  const reports = await reportsIn(store, "event", EVENTS_MAX);
  return among(store, "event", eventsToDrop(reports, EVENTS_MAX / 4));
};

/** A loop that makes and breaks without coverage makes several reports a second, each of which says more than those before. */
const oldEmergencies = async (store: Store): Promise<Excess> => {
  const reports = await reportsIn(store, "emergency", 2 * EMERGENCIES_MAX);
  return among(store, "emergency", emergenciesToDrop(reports, EMERGENCIES_MAX / 4));
};

/** These numbers, as far as the telemetry between them can be listed. */
const among = async (store: Store, lane: Lane, seqs: readonly number[]): Promise<Excess> => {
  const [first = 1] = seqs;
  const kept: number[] = [];
  const keys = store.keys(encodeKey("telemetry", first), encodeKey("telemetry", seqs.at(-1) ?? first));
  for await (const page of keys) {
    for (const key of page) kept.push(decodeKey(key));
    if (kept.length >= AMONG_MAX) break;
  }
  const end = kept.length >= AMONG_MAX ? kept.at(-1)! : Infinity;
  return { lane, seqs: seqs.filter((seq) => seq < end), kept };
};

export const createRetention = (disk: Pick<Disk, "space">, maxBytes: number): Retention => {
  let lookedAt = -Infinity;
  let written = 0;
  /** How many there were when they were last looked at: not again before there are more. */
  const seen = { emergency: 0, event: 0 };
  const passes: Pass[] = THINNED_MS.map((everyMs) => ({ everyMs, upTo: 0, keptAt: new Map() }));

  const telemetry = async (store: Store, at: number | undefined, pending: number): Promise<Excess> => {
    const bytes = await store.size();
    const limit = Math.max(LEAST_BYTES, Math.min(maxBytes, bytes + disk.space().free - RESERVE_BYTES));
    if (bytes <= limit) return NO_EXCESS;
    const share = Math.ceil((limit * SHARE) / REPORT_BYTES);
    if (pending < share) return NO_EXCESS;
    const wanted = bytes - limit * TARGET;
    for (const pass of passes) {
      if (at === undefined || pending < 2 * share) break;
      const before = pass.upTo;
      // oxlint-disable-next-line no-await-in-loop -- the second pass only if the first has nothing left
      const found = await thin(store, pass, at - YOUNG_MS, wanted);
      // Look again at once: the records were smaller on disk than they are in memory.
      if (pass.upTo > before) lookedAt = -Infinity;
      if (found.seqs.length > 0) return found;
      if (pass.upTo > before) return NO_EXCESS;
    }
    const seqs = await oldest(store, wanted, Math.min(PAGES * PAGE, pending - Math.floor(share / 2)));
    if (seqs.length > 0) lookedAt = -Infinity;
    return { lane: "telemetry", seqs, kept: [] };
  };

  /** What of a lane must go. Undefined: nothing, or nothing can. */
  const tooMany = async (
    lane: keyof typeof seen,
    { [lane]: pending }: Readonly<Record<Lane, number>>,
    max: number,
    find: () => Promise<Excess>,
  ): Promise<Excess | undefined> => {
    if (pending <= max) seen[lane] = 0;
    if (pending <= max || pending <= seen[lane] + max / 10) return undefined;
    seen[lane] = pending;
    const found = await find();
    return found.seqs.length > 0 ? found : undefined;
  };

  const due = (nowMs: number): boolean => nowMs - lookedAt >= LOOK_MS || written >= maxBytes * FLOOD;

  return {
    wrote(bytes) {
      written += bytes;
    },
    due,
    async excess(store, nowMs, at, pending) {
      if (!due(nowMs)) return NO_EXCESS;
      lookedAt = nowMs;
      written = 0;
      const found =
        (await tooMany("emergency", pending, EMERGENCIES_MAX, () => oldEmergencies(store))) ??
        (await tooMany("event", pending, EVENTS_MAX, () => oldEvents(store)));
      return found ?? telemetry(store, at, pending.telemetry);
    },
    async giveBack(store, { lane, seqs }) {
      const first = seqs[0];
      const last = seqs.at(-1);
      if (first !== undefined && last !== undefined)
        await store.compact(encodeKey(lane, first), encodeKey(lane, last));
    },
  };
};
