import { setTimeout as sleep } from "node:timers/promises";
import type { Draft, Report } from "../../src/domain/report.ts";
import type { Clock, Instant } from "../../src/domain/time.ts";
import type { Disk, Operation } from "../../src/outbox/port.ts";
import { decodeLedger } from "../../src/outbox/ledger.ts";
import { openDisk } from "../../src/outbox/disk.ts";
import type { Outbox } from "../../src/outbox/outbox.ts";
import { LEDGER_KEY, unseal } from "../../src/outbox/record.ts";
import { createRandom } from "../../src/demo/random.ts";
import { openTestOutbox } from "./open-outbox.ts";

/** What a drive without coverage costs. */
export type LongDrive = {
  readonly made: number;
  /** Milliseconds of one batch with one event, measured each simulated ten minutes, ascending. */
  readonly batchMs: readonly number[];
  /** Of the ledger at its largest: runs and segments, and bytes on disk. */
  readonly runs: number;
  readonly ledgerBytes: number;
  readonly heapMiB: number;
  readonly outboxMiB: number;
  /** Numbers that neither are on disk nor declared, and those that are both. */
  readonly missing: number;
  readonly both: number;
  readonly gaps: number;
  readonly kept: number;
};

const EPOCH = Date.UTC(2026, 10, 1);
const VEHICLE_HZ = 5;
const BATCH_EVERY_S = 600;
const CATCH_UP = 60;

/** Notes the largest ledger that is written. */
const watched = (disk: Disk, ledger: (text: string) => void): Disk => ({
  ...disk,
  async openStore(opening) {
    const store = await disk.openStore(opening);
    const note = (one: Operation): void => {
      if (one.type === "put" && one.key.equals(LEDGER_KEY)) ledger(unseal(LEDGER_KEY, one.value) ?? "");
    };
    return {
      ...store,
      batch(operations, options) {
        const last = operations.at(-1);
        if (last) note(last);
        return store.batch(operations, options);
      },
    };
  },
});

const EVENT: Draft = {
  kind: "event",
  data: { type: "power", what: "ignition-on" },
  at: EPOCH,
  clock: "gnss",
};

const simulatedClock = (second: () => number): Clock => ({
  mono: () => second() * 1_000,
  now: () => ({ at: EPOCH + second() * 1_000, clock: "gnss" }),
  when: (mono) => ({ at: EPOCH + mono, clock: "gnss" }),
});

/** One second of a drive. */
const readings = (instant: Instant, random: () => number): Draft[] => [
  {
    kind: "position",
    data: { lat: 45 + random() / 100, lon: 20 + random() / 100, fix: "3d", reason: "interval" },
    ...instant,
  },
  ...Array.from({ length: VEHICLE_HZ }, (): Draft => ({
    kind: "vehicle",
    data: {
      signals: {
        "Vehicle.Speed": random() * 100,
        "Vehicle.Powertrain.CombustionEngine.Speed": random() * 5_000,
      },
    },
    ...instant,
  })),
];

type Account = Pick<LongDrive, "missing" | "both" | "gaps" | "kept">;

/** Opens it again and holds what is there against what is declared. */
const accountFor = async (path: string): Promise<Account> => {
  await using outbox = await openTestOutbox(path);
  const found = new Set<number>();
  const declared = new Set<number>();
  const account = { missing: 0, both: 0, gaps: 0 };
  const take = ({ seq, kind, data }: Report): void => {
    found.add(seq);
    if (kind !== "event" || data.type !== "gap") return;
    account.gaps++;
    const kept = new Set(data.kept);
    for (let n = data.from; n <= data.to; n++) if (!kept.has(n)) declared.add(n);
  };
  for (const lane of ["event", "telemetry"] as const)
    for (let after = 0; ;) {
      const page = await outbox.read(lane, after, 5_000);
      for (const report of page.reports) take(report);
      if (page.cursor === after) break;
      after = page.cursor;
    }
  const last = outbox.append(EVENT).seq;
  for (let n = 1; n < last; n++) {
    if (!found.has(n) && !declared.has(n)) account.missing++;
    if (found.has(n) && declared.has(n)) account.both++;
  }
  return { ...account, kept: found.size };
};

/** A car makes room in the ten minutes that pass here in one. Returns how many reports that took. */
const catchUp = async (outbox: Outbox, maxBytes: number, more: () => readonly Draft[]): Promise<number> => {
  let made = 0;
  for (let n = 0; n < CATCH_UP && (await outbox.stats()).bytes > maxBytes * 1.25; n++) {
    for (const draft of more()) {
      outbox.append(draft);
      made++;
    }
    await outbox.flush();
    await sleep(2);
  }
  return made;
};

/** Drives for so many hours with a position a second and five vehicle reports, and nobody listens. */
export const driveLong = async (path: string, hours: number, maxBytes: number): Promise<LongDrive> => {
  const random = createRandom(5);
  let second = 0;
  const clock = simulatedClock(() => second);
  let runs = 0;
  let ledgerBytes = 0;
  const disk = watched(openDisk(path), (text) => {
    if (text.length <= ledgerBytes) return;
    ledgerBytes = text.length;
    const ledger = decodeLedger(text);
    runs = (ledger?.settled.length ?? 0) + (ledger?.sparse?.length ?? 0);
  });
  const batchMs: number[] = [];
  let made = 0;
  let heapMiB = 0;
  let outboxMiB = 0;
  {
    await using outbox = await openTestOutbox(path, { disk, clock, maxBytes });
    for (; second < hours * 3_600; second++) {
      for (const draft of readings(clock.now(), random)) {
        for (let full = outbox.pressure(); full; full = outbox.pressure()) await full;
        outbox.append(draft);
        made++;
      }
      if (second % BATCH_EVERY_S !== 0) continue;
      await outbox.flush();
      made += await catchUp(outbox, maxBytes, () => readings(clock.now(), random));
      outbox.append({ ...EVENT, ...clock.now() });
      const begun = performance.now();
      await outbox.flush();
      batchMs.push(performance.now() - begun);
      heapMiB = Math.max(heapMiB, process.memoryUsage().heapUsed / 2 ** 20);
      outboxMiB = Math.max(outboxMiB, (await outbox.stats()).bytes / 2 ** 20);
    }
  }
  batchMs.sort((a, b) => a - b);
  return { made, batchMs, runs, ledgerBytes, heapMiB, outboxMiB, ...(await accountFor(path)) };
};
