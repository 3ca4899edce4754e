import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Memory } from "../domain/memory.ts";
import { LANES, type Lane } from "../domain/pending.ts";
import type { EmergencyUpdate, GapReason, Report } from "../domain/report.ts";
import { openDisk } from "./disk.ts";
import { openWhatever, scan, type Scan } from "./opening.ts";
import { isLocked } from "./lock.ts";
import { decodeCopy } from "./memory-copy.ts";
import { StoreError, type Store } from "./port.ts";
import { decodeKey, decodeRecord, rangeOf } from "./record.ts";
import { begunAt, recover, type Gap } from "./recovery.ts";
import { size } from "../domain/runs.ts";
import { decodePlaces, newestOf, type ReadVital } from "./vital-record.ts";
import { spareFileOf, vitalFileOf } from "./vital.ts";

/** A look into the outbox of a stopped unit, or into the copy of one from a wreck. The files are not touched. */
export type Inspection = AsyncDisposable & {
  /** Every record that is whole, by number; what is damaged is passed over and counted. */
  reports(): AsyncIterable<Report>;
  /** Damaged records met so far, by lane. */
  readonly damaged: Readonly<Record<Lane, number>>;
  /** What the outbox says of itself, and how many numbers it cannot account for. */
  readonly account: {
    readonly boot: number;
    readonly next: number;
    readonly pending: number;
    readonly missing: number;
    /** Numbers that were set aside to be used, by a unit that was killed or still runs. */
    readonly leased: number;
  };
  /** A service runs on it: the copy was made while files were written, so what it lacks may be there. */
  readonly inUse: boolean;
  /** What the unit remembers. Undefined: the vital file is lost, and the store has no copy. */
  readonly memory: Memory | undefined;
  /** The reports of the episodes that were open. */
  readonly openEpisodes: readonly EmergencyUpdate[];
  /** What was wrong with the store as a whole, a line each. */
  readonly news: readonly string[];
};

const PAGE = 500;

type Entry = { readonly seq: number; readonly report: Report | undefined; readonly lane: Lane };

async function* laneEntries(store: Store, lane: Lane): AsyncGenerator<Entry> {
  for (let after = 0; ;) {
    // oxlint-disable-next-line no-await-in-loop -- pages of one lane
    const page = await store.page(...rangeOf(lane, after + 1), PAGE);
    for (const [key, value] of page) {
      const seq = decodeKey(key);
      yield { seq, report: decodeRecord(key, value), lane };
      after = seq;
    }
    if (page.length === 0) return;
  }
}

/** Records of all lanes, merged by number. */
async function* reportsOf(store: Store, damaged: Record<Lane, number>): AsyncGenerator<Report> {
  const lanes = await Promise.all(
    LANES.map(async (lane) => {
      const entries = laneEntries(store, lane);
      return { entries, head: await entries.next() };
    }),
  );
  for (;;) {
    let first: (typeof lanes)[number] | undefined;
    let entry: Entry | undefined;
    for (const lane of lanes) {
      if (lane.head.done || (entry && entry.seq < lane.head.value.seq)) continue;
      first = lane;
      entry = lane.head.value;
    }
    if (!first || !entry) return;
    if (entry.report) yield entry.report;
    else damaged[entry.lane]++;
    // oxlint-disable-next-line no-await-in-loop -- the lanes are merged by number
    first.head = await first.entries.next();
  }
}

const accountOf = (vital: ReadVital | undefined, taken: Scan, whole: boolean): Inspection["account"] => {
  const { ledger, lanes } = taken;
  const first = Math.max(vital?.lease ?? 1, ledger?.lease ?? 1);
  const recovered = recover(begunAt(first, ledger?.store), { ledger, lanes, whole });
  const counted = (reason: GapReason): number =>
    recovered.gaps.reduce((sum: number, gap: Gap) => sum + (gap.reason === reason ? gap.count : 0), 0);
  return {
    boot: Math.max(vital?.boot ?? 0, ledger?.boot ?? 0),
    next: recovered.ledger.next,
    pending: LANES.reduce((sum, lane) => sum + size(lanes[lane]), 0),
    missing: counted("corruption"),
    leased: counted("power-cut"),
  };
};

/** The names that LevelDB gives to the files with its data. */
const STORE_FILE = /^(\d{6,}\.(ldb|sst|log)|MANIFEST-\d{6,}|CURRENT)$/;

/** A link is none: what would be written to its copy would be written to what it names. */
const isFile = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false })?.isFile() ?? false;

/** The files of LevelDB in a folder. What else is there is foreign: it may be large, or a pipe. */
const storeFiles = (path: string): string[] =>
  readdirSync(path).filter((name) => STORE_FILE.test(name) && isFile(join(path, name)));

/** Copies the outbox at `path`; returns the path of the copy. */
const copyInto = (folder: string, path: string): string => {
  const copy = join(folder, "outbox");
  mkdirSync(copy);
  for (const name of storeFiles(path)) cpSync(join(path, name), join(copy, name));
  for (const fileOf of [vitalFileOf, spareFileOf]) {
    const file = fileOf(path);
    if (isFile(file)) cpSync(file, fileOf(copy));
  }
  return copy;
};

const expectOutbox = (path: string): void => {
  if (!existsSync(path)) throw new StoreError(`${path} is not there: is it the outbox.path of this unit?`);
  if (!statSync(path).isDirectory() || !(storeFiles(path).length > 0 || existsSync(vitalFileOf(path))))
    throw new StoreError(
      `${path} is no outbox: nothing of a LevelDB is in it, and no ${vitalFileOf(path)} beside it`,
    );
};

/** Opens a copy of the outbox at `path`. Rejects with StoreError. */
export const inspectOutbox = async (path: string): Promise<Inspection> => {
  expectOutbox(path);
  const folder = mkdtempSync(join(tmpdir(), "outbox-copy-"));
  const drop = (): void => rmSync(folder, { recursive: true, force: true });
  // Also if the reader of the pipe goes away and the process ends at once.
  process.once("exit", drop);
  const damaged: Record<Lane, number> = { emergency: 0, event: 0, telemetry: 0 };
  try {
    const before = isLocked(path);
    const copy = copyInto(folder, path);
    const inUse = before || isLocked(path);
    const beside = [vitalFileOf, spareFileOf].some((fileOf) => existsSync(fileOf(path)));
    const disk = openDisk(copy);
    const file = decodePlaces(await disk.readVital()).newest;
    const opened = await openWhatever(disk, { damaged: false, expected: true }, (store) =>
      scan(store, file?.lease ?? 1, () => false),
    );
    const { store, taken, whole, news } = opened;
    const vital = newestOf(file, taken.ledger?.store === undefined ? taken.legacy : undefined);
    const kept = vital || taken.copy === undefined ? undefined : decodeCopy(taken.copy);
    const memory = (vital ?? kept)?.memory;
    return {
      reports: () => reportsOf(store, damaged),
      damaged,
      inUse,
      account: accountOf(vital, taken, whole),
      memory,
      openEpisodes: (memory?.emergency.episodes ?? []).map(({ report }) => report),
      news: [
        ...news.map((line) => line.replaceAll(copy, path)),
        ...(vital?.unread ?? []),
        ...(vital ? [] : [kept ? "its vital file is damaged: a copy is used" : "its vital file is damaged"]),
        ...(beside ? [] : [`${path}.vital is not beside it: copy outbox*, not the folder alone`]),
      ],
      async [Symbol.asyncDispose]() {
        await store.close();
        process.removeListener("exit", drop);
        drop();
      },
    };
  } catch (cause) {
    process.removeListener("exit", drop);
    drop();
    throw cause;
  }
};
