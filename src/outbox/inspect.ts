import { cpSync, existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LANES, type Lane } from "../domain/pending.ts";
import type { GapReason, Report } from "../domain/report.ts";
import { openStock } from "./opening.ts";
import { decodeKey, decodeRecord } from "./record.ts";
import { isProvisioned, readLane, StoreError, type Store } from "./store.ts";

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
  /** Episodes that were open, as their notes have them. */
  readonly openEpisodes: readonly unknown[];
  /** What was wrong with the store as a whole, a line each. */
  readonly news: readonly string[];
};

const PAGE = 500;

type Entry = { readonly seq: number; readonly report: Report | undefined; readonly lane: Lane };

async function* laneEntries(store: Store, lane: Lane): AsyncGenerator<Entry> {
  for (let after = 0; ;) {
    // oxlint-disable-next-line no-await-in-loop -- pages of one lane
    const page = await readLane(store, lane, after, PAGE);
    for (const [key, value] of page) {
      const seq = decodeKey(key);
      yield { seq, report: decodeRecord(key, value), lane };
      after = seq;
    }
    if (page.length === 0) return;
  }
}

/** Opens a copy of the store at `path`. Throws StoreError. */
export const inspectOutbox = async (path: string): Promise<Inspection> => {
  if (!existsSync(path)) throw new StoreError(`${path} is not there: is it the outbox.path of this unit?`);
  if (!statSync(path).isDirectory() || !(isProvisioned(path) || existsSync(`${path}.vital`)))
    throw new StoreError(
      `${path} is no outbox: nothing of a LevelDB is in it, and no ${path}.vital beside it`,
    );
  const folder = mkdtempSync(join(tmpdir(), "outbox-copy-"));
  const copy = join(folder, "outbox");
  const drop = () => rmSync(folder, { recursive: true, force: true });
  // Also where the reader of the pipe goes away and the process ends at once.
  process.once("exit", drop);
  const damaged: Record<Lane, number> = { emergency: 0, event: 0, telemetry: 0 };
  try {
    cpSync(path, copy, { recursive: true, filter: (source) => !source.endsWith("/LOCK") });
    if (existsSync(`${path}.vital`)) cpSync(`${path}.vital`, `${copy}.vital`);
    const beside = existsSync(`${path}.vital`);
    const { store, ledger, found, gaps, vital, news, notesLost } = await openStock(copy);
    const counted = (reason: GapReason) =>
      gaps.filter((gap) => gap.reason === reason).reduce((sum, { count }) => sum + count, 0);
    return {
      async *reports() {
        const lanes = await Promise.all(
          LANES.map(async (lane) => {
            const entries = laneEntries(store, lane);
            return { entries, head: await entries.next() };
          }),
        );
        for (;;) {
          const waiting = lanes.filter(({ head }) => !head.done);
          if (waiting.length === 0) return;
          const first = waiting.reduce((a, b) => (a.head.value!.seq < b.head.value!.seq ? a : b));
          const { report, lane } = first.head.value as Entry;
          if (report) yield report;
          else damaged[lane]++;
          // oxlint-disable-next-line no-await-in-loop -- the lanes are merged by number
          first.head = await first.entries.next();
        }
      },
      damaged,
      account: {
        boot: ledger.boot,
        next: ledger.next,
        pending: found.length,
        missing: counted("corruption"),
        leased: counted("power-cut"),
      },
      openEpisodes: Object.entries(vital.notes)
        .filter(([name]) => name.startsWith("episode:"))
        .map(([, note]) => (note as { report?: unknown }).report ?? note),
      news: [
        ...news.map((line) => line.replaceAll(copy, path)),
        ...(notesLost ? ["its notes are damaged"] : []),
        ...(beside ? [] : [`${path}.vital is not beside it: copy outbox*, not the folder alone`]),
      ],
      async [Symbol.asyncDispose]() {
        await store.close();
        process.removeListener("exit", drop);
        drop();
      },
    };
  } catch (cause) {
    drop();
    throw cause;
  }
};
