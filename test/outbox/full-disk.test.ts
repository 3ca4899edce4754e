import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { canMount, mountSmallDisk } from "../journeys/small-disk.ts";
import { createClock } from "../../src/runtime/clock.ts";
import { readPlaces } from "../../src/outbox/vital.ts";
import { decodePlaces } from "../../src/outbox/vital-record.ts";
import type { Report } from "../../src/domain/report.ts";
import type { Outbox } from "../../src/outbox/outbox.ts";
import { EPISODE, remembering } from "./kept-episode.ts";
import { openTestOutbox } from "./open-outbox.ts";
import { patientTime } from "./patient-time.ts";

const temporaryFolder = (): Disposable & { readonly path: string } => {
  const path = mkdtempSync(join(tmpdir(), "quota-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
};

const open = (path: string, faults: unknown[] = []): Promise<Outbox> =>
  openTestOutbox(path, { on: { fault: (fault) => void faults.push(fault?.code) } });
const episodes = (outbox: Outbox): string[] =>
  outbox.memory.emergency.episodes.map(({ episode }) => episode.id);
const [ONE, TWO, THREE] = [
  "01K0000000000000000000000A",
  "01K0000000000000000000000B",
  "01K0000000000000000000000C",
];
const say = (outbox: Outbox, detail: string) =>
  outbox.append({
    kind: "event",
    data: { type: "fault", part: "disk", detail },
    at: Date.now(),
    clock: "ntp",
  });
const details = async (outbox: Outbox): Promise<string[]> =>
  (await outbox.read("event", 0, 1_000)).reports.flatMap((r) =>
    r.kind === "event" && r.data.type === "fault" ? [r.data.detail] : [],
  );

/**
 * Copies an outbox that is in use as a power cut would leave it. A compaction may replace files while they are copied,
 * and such a copy is of no moment at all: then it copies again.
 */
const copyAsCut = (path: string, copy: string): void => {
  const names = (): string => readdirSync(path).toSorted().join(" ");
  for (let tries = 0; tries < 100; tries++) {
    const before = names();
    rmSync(copy, { recursive: true, force: true });
    spawnSync("cp", ["-r", path, copy]);
    spawnSync("cp", [`${path}.vital`, `${copy}.vital`]);
    if (names() === before) return;
  }
  throw new Error(`${path} was compacted during each of 100 copies`);
};

test.skipIf(!canMount)(
  "a disk that fills and empties: what was flushed before, meanwhile and after is there",
  async () => {
    using disk = mountSmallDisk();
    mkdirSync(join(disk.path, "store"));
    const path = join(disk.path, "store", "outbox");
    const faults: unknown[] = [];
    {
      await using outbox = await open(path, faults);
      say(outbox, "before");
      outbox.remember(remembering(ONE));
      await outbox.flush();
      disk.fill();
      // Larger than what the log has in reserve.
      const meanwhile = Array.from({ length: 40 }, (_, i) => `meanwhile ${i} ${"x".repeat(4_000)}`);
      for (const detail of meanwhile) say(outbox, detail);
      outbox.remember(remembering(TWO));
      await expect(outbox.flush()).rejects.toThrow();
      // The store is closed, and its lock with it: a second unit is kept out all the same.
      await expect(open(path)).rejects.toThrow(/in use/);
      // The memory has room of its own: it is on disk all the same.
      await outbox.secure();
      const { newest } = decodePlaces(await readPlaces(path));
      expect(newest?.memory.emergency.episodes.map(({ episode }) => episode.id)).toEqual([TWO]);
      // What cannot be written can still be read, to go out live.
      expect(await details(outbox)).toEqual(expect.arrayContaining(meanwhile));
      disk.free();
      await expect
        .poll(
          () =>
            outbox.flush().then(
              () => true,
              () => false,
            ),
          { timeout: 10_000 },
        )
        .toBe(true);
      say(outbox, "after");
      outbox.remember(remembering(THREE));
      await outbox.flush();
      expect(faults).toEqual(["disk-full", undefined]);
      copyAsCut(path, `${path}-cut`);
      await sleep(10);
    }
    await using cut = await open(`${path}-cut`);
    const found = await details(cut);
    expect(found).toContain("before");
    expect(found.filter((detail) => detail.startsWith("meanwhile"))).toHaveLength(40);
    expect(found).toContain("after");
    expect(episodes(cut)).toEqual([THREE]);
  },
);

const emergency = (outbox: Outbox) =>
  outbox.append({
    kind: "emergency",
    data: {
      episode: "01K0000000000000000000000A",
      state: "active",
      test: false,
      button: "dash",
      presses: 1,
      attempt: 1,
    },
    at: Date.now(),
    clock: "ntp",
  });

test.skipIf(!canMount)(
  "a disk that is full at the start, its ballast gone: a press is secured, and numbers go on",
  async () => {
    using disk = mountSmallDisk();
    const path = join(disk.path, "outbox");
    let last = 0;
    {
      await using outbox = await open(path);
      last = say(outbox, "before").seq;
    }
    disk.fill();
    rmSync(`${path}.ballast`, { force: true });
    disk.fill();
    {
      await using outbox = await open(path);
      expect(outbox.state).toMatchObject({ kind: "reopening" });
      expect(outbox.boot).toBe(2);
      const { seq } = emergency(outbox);
      expect(seq - last).toBeLessThan(10);
      expect(outbox.leased(seq)).toBe(true);
      outbox.remember(remembering(EPISODE));
      await outbox.secure();
      expect((await outbox.read("emergency", 0, 10)).reports.map((report) => report.seq)).toEqual([seq]);
    }
    disk.free();
    await using outbox = await open(path);
    expect(episodes(outbox)).toEqual([EPISODE]);
    expect(await details(outbox)).toEqual(["before"]);
  },
);

test.skipIf(!canMount)(
  "a disk that is read-only at the start and comes back: the unit begins without it, and takes up what it holds",
  async () => {
    // Large enough for a ballast.
    using disk = mountSmallDisk(32);
    const path = join(disk.path, "outbox");
    {
      await using outbox = await open(path);
      say(outbox, "before");
      outbox.remember(remembering(EPISODE));
    }
    disk.remount("ro");
    const faults: unknown[] = [];
    const numbers = new Set<number>();
    {
      await using outbox = await openTestOutbox(path, {
        on: { fault: (fault) => void faults.push(fault?.code) },
      });
      expect(episodes(outbox)).toEqual([EPISODE]);
      const { seq } = emergency(outbox);
      numbers.add(seq);
      expect(outbox.state.kind).toBe("away");
      outbox.remember(remembering(EPISODE));
      await expect(outbox.secure()).rejects.toThrow(/read-only/);
      await expect(outbox.flush()).rejects.toThrow(/read-only/);
      expect((await outbox.read("emergency", 0, 10)).reports.map((report) => report.seq)).toEqual([seq]);
      disk.remount("rw");
      await expect.poll(() => faults, { timeout: 10_000 }).toEqual(["disk-read-only", undefined]);
      await outbox.flush();
      expect(outbox.state).toEqual({ kind: "open" });
      // What the disk held before is there again, without a restart.
      expect(await details(outbox)).toContain("before");
    }
    await using outbox = await open(path);
    expect(episodes(outbox)).toEqual([EPISODE]);
    expect((await outbox.read("emergency", 0, 10)).reports.map(({ seq }) => seq)).toEqual([...numbers]);
    expect(await details(outbox)).toEqual(["before"]);
    const next = say(outbox, "after").seq;
    expect(numbers.has(next)).toBe(false);
  },
);

const gapsOf = (events: readonly Report[]) =>
  events.flatMap((one) => (one.kind === "event" && one.data.type === "gap" ? [one.data] : []));

/** What an outbox holds at one moment: while it is read, more may be given up and declared. Then it is read again. */
const readAll = async (outbox: Outbox) => {
  const readEvents = async () => (await outbox.read("event", 0, 100_000)).reports;
  for (let events = await readEvents(); ;) {
    const kept: { seq: number; at: number }[] = [];
    for (let cursor = 0; ;) {
      const page = await outbox.read("telemetry", cursor, 2_000);
      for (const { seq, at } of page.reports) kept.push({ seq, at: Date.parse(at) });
      if (page.cursor === cursor) break;
      ({ cursor } = page);
    }
    const before = events;
    events = await readEvents();
    const gaps = gapsOf(events);
    if (gaps.length === gapsOf(before).length) return { events, kept, gaps };
  }
};

test("the quota is held: the oldest telemetry goes, declared; events stay, and the room is given back", async () => {
  using folder = temporaryFolder();
  const path = join(folder.path, "outbox");
  const maxBytes = 8 * 1024 * 1024;
  await using outbox = await openTestOutbox(path, {
    maxBytes,
    time: patientTime,
    on: { fault: (fault) => expect(fault).toBeUndefined() },
  });
  const first = say(outbox, "the first event");
  let made = 0;
  let largest = 0;
  const flood = async (reports: number): Promise<void> => {
    for (let i = 0; i < reports; i++) {
      const full = outbox.pressure();
      if (full) await full;
      const noise = Array.from({ length: 8 }, () => Math.random());
      outbox.append({
        kind: "vehicle",
        at: Date.now(),
        clock: "ntp",
        data: { signals: Object.fromEntries(noise.map((value, n) => [`Vehicle.S${n}`, value])) },
      });
      made++;
    }
  };
  const begun = performance.now();
  while (performance.now() - begun < 6_000) {
    await flood(400);
    largest = Math.max(largest, (await outbox.stats()).bytes);
    await sleep(20);
  }
  // A file that was being read while its records were deleted goes when room is next made. A unit is never quiet.
  for (let n = 0; n < 20 && (await outbox.stats()).bytes > maxBytes * 1.1; n++) {
    await flood(400);
    await outbox.flush();
    await sleep(1_000);
  }
  const { bytes, records } = await outbox.stats();
  process.stdout.write(
    `quota 8 MiB: ${made} records made, ${records} kept, at most ${(largest / 2 ** 20).toFixed(1)} MiB, ${(bytes / 2 ** 20).toFixed(1)} in the end\n`,
  );
  expect(bytes).toBeLessThan(maxBytes * 1.2);
  expect(largest).toBeLessThan(maxBytes * 3);
  const { events, kept, gaps } = await readAll(outbox);
  expect(events[0]!.seq).toBe(first.seq);
  expect(gaps.every(({ reason }) => reason === "retention")).toBe(true);
  const numbers = new Set(kept.map(({ seq }) => seq));
  expect(numbers.size + gaps.reduce((sum, { count }) => sum + count, 0)).toBe(made);
}, 60_000);

test("before anything is dropped, positions older than an hour are thinned: one in half a minute, then one in five", async () => {
  using folder = temporaryFolder();
  const path = join(folder.path, "outbox");
  const HOURS = 30;
  const RECORDS = HOURS * 3_600;
  const now = Date.now();
  const clock = { ...createClock(), now: () => ({ at: now, clock: "gnss" as const }) };
  const options = {
    maxBytes: 6 * 1024 * 1024,
    clock,
    time: patientTime,
    on: { fault: (fault: unknown) => expect(fault).toBeUndefined() },
  };
  const at = (seq: number) => now - (RECORDS - seq) * 1_000;
  let first = 0;
  {
    await using outbox = await openTestOutbox(path, options);
    first = say(outbox, "the first event").seq;
    for (let n = 1; n <= RECORDS; n++) {
      const full = outbox.pressure();
      if (full) await full;
      outbox.append({
        kind: "position",
        at: at(n),
        clock: "gnss",
        data: {
          lat: Math.random() * 90,
          lon: Math.random() * 90,
          altM: Math.random(),
          fix: "3d",
          reason: "interval",
        },
      });
    }
    await sleep(7_000);
    await outbox.flush();
    const { bytes } = await outbox.stats();
    expect(bytes).toBeLessThan(options.maxBytes * 1.2);
    copyAsCut(path, `${path}-cut`);
  }
  const news: string[] = [];
  await using outbox = await openTestOutbox(`${path}-cut`, {
    ...options,
    on: { ...options.on, news: (line) => void news.push(line) },
  });
  expect(news).toEqual([]);
  const { events, kept, gaps } = await readAll(outbox);
  expect(events[0]!.seq).toBe(first);
  const dropped = gaps
    .filter(({ reason }) => reason === "retention")
    .reduce((sum, { count }) => sum + count, 0);
  process.stdout.write(
    `thinned: ${RECORDS} positions of ${HOURS} h made, ${kept.length} kept, ${dropped} declared in ${gaps.length} gaps\n`,
  );
  expect(kept.length + dropped).toBe(RECORDS);
  // The last hour is whole, and nothing that the quota left room for was dropped from the start.
  expect(kept.filter((one) => one.at >= now - 3_600_000).length).toBeGreaterThanOrEqual(3_600);
  expect(kept[0]!.at).toBe(at(1));
  const spacings = kept.slice(1).map((one, n) => one.at - kept[n]!.at);
  expect(
    spacings.filter((ms) => ms === 30_000).length + spacings.filter((ms) => ms === 300_000).length,
  ).toBeGreaterThan(100);
  expect(Math.max(...spacings)).toBeLessThanOrEqual(300_000);
}, 120_000);
