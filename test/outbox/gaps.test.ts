import { describe, expect, test } from "vitest";
import { createRandom } from "../../src/demo/random.ts";
import { LANES, laneOf } from "../../src/domain/pending.ts";
import type { Draft, EventData, Report } from "../../src/domain/report.ts";
import { DECLARED_MAX } from "../../src/outbox/declared.ts";
import type { Outbox } from "../../src/outbox/outbox.ts";
import { encodeKey } from "../../src/outbox/record.ts";
import { systemTime } from "../../src/runtime/time.ts";
import { createSimulatedDisk, type SimulatedDisk } from "../simulation/disk.ts";
import { tries } from "../tries.ts";
import { openTestOutbox } from "./open-outbox.ts";

type GapData = Extract<EventData, { type: "gap" }>;

const newDisk = (seed = 3): SimulatedDisk =>
  createSimulatedDisk({ time: systemTime, random: createRandom(seed) });
const open = (disk: SimulatedDisk): Promise<Outbox> => openTestOutbox(disk.path, { disk });

const fault = (detail: string): Draft => ({
  kind: "event",
  data: { type: "fault", part: "gps", detail },
  at: 1,
  clock: "gnss",
});
const position: Draft = {
  kind: "position",
  data: { lat: 45, lon: 20, fix: "3d", reason: "interval" },
  at: 1,
  clock: "gnss",
};

/** Everything that can be read, until a look finds nothing new. */
const readAll = async (outbox: Outbox): Promise<Map<number, Report>> => {
  for (let before = -1; ;) {
    const reports = new Map<number, Report>();
    for (const lane of LANES)
      for (let after = 0; ;) {
        const page = await outbox.read(lane, after, 5_000);
        for (const report of page.reports) reports.set(report.seq, report);
        if (page.cursor === after) break;
        after = page.cursor;
      }
    await outbox.flush();
    const last = Math.max(0, ...reports.keys());
    if (last === before) return reports;
    before = last;
  }
};
const gapOf = ({ kind, data }: Report): GapData | undefined =>
  kind === "event" && data.type === "gap" ? data : undefined;
const gapsIn = (reports: ReadonlyMap<number, Report>): Report[] =>
  [...reports.values()].filter((report) => gapOf(report));
const declaredBy = (reports: Iterable<Report>): Set<number> => {
  const declared = new Set<number>();
  for (const report of reports) {
    const gap = gapOf(report);
    if (!gap) continue;
    const kept = new Set(gap.kept);
    for (let n = gap.from; n <= gap.to; n++) if (!kept.has(n)) declared.add(n);
  }
  return declared;
};
/** The numbers up to the last that can neither be read nor are declared. */
const missingIn = (reports: ReadonlyMap<number, Report>): number[] => {
  const declared = declaredBy(reports.values());
  const missing: number[] = [];
  const last = Math.max(...reports.keys());
  for (let n = 1; n <= last; n++) if (!reports.has(n) && !declared.has(n)) missing.push(n);
  return missing;
};

/** Three events, of which the second rots and is declared. Returns the gap. */
const rotten = async (outbox: Outbox, disk: SimulatedDisk): Promise<Report> => {
  const [, second] = ["one", "two", "three"].map((detail) => outbox.append(fault(detail)));
  await outbox.flush();
  disk.corruptRecord(encodeKey("event", second!.seq));
  const [gap] = gapsIn(await readAll(outbox));
  expect(gapOf(gap!)).toMatchObject({ from: second!.seq, to: second!.seq, reason: "corruption" });
  return gap!;
};

describe("a gap whose own record is lost before it was delivered", () => {
  test("is declared anew when its record turns out to be damaged", async () => {
    const disk = newDisk();
    await using outbox = await open(disk);
    const gap = await rotten(outbox, disk);
    disk.corruptRecord(encodeKey("event", gap.seq));
    expect(missingIn(await readAll(outbox))).toEqual([]);
  });

  test("is declared anew by the next life when its record has vanished", async () => {
    const disk = newDisk();
    let gap: Report;
    {
      await using outbox = await open(disk);
      gap = await rotten(outbox, disk);
    }
    disk.loseRecord(encodeKey("event", gap.seq));
    await using outbox = await open(disk);
    expect(missingIn(await readAll(outbox))).toEqual([]);
  });

  test("is declared anew over several generations, in one life and over several", async () => {
    const disk = newDisk();
    let gap: Report;
    {
      await using outbox = await open(disk);
      gap = await rotten(outbox, disk);
    }
    for (let generation = 0; generation < 6; generation++) {
      if (generation % 2 === 0) disk.loseRecord(encodeKey("event", gap.seq));
      await using outbox = await open(disk);
      if (generation % 2 === 1) disk.corruptRecord(encodeKey("event", gap.seq));
      const reports = await readAll(outbox);
      expect(missingIn(reports), `generation ${generation}`).toEqual([]);
      gap = gapsIn(reports).find((report) => gapOf(report)!.from <= 2 && gapOf(report)!.to >= 2)!;
    }
  });

  test("is not declared anew once it was delivered", async () => {
    const disk = newDisk();
    {
      await using outbox = await open(disk);
      outbox.acknowledge([await rotten(outbox, disk)], true);
      await outbox.flush();
    }
    await using outbox = await open(disk);
    expect(gapsIn(await readAll(outbox))).toEqual([]);
  });

  test("keeps what is still pending between its numbers", async () => {
    const disk = newDisk();
    await using outbox = await open(disk);
    const events = Array.from({ length: 9 }, (_, n) => outbox.append(fault(String(n))));
    await outbox.flush();
    // Two of them rot, five apart, and are declared in one gap with what lies between.
    for (const { seq } of [events[1]!, events[7]!]) disk.corruptRecord(encodeKey("event", seq));
    const [gap] = gapsIn(await readAll(outbox));
    expect(gapOf(gap!)).toMatchObject({ from: 2, to: 8, kept: [3, 4, 5, 6, 7], count: 2 });
    outbox.acknowledge([events[3]!], true);
    disk.corruptRecord(encodeKey("event", gap!.seq));
    const reports = await readAll(outbox);
    const again = gapsIn(reports).find((report) => gapOf(report)!.from === 2);
    // The fourth was delivered: to declare it as well is no loss.
    expect(gapOf(again!)).toMatchObject({ from: 2, to: 8, kept: [3, 5, 6, 7], count: 3 });
    expect(missingIn(reports)).toEqual([]);
  });

  test("is declared anew also when more are pending than the ledger lists", async () => {
    const disk = newDisk();
    const count = 3 * DECLARED_MAX;
    const gaps: Report[] = [];
    const delivered: Report[] = [];
    {
      await using outbox = await open(disk);
      for (let n = 0; n < count; n++) {
        const { seq } = outbox.append(fault(String(n)));
        await outbox.flush();
        disk.corruptRecord(encodeKey("event", seq));
        const { reports } = await outbox.read("event", seq - 1, 1);
        expect(reports).toEqual([]);
        await outbox.flush();
      }
      gaps.push(...gapsIn(await readAll(outbox)));
      expect(gaps).toHaveLength(count);
      // The first are delivered.
      delivered.push(...gaps.splice(0, 20));
      outbox.acknowledge(delivered, true);
      await outbox.flush();
    }
    for (const [n, { seq }] of gaps.entries()) if (n % 2 === 0) disk.loseRecord(encodeKey("event", seq));
    await using outbox = await open(disk);
    const reports = await readAll(outbox);
    expect(missingIn(new Map([...delivered.map((one) => [one.seq, one] as const), ...reports]))).toEqual([]);
  }, 30_000);

  test("is declared anew after any history of damage, delivery, refusal and power cuts", async () => {
    for (let seed = 1; seed <= tries(8); seed++) {
      const random = createRandom(seed);
      const disk = newDisk(seed);
      const received = new Map<number, Report>();
      for (let life = 0; life < 6; life++) {
        const outbox = await open(disk);
        for (let turn = 0; turn < 6; turn++) {
          for (let n = 0; n < 5; n++)
            outbox.append(random() < 0.5 ? position : fault(`${life} ${turn} ${n}`));
          await outbox.flush().catch(() => undefined);
          const event = random();
          if (event < 0.3) disk.corruptRecord();
          else if (event < 0.4) disk.tear();
          else if (event < 0.5) disk.damage(random() / 3);
          else if (event < 0.6) {
            const { reports } = await outbox.read("event", 0, 100);
            for (const { seq, kind } of reports.filter((one) => gapOf(one)).slice(-1))
              disk.loseRecord(encodeKey(laneOf(kind), seq));
          }
          for (const lane of ["event", "telemetry"] as const) {
            const { reports } = await outbox.read(lane, 0, Math.floor(random() * 6));
            if (random() < 0.1) outbox.refuse(reports);
            else {
              outbox.acknowledge(reports, true);
              for (const report of reports) received.set(report.seq, report);
            }
          }
        }
        await outbox.flush().catch(() => undefined);
        if (random() < 0.3) await outbox[Symbol.asyncDispose]();
        else disk.cut();
      }
      await using outbox = await open(disk);
      await expect.poll(() => outbox.state.kind, { timeout: 10_000 }).toBe("open");
      const reports = await readAll(outbox);
      expect(missingIn(new Map([...received, ...reports])), `seed ${seed}`).toEqual([]);
    }
  }, 120_000);
});

describe("a gap that no broker takes", () => {
  test("is made again as two that keep fewer numbers each", async () => {
    const disk = newDisk();
    await using outbox = await open(disk);
    const events = Array.from({ length: 21 }, (_, n) => outbox.append(fault(String(n))));
    await outbox.flush();
    for (const { seq } of events) if (seq % 4 === 0) disk.corruptRecord(encodeKey("event", seq));
    const [gap] = gapsIn(await readAll(outbox));
    expect(gapOf(gap!)).toMatchObject({ from: 4, to: 20, count: 5 });
    outbox.refuse([gap!]);
    const reports = await readAll(outbox);
    expect(gapsIn(reports).map((report) => gapOf(report)!)).toMatchObject([
      { from: gap!.seq, to: gap!.seq, reason: "too-large" },
      { from: 4, to: 12, count: 3, kept: [5, 6, 7, 9, 10, 11], reason: "corruption" },
      { from: 16, to: 20, count: 2, kept: [17, 18, 19], reason: "corruption" },
    ]);
    expect(missingIn(reports)).toEqual([]);
  });

  test("stays pending if it keeps no number: nothing smaller could declare them", async () => {
    const disk = newDisk();
    await using outbox = await open(disk);
    const gap = await rotten(outbox, disk);
    outbox.refuse([gap]);
    const reports = await readAll(outbox);
    expect(gapsIn(reports)).toEqual([gap]);
    expect(missingIn(reports)).toEqual([]);
  });
});

test("each gap is passed on when it is made, and what waits is counted by lane", async () => {
  const gaps: GapData[] = [];
  const disk = newDisk();
  await using outbox = await openTestOutbox(disk.path, { disk, on: { gap: (gap) => gaps.push(gap) } });
  const reports = [outbox.append(position), outbox.append(position), outbox.append(fault("x"))];
  expect(outbox.waiting).toEqual({ emergency: 0, event: 1, telemetry: 2 });
  outbox.refuse(reports.slice(0, 1));
  expect(gaps).toEqual([{ type: "gap", from: 1, to: 1, count: 1, reason: "too-large" }]);
  expect(outbox.waiting).toEqual({ emergency: 0, event: 2, telemetry: 1 });
});
