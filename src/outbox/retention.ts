import { statfsSync } from "node:fs";
import type { Report } from "../domain/report.ts";
import { liveBytes, readLane, type Store } from "./store.ts";
import { decodeKey, decodeRecord, encodeKey } from "./record.ts";

/**
 * Keeps the store within its quota, and the disk from filling. Positions older than an hour are
 * thinned to one in half a minute, then to one in five; when that does not do, the oldest telemetry
 * goes. Emergencies and events never do. What goes is handed out to be declared and deleted; then
 * the room is really given back.
 */
export type Retention = {
  /** Bytes of records were handed to the store. */
  wrote(bytes: number): void;
  /** Looks every few seconds, and sooner in a flood. `at`: UTC milliseconds; undefined: not known. */
  excess(store: Store, nowMs: number, at: number | undefined): Promise<Excess>;
  /** After they were deleted. */
  giveBack(store: Store, excess: Excess): Promise<void>;
};

/** Numbers that are to go, rising; `thinned`: others between them stay. */
export type Excess = { readonly seqs: readonly number[]; readonly thinned: boolean };
export const NO_EXCESS: Excess = { seqs: [], thinned: false };

const LOOK_MS = 5_000;
/** Room is made down to this share, so that it is not made again for each record. */
const TARGET = 0.9;
/** After writing this share of the quota it is looked at, however short the time. */
const FLOOD = 0.05;
/** Room on the disk that is left to others, and the least that is kept for all that. */
const RESERVE_BYTES = 16 * 1024 * 1024;
const LEAST_BYTES = 4 * 1024 * 1024;
const PAGE = 1_000;
/** Pages that one look may read: it must not hold up what is to be written. */
const PAGES = 8;
const YOUNG_MS = 3_600_000;
/** One position in so many milliseconds stays, in the first pass and in the second. */
const THINNED_MS = [30_000, 300_000] as const;

/** How far a pass has come, and when the last position that it kept was made. */
type Pass = { readonly everyMs: number; upTo: number; keptAt: number };

const limitOf = (path: string, maxBytes: number, bytes: number): number => {
  const { bavail, bsize } = statfsSync(path);
  return Math.max(LEAST_BYTES, Math.min(maxBytes, bytes + bavail * bsize - RESERVE_BYTES));
};

const isThinnable = (report: Report | undefined): report is Report =>
  report?.kind === "position" && report.clock !== "unset";

const oldest = async (store: Store, wanted: number): Promise<number[]> => {
  const seqs: number[] = [];
  for (let left = wanted; left > 0;) {
    // oxlint-disable-next-line no-await-in-loop -- pages of one lane, oldest first
    const page = await readLane(store, "telemetry", seqs.at(-1) ?? 0, PAGE);
    if (page.length === 0) break;
    for (const [key, value] of page) {
      if (left <= 0) break;
      seqs.push(decodeKey(key));
      left -= key.length + value.length;
    }
  }
  return seqs;
};

export const createRetention = (path: string, maxBytes: number): Retention => {
  let lookedAt = -Infinity;
  let written = 0;
  const passes: Pass[] = THINNED_MS.map((everyMs) => ({ everyMs, upTo: 0, keptAt: -Infinity }));

  /** Goes on with a pass until enough is found, it has come to what is young, or it has read enough. */
  const thin = async (store: Store, pass: Pass, oldBefore: number, wanted: number): Promise<number[]> => {
    const seqs: number[] = [];
    let left = wanted;
    for (let page = 0; page < PAGES && left > 0; page++) {
      // oxlint-disable-next-line no-await-in-loop -- pages of one lane, oldest first
      const records = await readLane(store, "telemetry", pass.upTo, PAGE);
      for (const [key, value] of records) {
        const report = decodeRecord(key, value);
        const at = report ? Date.parse(report.at) : Number.NaN;
        if (report && report.clock !== "unset" && at >= oldBefore) return seqs;
        pass.upTo = decodeKey(key);
        if (!isThinnable(report)) continue;
        if (Math.abs(at - pass.keptAt) >= pass.everyMs) pass.keptAt = at;
        else {
          seqs.push(pass.upTo);
          left -= key.length + value.length;
        }
      }
      if (records.length < PAGE) break;
    }
    return seqs;
  };

  return {
    wrote(bytes) {
      written += bytes;
    },
    async excess(store, nowMs, at) {
      if (nowMs - lookedAt < LOOK_MS && written < maxBytes * FLOOD) return NO_EXCESS;
      lookedAt = nowMs;
      written = 0;
      const bytes = await liveBytes(store);
      const limit = limitOf(path, maxBytes, bytes);
      if (bytes <= limit) return NO_EXCESS;
      const wanted = bytes - limit * TARGET;
      for (const pass of at === undefined ? [] : passes) {
        const before = pass.upTo;
        // oxlint-disable-next-line no-await-in-loop -- the second pass only where the first has nothing left
        const seqs = await thin(store, pass, at! - YOUNG_MS, wanted);
        // Looked at again at once: the records were smaller on disk than they are in memory.
        if (seqs.length > 0 || pass.upTo > before) lookedAt = -Infinity;
        if (seqs.length > 0) return { seqs, thinned: true };
        if (pass.upTo > before) return NO_EXCESS;
      }
      const seqs = await oldest(store, wanted);
      if (seqs.length > 0) lookedAt = -Infinity;
      return { seqs, thinned: false };
    },
    async giveBack(store, { seqs }) {
      const first = seqs[0];
      const last = seqs.at(-1);
      if (first !== undefined && last !== undefined)
        await store.compactRange(encodeKey("telemetry", first), encodeKey("telemetry", last));
    },
  };
};
