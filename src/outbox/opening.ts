import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statfsSync, statSync } from "node:fs";
import { open as openFile, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { ClassicLevel } from "classic-level";
import { reasonOf } from "../runtime/log.ts";
import type { Ballast } from "./ballast.ts";
import { decodeLedger, emptyLedger, unaccounted, type Gap, type Ledger } from "./ledger.ts";
import { LANES } from "../domain/pending.ts";
import { decodeKey, decodeRecord, encodeKey, LEDGER_KEY, unseal } from "./record.ts";
import {
  bytesOnDisk,
  DiskError,
  isProvisioned,
  openLevel,
  scanNumbers,
  StoreError,
  type Store,
} from "./store.ts";
import { newest, NO_VITAL, readVital, saveVital, unsealVital, VITAL_KEY, type Vital } from "./vital.ts";

/** A store, and what is known of the numbers and notes in it. */
export type Stock = {
  /** Undefined: the disk takes no write just now, because of `cause`. */
  readonly store: Store | undefined;
  readonly cause?: unknown;
  readonly ledger: Ledger;
  /** Numbers that it cannot account for. */
  readonly gaps: readonly Gap[];
  /** Nothing on the disk remembers the numbers that are used from now on. */
  readonly away: boolean;
  /** Numbers of the records that are there, sorted. */
  readonly found: readonly number[];
  readonly vital: Vital;
  /** Neither copy of the notes is whole: something may be missing from them. */
  readonly notesLost: boolean;
  /** What was wrong and what was done about it, a line each. */
  readonly news: readonly string[];
};

/** Set-aside stores are for whoever comes to look; more than these fill the card. */
const SET_ASIDE = 2;

/** Whether the disk takes a write at all. Throws DiskError: then the store is not to blame. */
export const probe = async (path: string): Promise<void> => {
  const file = join(path, "probe");
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === false)
    throw new StoreError(`${path} is not a folder: it is where the outbox should be`);
  try {
    makeFolder(path);
    await using handle = await openFile(file, "w");
    await handle.writeFile("patrol-unit");
    await handle.sync();
  } catch (cause) {
    throw new DiskError(`${path} cannot be written: ${reasonOf(cause)}`, { cause });
  } finally {
    await rm(file, { force: true }).catch(() => undefined); // told by the probe itself
  }
};

/** `mkdirSync(…, { recursive: true })` never returns where a folder cannot be made (under /proc). */
const makeFolder = (path: string): void => {
  if (existsSync(path)) return;
  makeFolder(dirname(path));
  mkdirSync(path);
};

/**
 * Where nothing on the disk says or can say which numbers were used: far beyond what a counter
 * reaches in a car's life, and at random, so that two such lives do not share any.
 */
const BEYOND = 2 ** 40;
const BLOCK = 65_536;
const BLOCKS = 2 ** 24;
export const numberBeyond = (least: number): number =>
  Math.max(least, BEYOND) + BLOCK * Math.floor(Math.random() * BLOCKS);
/** Boots are counted by hand now and then: not that far. */
const bootBeyond = (least: number): number => Math.max(least, 2 ** 20) + Math.floor(Math.random() * 2 ** 20);

type Opened = Stock & { readonly store: Store };

/** Numbers at or past the lease: a key whose bits have flipped may say anything, its record tells. */
const withoutInvented = async (store: Store, found: number[], lease: number): Promise<number[]> => {
  const beyond = found.filter((seq) => seq >= lease);
  if (beyond.length === 0) return found;
  const made = new Set<number>();
  for (const lane of LANES) {
    const keys = beyond.map((seq) => encodeKey(lane, seq));
    // oxlint-disable-next-line no-await-in-loop -- few, where there are any
    const values = await store.getMany(keys);
    for (const [n, value] of values.entries()) {
      const key = keys[n]!;
      if (value && decodeRecord(key, value)) made.add(decodeKey(key));
      // oxlint-disable-next-line no-await-in-loop
      else if (value) await store.del(key);
    }
  }
  return found.filter((seq) => seq < lease || made.has(seq));
};

/**
 * Reads ledger, notes and numbers, and holds them against each other. `whole`: the store is as its
 * last owner left it; else what it lacks was lost with its damage. `used`: there was one before.
 */
const takeStock = async (
  store: Store,
  beside: Vital | undefined,
  whole: boolean,
  used: boolean,
): Promise<Omit<Opened, "news">> => {
  const sealed = await store.get(LEDGER_KEY);
  const text = sealed && unseal(LEDGER_KEY, sealed);
  const kept = await store.get(VITAL_KEY);
  const within = kept && unsealVital(kept);
  const known = newest(beside, within);
  const vital = known ?? NO_VITAL;
  const numbers = await scanNumbers(store);
  const ledger = text === undefined ? emptyLedger() : decodeLedger(text, numbers);
  ledger.lease = Math.max(ledger.lease, vital.lease);
  const found = await withoutInvented(store, numbers, ledger.lease);
  ledger.lease = Math.max(ledger.lease, (found.at(-1) ?? 0) + 1);
  ledger.boot = Math.max(ledger.boot, vital.boot);
  // A first start that was cut before its first batch has left files, and nothing in them.
  const empty = whole && sealed === undefined && kept === undefined && numbers.length === 0;
  const lost = used && !known && text === undefined && !empty;
  if (lost) {
    // Neither says how far the numbers went: what was used is declared with all that may have been.
    ledger.lease = numberBeyond(ledger.lease);
    ledger.boot = bootBeyond(ledger.boot);
  }
  if (!whole || text === undefined) ledger.next = ledger.lease;
  const gaps = unaccounted(ledger, found);
  ledger.next = ledger.lease;
  return { store, ledger, gaps, found, vital, notesLost: used && !known && !empty, away: false };
};

/** Moves a store that cannot be read out of the way, under a name that says when. Returns that name. */
const setAside = (path: string, why: unknown): string => {
  const stamp = new Date().toISOString().replaceAll(/[:.]/g, "-");
  const name = `${path}.damaged-${stamp}`;
  try {
    renameSync(path, name);
  } catch (cause) {
    throw new DiskError(`${path} is damaged (${reasonOf(why)}) and cannot be moved: ${reasonOf(cause)}`, {
      cause,
    });
  }
  const earlier = readdirSync(dirname(path))
    .filter((one) => one.startsWith(`${basename(path)}.damaged-`))
    .toSorted();
  for (const one of earlier.slice(0, -SET_ASIDE)) rmSync(join(dirname(path), one), { recursive: true });
  return name;
};

/** What a store cannot be blamed for: permissions, a card that fails or is full, a machine at its limits. */
const SURROUNDINGS =
  /permission denied|operation not permitted|too many open files|no space left|disk quota|read-only file system|file too large|input\/output error|cannot allocate|temporarily unavailable/i;
const isDamage = (cause: unknown): boolean => !SURROUNDINGS.test(reasonOf(cause));

/** A repair writes the logs anew as tables; without room it would lose them. */
const roomForRepair = (path: string): boolean => {
  const { bavail, bsize } = statfsSync(path);
  return bavail * bsize > 2 * bytesOnDisk(path) + 1024 * 1024;
};

/**
 * Opens the store at `path`, whatever has become of it: repaired where it is damaged, set aside and
 * begun anew where that does not help. Throws DiskError where the disk takes no write, StoreError
 * where another process has it.
 */
export const openStock = async (path: string, repairFirst = false): Promise<Opened> => {
  await probe(path);
  const beside = await readVital(path);
  const used = isProvisioned(path) || beside !== undefined;
  const attempt = async (whole: boolean): Promise<Omit<Opened, "news">> => {
    const store = await openLevel(path);
    try {
      return await takeStock(store, beside, whole, used);
    } catch (cause) {
      await store.close();
      throw cause;
    }
  };
  const damaged = repairFirst || (isProvisioned(path) && !existsSync(join(path, "CURRENT")));
  const lost = !isProvisioned(path) && beside !== undefined;
  try {
    if (!damaged) {
      const stock = await attempt(!lost);
      return { ...stock, news: lost ? [`${path} is gone: a new one was begun`] : [] };
    }
  } catch (cause) {
    if (cause instanceof StoreError) throw cause;
    // Whatever else it is (permissions, a failing card, too many files), it is not what is stored.
    if (!isDamage(cause)) throw new DiskError(`${path} cannot be opened: ${reasonOf(cause)}`, { cause });
  }
  if (!roomForRepair(path)) throw new DiskError(`${path} is damaged, and there is no room to repair it`);
  try {
    await ClassicLevel.repair(path);
    return { ...(await attempt(false)), news: [`${path} was damaged: what could be read was saved`] };
  } catch (cause) {
    if (cause instanceof StoreError) throw cause;
    if (!isDamage(cause)) throw new DiskError(`${path} cannot be repaired: ${reasonOf(cause)}`, { cause });
    const name = setAside(path, cause);
    const why = `${path} is damaged beyond repair (${reasonOf(cause)}): set aside as ${name}, a new one was begun`;
    return { ...(await attempt(false)), news: [why] };
  }
};

/**
 * To begin without the store, because of `cause`: from the notes where they can be read. Where they
 * can be written (a full disk) numbers and boots go on; else they jump. Throws StoreError where
 * nothing was ever stored here.
 */
const stockWithout = async (path: string, cause: DiskError): Promise<Stock> => {
  const known = await readVital(path);
  if (!known && !isProvisioned(path)) throw new StoreError(cause.message, { cause });
  const vital = known ?? NO_VITAL;
  const kept = await saveVital(path, { ...vital, generation: vital.generation + 1 }).then(
    () => true,
    () => false,
  );
  const next = kept ? vital.lease : numberBeyond(vital.lease);
  const boot = kept ? vital.boot : bootBeyond(vital.boot);
  return {
    store: undefined,
    cause,
    ledger: { ...emptyLedger(), boot, next, lease: kept ? next : next + BLOCK },
    gaps: [],
    found: [],
    vital: kept ? { ...vital, generation: vital.generation + 1 } : vital,
    notesLost: !known,
    away: !kept,
    news: [],
  };
};

/**
 * The store at `path`, or what can be begun with where the disk takes no write. Throws StoreError
 * where another process has it, or where nothing was ever stored.
 */
export const openWhatThereIs = async (path: string, ballast: Ballast): Promise<Stock> => {
  try {
    return await openStock(path).catch((cause: unknown) => {
      // The disk may be full: with the ballast's room there is a way to empty it.
      if (!(cause instanceof DiskError) || !ballast.release()) throw cause;
      return openStock(path);
    });
  } catch (cause) {
    if (!(cause instanceof DiskError)) throw cause;
    return stockWithout(path, cause);
  }
};
