import { NO_MEMORY, type Memory } from "../domain/memory.ts";
import type { Random, Time } from "../runtime/ports.ts";
import { within } from "../runtime/wait.ts";
import { LEASE_MAX, LEASE_MIN, REACH } from "./numbers.ts";
import { decodeCopy } from "./memory-copy.ts";
import { whileItMoves } from "./patience.ts";
import { openWhatever, scan, type Opened, type Scan } from "./opening.ts";
import { DiskError, NoAnswerError, PLACES, StoreError, type Disk } from "./port.ts";
import type { VitalHome } from "./vital-home.ts";
import {
  decodePlaces,
  encodeVital,
  newestOf,
  type ReadPlaces,
  type ReadVital,
  type Origin,
  type Vital,
} from "./vital-record.ts";

/** What a life begins with. Its own numbers begin at `lease`. */
export type Start = Origin & {
  readonly store: string;
  /** The name of the store before the unit was renamed. */
  readonly formerly?: string | undefined;
  /** Of the last life. */
  readonly boot: number;
  readonly connection: number;
  readonly lease: number;
  /** Of the newest place on disk. */
  readonly generation: number;
  readonly memory: Memory;
  /** There was an outbox here before, or traces of one. */
  readonly used: boolean;
  /** The numbers below `lease` are not of this store, for this reason: they are declared in it. */
  readonly renamed: "superseded" | "corruption" | undefined;
  /** There is a spare of the vital file. */
  readonly spare: boolean;
  /** Something of the memory may be missing. */
  readonly doubtful: boolean;
  /** All the same it has every episode of which the store has a report and that has not ended. */
  readonly coversStore: boolean;
  /** The newest memory may be lost: it covers a store only if the ledger of that store knows of no newer one. */
  readonly torn: boolean;
  /** See `Vital`: the last life ended before it had opened the store. */
  readonly unproven?: number | undefined;
  /** See `Vital`. */
  readonly ended?: readonly string[] | undefined;
  /** What was wrong, a line each. */
  readonly news: readonly string[];
  /** The store, if it had to be opened to know all this. */
  readonly opened?: Opened<Scan>;
};

const NAME_LETTERS = 8;
const LETTERS = "0123456789abcdefghijklmnopqrstuvwxyz";
/** A new name for a store. */
export const storeName = (random: Random): string =>
  Array.from({ length: NAME_LETTERS }, () => LETTERS[Math.floor(random() * LETTERS.length)]!).join("");

/**
 * If nothing on the disk says or can say which numbers were used: far beyond what a counter reaches in
 * a car's life, and at random, so that two such lives do not share any.
 */
const BEYOND = 2 ** 40;
const BLOCKS = 2 ** 24;
/** From there on shorter: a card that stalls once a minute must not use up the numbers below 2^53 in a car's life. */
const BLOCKS_BEYOND = 2 ** 17;
export const numberBeyond = (least: number, random: Random): number =>
  Math.max(least, BEYOND) + LEASE_MAX * Math.floor(random() * (least < BEYOND ? BLOCKS : BLOCKS_BEYOND));
/** Boots are compared by people now and then: not that far. */
const BOOT_BEYOND = 2 ** 20;
const bootBeyond = (least: number, random: Random): number =>
  Math.max(least, BOOT_BEYOND) + Math.floor(random() * BOOT_BEYOND);

/** The vital file is lost: it may have been ahead of the ledger by a lease. */
const SKIPPED_NUMBERS = 2 * LEASE_MAX;
/** One place is damaged, so the newest write may be lost. Each write holds the count so far: only a few can be missing. */
const SKIPPED_CONNECTIONS = 16;
/** It may have been written so often since the last batch. If it can be read again, it must not be the newest. */
const SKIPPED_GENERATIONS = 65_536;
/** Lives that may have written the vital file and never the store. */
const SKIPPED_BOOTS = 16;

/** What is known without the files themselves. */
type Begun = Omit<Start, "spare">;

const fromVital = (vital: ReadVital & { readonly store: string }, damaged: boolean): Begun => ({
  store: vital.store,
  formerly: vital.formerly,
  renewedBelow: vital.renewedBelow,
  ownFrom: vital.ownFrom,
  boot: vital.boot + (damaged ? 1 : 0),
  connection: vital.connection + (damaged ? SKIPPED_CONNECTIONS : 0),
  lease: damaged ? vital.reach : vital.lease,
  // With the other place damaged, the next write must go there.
  generation: vital.generation,
  memory: vital.memory,
  used: true,
  renamed: undefined,
  // A write that a power cut has torn is no loss, but it looks the same.
  doubtful: damaged || vital.unread.length > 0,
  coversStore: vital.unread.length === 0,
  torn: damaged,
  unproven: vital.unproven,
  ended: vital.ended,
  news: [
    ...vital.unread,
    ...(damaged ? ["one of the two places of the vital file is damaged: the other one is used"] : []),
  ],
});

const fresh = (random: Random): Begun => ({
  store: storeName(random),
  boot: 0,
  connection: 0,
  lease: 1,
  generation: 0,
  memory: NO_MEMORY,
  used: false,
  renamed: undefined,
  doubtful: false,
  coversStore: true,
  torn: false,
  news: [],
});

/** The generation that the next write counts from, so that it goes to the other place than the file's newest. */
const generationAfter = (file: ReadVital | undefined, copy: ReadVital | undefined): number => {
  const newest = Math.max(file?.generation ?? 0, copy?.generation ?? 0);
  const same = file !== undefined && (newest + 1) % PLACES === file.generation % PLACES;
  return same ? newest + 1 : newest;
};

const VITAL_LOST = "the vital file is lost: what was kept of open emergencies is gone";
const VITAL_COPIED = "the vital file is lost: the copy of the memory in the store is used";

/** From the store and from what an older version has left: the newer of the two memories counts. */
const fromStore = (file: ReadVital | undefined, opened: Opened<Scan>, random: Random): Begun => {
  const { ledger, legacy, lanes } = opened.taken;
  // A ledger with a name is of this version: what an older one has left beside it is out of date.
  const legacyCopy = ledger?.store === undefined ? legacy : undefined;
  const known = newestOf(file, legacyCopy);
  const last = Math.max(0, ...Object.values(lanes).map((runs) => runs.at(-1)?.[1] ?? 0));
  const least = Math.max(known?.lease ?? 1, ledger?.lease ?? 1, last + 1);
  const boot = Math.max(known?.boot ?? 0, ledger?.boot ?? 0);
  // A first start that was cut before its first batch has left files, and nothing in them.
  if (!known && !ledger && last === 0 && opened.whole) return { ...fresh(random), used: true, opened };
  const lost = !known && !ledger;
  const copy = known || opened.taken.copy === undefined ? undefined : decodeCopy(opened.taken.copy);
  const memory = known ?? copy;
  const lease = lost ? numberBeyond(least, random) : least + (known ? 0 : SKIPPED_NUMBERS);
  return {
    store: ledger?.store ?? storeName(random),
    // With a new name everything that is there is of another store.
    renewedBelow: ledger?.renewedBelow,
    ownFrom: ledger?.store === undefined ? lease : ledger.ownFrom,
    boot: lost ? bootBeyond(boot, random) : boot + (known ? 0 : SKIPPED_BOOTS),
    connection: known?.connection ?? 0,
    lease,
    generation: known ? generationAfter(file, legacyCopy) : (ledger?.generation ?? 0) + SKIPPED_GENERATIONS,
    memory: memory?.memory ?? NO_MEMORY,
    used: true,
    renamed: lost ? "corruption" : ledger?.store === undefined ? "superseded" : undefined,
    doubtful: !known || known.unread.length > 0,
    // A batch holds the memory as it stood with its records.
    coversStore: memory !== undefined && memory.unread.length === 0 && (known !== undefined || opened.whole),
    torn: false,
    news: [...opened.news, ...(memory?.unread ?? []), ...(known ? [] : [copy ? VITAL_COPIED : VITAL_LOST])],
    opened,
  };
};

/** Without the store, which cannot be opened: what the vital file says, if anything. */
const fromRemains = (file: ReadVital | undefined, random: Random): Begun => {
  const basis = fresh(random);
  if (!file) {
    const lease = numberBeyond(1, random);
    return {
      ...basis,
      boot: bootBeyond(0, random),
      lease,
      ownFrom: lease,
      used: true,
      renamed: "corruption",
      doubtful: true,
      coversStore: false,
      news: [VITAL_LOST],
    };
  }
  const { boot, connection, lease, generation, memory, unread } = file;
  return {
    ...basis,
    boot,
    connection,
    lease,
    ownFrom: lease,
    generation,
    memory,
    used: true,
    renamed: "superseded",
    doubtful: unread.length > 0,
    coversStore: unread.length === 0,
    news: unread,
  };
};

/** The board is served only after it: it is not waited for longer than this if it makes no progress. */
const STORE_MS = 5_000;

const openAndScan = (disk: Disk, lease: number, progress: () => void): Promise<Opened<Scan>> =>
  openWhatever(disk, { damaged: false, expected: true }, (store) =>
    scan(store, lease, () => {
      progress();
      return false;
    }),
  );

/**
 * Reads the vital file. Only if it is lost, or of an older version, and a store exists, it opens and
 * reads that as well. Rejects with StoreError if another process has the store.
 */
export const begin = async (
  disk: Disk,
  { random, time }: { readonly random: Random; readonly time: Time },
): Promise<Start> => {
  const places = await disk.readVital();
  const spare = places.slice(PLACES).some((bytes) => bytes !== undefined);
  return { ...(await beginWith(disk, decodePlaces(places), { random, time })), spare };
};

const beginWith = async (
  disk: Disk,
  { newest, damaged }: ReadPlaces,
  { random, time }: { readonly random: Random; readonly time: Time },
): Promise<Begun> => {
  if (newest?.store !== undefined) return fromVital({ ...newest, store: newest.store }, damaged);
  if (!(await disk.hasStore())) return newest ? fromRemains(newest, random) : fresh(random);
  let opening: Promise<Opened<Scan>> | undefined;
  try {
    const opened = await whileItMoves({ time, what: disk.path, ms: STORE_MS }, (progress) => {
      opening = openAndScan(disk, newest?.lease ?? 1, progress);
      return opening;
    });
    return fromStore(newest, opened, random);
  } catch (cause) {
    if (!(cause instanceof DiskError)) throw cause;
    // Opened too late it is closed, so that it can be opened again.
    if (cause instanceof NoAnswerError)
      opening?.then(
        ({ store }) => store.close(),
        () => undefined,
      );
    return fromRemains(newest, random);
  }
};

/** A life that has begun. */
export type Life = {
  /** As it stands; its generation is that of the newest on disk. */
  readonly vital: Vital;
  /** The boot in the reports of this life: far above that of `vital` if that could not be stored. */
  readonly boot: number;
  /**
   * The boot in `state`. If it could not be stored, that of the last life: the next one to be stored must be above
   * all that dispatch has seen.
   */
  readonly counted: number;
  /** The first number of this life. */
  readonly first: number;
  /** Why nothing remembers the numbers of this life; undefined if the vital file does. */
  readonly away: unknown;
  /** The write of the first lease, if it has not ended. */
  readonly underWay: Promise<void> | undefined;
};

/** The board is served after the first lease: a press waits for it. */
const FIRST_LEASE_MS = 3_000;

/** Waits for a write. Rejects with NoAnswerError if it has not ended in time. */
const inTime = async (disk: Disk, writing: Promise<void>, time: Time): Promise<void> => {
  if (await within(FIRST_LEASE_MS, writing, time)) return writing;
  throw new NoAnswerError(`${disk.path}.vital`, FIRST_LEASE_MS);
};

/** See `Vital`. A life that ends before it has opened the store must not look like one that knows all of it. */
const unprovenOf = ({ coversStore, torn, generation, unproven }: Start): number | undefined => {
  if (!coversStore) return 0;
  return unproven ?? (torn ? generation + 1 : undefined);
};

/**
 * Counts the boot and takes the first lease, synced. If the disk refuses or does not answer, boot and numbers
 * jump to where no other life's are. Rejects with StoreError if nothing was ever stored here, and cannot be.
 */
export const takeLease = async (
  disk: Disk,
  start: Start,
  { home, random, time }: { readonly home: VitalHome; readonly random: Random; readonly time: Time },
): Promise<Life> => {
  const { store, formerly, ownFrom, connection, generation, memory, ended } = start;
  const renewedBelow = start.renewedBelow === 0 ? start.lease : start.renewedBelow;
  const unproven = unprovenOf(start);
  const origin = { renewedBelow, ownFrom };
  const of = { ...origin, generation, store, formerly, unproven, ended, connection, memory };
  const lease = start.lease + LEASE_MIN;
  const vital: Vital = { ...of, boot: start.boot + 1, lease, reach: lease + REACH * LEASE_MIN };
  const write = (): Promise<void> => {
    const { place, bytes } = encodeVital({ ...vital, generation: generation + 1 });
    return home.write(place, bytes);
  };
  let writing: Promise<void> | undefined;
  try {
    writing = write().catch((cause: unknown) => {
      // The file does not exist, and the disk is full.
      if (!(cause instanceof DiskError) || !disk.releaseBallast()) throw cause;
      return write();
    });
    // Nothing was ever stored here: the file is made, which takes longer, and there are no numbers to go on from.
    await (start.used ? inTime(disk, writing, time) : writing);
    const taken = { ...vital, generation: generation + 1 };
    return {
      vital: taken,
      boot: taken.boot,
      counted: taken.boot,
      first: start.lease,
      away: undefined,
      underWay: undefined,
    };
  } catch (cause) {
    if (!start.used) throw new StoreError(cause instanceof Error ? cause.message : String(cause), { cause });
    const first = numberBeyond(start.lease, random);
    const boot = bootBeyond(start.boot, random) + 1;
    const underWay = cause instanceof NoAnswerError ? writing : undefined;
    const away = { ...of, boot: vital.boot, lease: first, reach: first };
    return { vital: away, boot, counted: Math.max(1, start.boot), first, away: cause, underWay };
  }
};
