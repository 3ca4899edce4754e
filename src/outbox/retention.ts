import { bytesOnDisk, readLane, type Store } from "./store.ts";
import { decodeKey, encodeKey } from "./record.ts";

/**
 * Keeps the store within its quota: the oldest telemetry goes first; emergencies and events never.
 * What goes is handed out to be declared and deleted; then the room is really given back.
 */
export type Retention = {
  /** Bytes of records were handed to the store. */
  wrote(bytes: number): void;
  /** Looks every few seconds, and sooner in a flood; returns the numbers that are to go, oldest first. */
  excess(store: Store, nowMs: number): Promise<number[]>;
  /** After they were deleted. */
  giveBack(store: Store, dropped: readonly number[]): Promise<void>;
};

const LOOK_MS = 5_000;
/** Room is made down to this share, so that it is not made again for each record. */
const TARGET = 0.9;
/** After writing this share of the quota it is looked at, however short the time. */
const FLOOD = 0.05;
const PAGE = 1_000;

export const createRetention = (path: string, maxBytes: number): Retention => {
  let lookedAt = -Infinity;
  let written = 0;
  return {
    wrote(bytes) {
      written += bytes;
    },
    async excess(store, nowMs) {
      if (nowMs - lookedAt < LOOK_MS && written < maxBytes * FLOOD) return [];
      lookedAt = nowMs;
      written = 0;
      const bytes = bytesOnDisk(path);
      if (bytes <= maxBytes) return [];
      let left = bytes - maxBytes * TARGET;
      const dropped: number[] = [];
      while (left > 0) {
        // oxlint-disable-next-line no-await-in-loop -- pages of one lane, oldest first
        const page = await readLane(store, "telemetry", dropped.at(-1) ?? 0, PAGE);
        if (page.length === 0) break;
        for (const [key, value] of page) {
          if (left <= 0) break;
          dropped.push(decodeKey(key));
          left -= key.length + value.length;
        }
      }
      // Looked at again at once: the records were smaller on disk than they are in memory.
      if (dropped.length > 0) lookedAt = -Infinity;
      return dropped;
    },
    async giveBack(store, dropped) {
      const last = dropped.at(-1);
      if (last !== undefined)
        await store.compactRange(encodeKey("telemetry", 0), encodeKey("telemetry", last));
    },
  };
};
