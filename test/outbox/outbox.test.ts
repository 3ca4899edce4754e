import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Draft, Report } from "../../src/domain/report.ts";
import { openLevel, type LevelDb } from "../../src/outbox/level.ts";
import type { Outbox } from "../../src/outbox/outbox.ts";
import { encodeKey, LEDGER_KEY, seal, unseal } from "../../src/outbox/record.ts";
import { EPISODE, remembering } from "./kept-episode.ts";
import { openTestOutbox, type TestOptions } from "./open-outbox.ts";
import { patientTime } from "./patient-time.ts";

let path: string;
beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), "outbox-"));
});
afterEach(() => rmSync(path, { recursive: true, force: true }));

const open = (lingerMs = 0, options: TestOptions = {}): Promise<Outbox> =>
  openTestOutbox(path, { unit: "a/b", lingerMs: () => lingerMs, ...options });

const position: Draft = {
  kind: "position",
  data: { lat: 45, lon: 20, fix: "3d", reason: "interval" },
  at: 1,
  clock: "gnss",
};
const fault: Draft = {
  kind: "event",
  data: { type: "fault", part: "gps", detail: "x" },
  at: 1,
  clock: "gnss",
};
const gapsOf = (reports: readonly Report[]) =>
  reports.flatMap((r) => (r.kind === "event" && r.data.type === "gap" ? [r.data] : []));

const tamper = async (work: (db: LevelDb) => Promise<void>) => {
  const db = await openLevel(path, true);
  await work(db);
  await db.close();
};

describe("outbox", () => {
  test("keeps what is pending across a clean stop, counts boots and never reuses a number", async () => {
    {
      await using outbox = await open();
      expect(outbox.boot).toBe(1);
      for (let i = 0; i < 10; i++) outbox.append(position);
      outbox.acknowledge([{ seq: 3, kind: "position" }], true);
    }
    await using outbox = await open();
    expect(outbox.boot).toBe(2);
    const { reports } = await outbox.read("telemetry", 0, 100);
    expect(reports.map((r) => r.seq)).toEqual([1, 2, 4, 5, 6, 7, 8, 9, 10]);
    expect((await outbox.read("event", 0, 100)).reports).toEqual([]);
    expect(outbox.append(position).seq).toBe(11);
    expect(outbox.oldest()).toBe(1);
  });

  test("an instant that cannot be written is an unset clock: appending never throws", async () => {
    await using outbox = await open();
    for (const at of [Number.NaN, Infinity, -1, Date.UTC(20_266, 0)])
      expect(outbox.append({ ...fault, at })).toMatchObject({
        at: "1970-01-01T00:00:00.000Z",
        clock: "unset",
      });
  });

  test("what is settled within the linger is never written", async () => {
    await using outbox = await open(60_000);
    const report = outbox.append(position);
    outbox.acknowledge([report], true);
    await outbox.flush();
    expect((await outbox.read("telemetry", 0, 10)).reports).toEqual([]);
    expect(await outbox.stats()).toMatchObject({ records: 0 });
  });

  test("an event is stored at once, whatever the linger", async () => {
    let stored = Promise.withResolvers<string>();
    await using outbox = await open(60_000, { on: { stored: (lane) => stored.resolve(lane) } });
    await outbox.flush();
    stored = Promise.withResolvers();
    outbox.append(fault);
    expect(await stored.promise).toBe("event");
    expect((await outbox.read("event", 0, 10)).reports).toHaveLength(1);
  });

  test("numbers that a crash leaves unaccounted for are declared once, as power-cut", async () => {
    {
      await using outbox = await open();
      outbox.append(position);
    }
    // As a crash leaves it: the lease is ahead of what was made.
    await tamper(async (db) => {
      const ledger = JSON.parse(unseal(LEDGER_KEY, await db.get(LEDGER_KEY))!) as {
        next: number;
        lease: number;
      };
      await db.put(LEDGER_KEY, seal(LEDGER_KEY, JSON.stringify({ ...ledger, lease: ledger.next + 64 })));
    });
    {
      await using outbox = await open();
      const { reports } = await outbox.read("event", 0, 10);
      expect(gapsOf(reports)).toEqual([{ type: "gap", from: 2, to: 65, count: 64, reason: "power-cut" }]);
      expect(reports[0]!.seq).toBe(66);
    }
    await using again = await open();
    expect(gapsOf((await again.read("event", 0, 10)).reports)).toHaveLength(1);
  });

  test("a record that vanished and one that was damaged are declared as corruption", async () => {
    {
      await using outbox = await open();
      for (let i = 0; i < 5; i++) outbox.append(position);
    }
    await tamper(async (db) => {
      await db.del(encodeKey("telemetry", 2));
      const value = await db.get(encodeKey("telemetry", 4));
      value[20] = value[20]! ^ 1;
      await db.put(encodeKey("telemetry", 4), value);
    });
    await using outbox = await open();
    expect((await outbox.read("telemetry", 0, 10)).reports.map((r) => r.seq)).toEqual([1, 3, 5]);
    await outbox.flush();
    const gaps = gapsOf((await outbox.read("event", 0, 10)).reports);
    expect(gaps.map((gap) => [gap.from, gap.to, gap.reason])).toEqual([
      [2, 2, "corruption"],
      [4, 4, "corruption"],
    ]);
  });

  test("a flood waits for the disk and loses nothing", async () => {
    await using outbox = await open(60_000);
    const seqs: number[] = [];
    for (let i = 0; i < 30_000; i++) {
      const full = outbox.pressure();
      if (full) await full;
      seqs.push(outbox.append(position).seq);
    }
    await outbox.flush();
    expect(new Set(seqs).size).toBe(30_000);
    expect((await outbox.stats()).records).toBe(30_000);
  });

  test("nobody is told that it is on disk before it is: two ask in one turn", async () => {
    await using outbox = await open();
    await outbox.flush();
    for (let round = 0; round < 20; round++) {
      const { seq } = outbox.append(fault);
      const onDisk = async () => {
        await outbox.flush();
        const { reports } = await outbox.read("event", seq - 1, 1);
        return reports[0]?.seq;
      };
      expect(await Promise.all([onDisk(), onDisk()])).toEqual([seq, seq]);
    }
  });

  test("a clean stop in the middle of a flood leaves no hole, no fault, and the store to the next", async () => {
    for (let round = 0; round < 5; round++) {
      const faults: unknown[] = [];
      const reopen = () =>
        openTestOutbox(join(path, String(round)), {
          time: patientTime,
          on: { fault: (told) => void faults.push(told) },
        });
      {
        await using outbox = await reopen();
        for (let i = 0; i < 30_000; i++) {
          const full = outbox.pressure();
          if (full) await full;
          outbox.append(position);
        }
      }
      await using next = await reopen();
      expect((await next.stats()).records).toBe(30_000);
      expect(gapsOf((await next.read("event", 0, 100)).reports)).toEqual([]);
      expect(faults).toEqual([]);
    }
  });

  test("a second one on the same path is refused with a reason", async () => {
    await using outbox = await open();
    await expect(open()).rejects.toThrow(/in use/);
    expect(outbox.boot).toBe(1);
  });

  test("a path that is no folder is refused with a reason", async () => {
    path = join(path, "file");
    writeFileSync(path, "no store");
    await expect(open()).rejects.toThrow(/is not a folder/);
  });

  test("records larger than a page's bytes are all read, in order", async () => {
    await using outbox = await open();
    const pad = "x".repeat(3_000);
    for (let n = 0; n < 800; n++) {
      outbox.append({ ...fault, data: { type: "fault", part: "gps", detail: `${n} ${pad}` } });
    }
    await outbox.flush();
    const { reports } = await outbox.read("event", 0, 1_000);
    expect(reports.map(({ seq }) => seq)).toEqual(Array.from({ length: 800 }, (_, n) => n + 1));
  });

  test("an outbox whose ledger and notes are both gone declares what it may have used, and never counts from one again", async () => {
    {
      await using outbox = await open();
      for (let i = 0; i < 5; i++) outbox.append(position);
    }
    await tamper((db) =>
      db.batch([
        { type: "del", key: LEDGER_KEY },
        { type: "del", key: Buffer.from("vital") },
      ]),
    );
    rmSync(`${path}.vital`);
    let doubtful = false;
    await using outbox = await open(0, { on: { doubtful: () => (doubtful = true) } });
    expect(doubtful).toBe(true);
    expect(outbox.append(position).seq).toBeGreaterThan(2 ** 40);
    await outbox.flush();
    const [gap] = gapsOf((await outbox.read("event", 0, 10)).reports);
    expect(gap).toMatchObject({ from: 1, reason: "corruption" });
  });

  test("a stop on a disk that fails ends, and so does everybody who waits to be secured", async () => {
    const outbox = await open();
    outbox.remember(remembering(EPISODE));
    const waiting = [outbox.secure(), outbox.secure()];
    await outbox[Symbol.asyncDispose]();
    await Promise.allSettled(waiting);
    outbox.remember(remembering());
    await expect(outbox.secure()).rejects.toThrow(/closed/);
  });

  test("a first start that was cut before it wrote anything is a first start", async () => {
    await tamper(() => Promise.resolve());
    let doubtful = false;
    await using outbox = await open(0, { on: { doubtful: () => (doubtful = true) } });
    expect([outbox.boot, outbox.append(position).seq, doubtful]).toEqual([1, 1, false]);
  });
});
