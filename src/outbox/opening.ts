import { LANES, type Lane } from "../domain/pending.ts";
import { reasonOf } from "../runtime/log.ts";
import { decodeLedger, type StoredLedger } from "./ledger.ts";
import { DamageError, type Disk, type Opening, type Store } from "./port.ts";
import {
  decodeKey,
  decodeRecord,
  encodeKey,
  LEDGER_KEY,
  MEMORY_KEY,
  rangeOf,
  unseal,
  VITAL_KEY,
} from "./record.ts";
import { addRange, numbersOf, removeRange, within, type Runs } from "../domain/runs.ts";
import { unsealVital, type ReadVital } from "./vital-record.ts";

/** A store that has been opened, and what was wrong with it and done about it, a line each. */
export type Opened<T> = {
  readonly store: Store;
  /** What `take` has read of it. */
  readonly taken: T;
  /** It is as its last owner left it; else what it lacks was lost with its damage. */
  readonly whole: boolean;
  readonly news: readonly string[];
};

/** What a store holds. */
export type Scan = {
  /** Undefined if it is missing or damaged. */
  readonly ledger: StoredLedger | undefined;
  /** The copy of the vital file that versions for contract 1.0 kept. */
  readonly legacy: ReadVital | undefined;
  /** The copy of the memory, as it is stored: read only if the vital file is lost. */
  readonly copy: Buffer | undefined;
  readonly lanes: Record<Lane, Runs>;
};

/** The scan was not wanted any more. */
export class ScanAbandoned extends Error {
  readonly code = "ABANDONED";
}

/**
 * Opens the store whatever has become of it, and reads it with `take`: repaired if either finds damage,
 * set aside and begun anew if that does not help. `damaged`: it is known to be. `expected`: there was one
 * here before. Rejects with DiskError if the disk takes no write, StoreError if another process has it.
 */
export const openWhatever = async <T>(
  disk: Disk,
  state: { readonly damaged: boolean; readonly expected: boolean },
  take: (store: Store, whole: boolean) => Promise<T>,
): Promise<Opened<T>> => {
  const lost = state.expected && !(await disk.hasStore());
  const attempt = async (opening: Opening): Promise<Omit<Opened<T>, "news">> => {
    const whole = opening === "as-is" && !lost;
    const store = await disk.openStore(opening);
    try {
      return { store, whole, taken: await take(store, whole) };
    } catch (cause) {
      await store.close().catch(() => undefined); // what was thrown first says more
      throw cause;
    }
  };
  if (!state.damaged) {
    try {
      const news = lost ? [`${disk.path} is gone: a new one was begun`] : [];
      return { ...(await attempt("as-is")), news };
    } catch (cause) {
      if (!(cause instanceof DamageError)) throw cause;
    }
  }
  try {
    const news = [`${disk.path} was damaged: what could be read was saved`];
    return { ...(await attempt("repair")), news };
  } catch (cause) {
    if (!(cause instanceof DamageError)) throw cause;
    const name = await disk.setAside();
    const why = `${disk.path} is damaged beyond repair (${reasonOf(cause)})`;
    const news = [`${why}: set aside as ${name}, a new one was begun`];
    return { ...(await attempt("anew")), news };
  }
};

/** Numbers at or above the lease: bits of a key may have flipped, so its record decides. */
const withoutInvented = async (store: Store, lanes: Record<Lane, Runs>, lease: number): Promise<void> => {
  for (const lane of LANES) {
    // `within` copies: the runs themselves change meanwhile.
    for (const seq of numbersOf(within(lanes[lane], lease, Number.MAX_SAFE_INTEGER))) {
      const key = encodeKey(lane, seq);
      // oxlint-disable-next-line no-await-in-loop -- few, if there are any
      const [value] = await store.getMany([key]);
      if (value && decodeRecord(key, value)) continue;
      removeRange(lanes[lane], seq, seq);
      // oxlint-disable-next-line no-await-in-loop
      await store.batch([{ type: "del", key }], { sync: false });
    }
  }
};

/** The numbers of all records that lie in these runs. */
export const numbersIn = async (store: Store, runs: Runs): Promise<Runs> => {
  const numbers: Runs = [];
  for (const [from, to] of runs)
    for (const lane of LANES)
      // oxlint-disable-next-line no-await-in-loop -- pages of one lane after another
      for await (const page of store.keys(encodeKey(lane, from), encodeKey(lane, to)))
        for (const key of page) addRange(numbers, decodeKey(key), decodeKey(key));
  return numbers;
};

/**
 * Reads the ledger and the numbers of all records, page by page. `lease`: numbers below it may have been
 * given. Rejects with ScanAbandoned once `abandoned` says so.
 */
export const scan = async (store: Store, lease: number, abandoned: () => boolean): Promise<Scan> => {
  const [sealed, kept, copy] = await store.getMany([LEDGER_KEY, VITAL_KEY, MEMORY_KEY]);
  const text = sealed && unseal(LEDGER_KEY, sealed);
  const ledger = text === undefined ? undefined : decodeLedger(text);
  const legacy = kept && unsealVital(kept);
  const lanes: Record<Lane, Runs> = { emergency: [], event: [], telemetry: [] };
  for (const lane of LANES) {
    const numbers = lanes[lane];
    // oxlint-disable-next-line no-await-in-loop -- pages of one lane after another
    for await (const page of store.keys(...rangeOf(lane))) {
      if (abandoned()) throw new ScanAbandoned("the outbox is closed");
      for (const key of page) {
        const seq = decodeKey(key);
        addRange(numbers, seq, seq);
      }
    }
  }
  await withoutInvented(store, lanes, Math.max(lease, ledger?.lease ?? 1, legacy?.lease ?? 1));
  return { ledger, legacy, copy, lanes };
};
