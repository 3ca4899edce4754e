import { expect, test } from "vitest";
import { createRandom } from "../../src/demo/random.ts";
import type { EventData, Report } from "../../src/domain/report.ts";
import type { Runs } from "../../src/domain/runs.ts";
import type { Outbox } from "../../src/outbox/outbox.ts";
import type { Disk, Opening, Store } from "../../src/outbox/port.ts";
import { encodeKey } from "../../src/outbox/record.ts";
import { EPISODE, remembering } from "./kept-episode.ts";
import { emergency, event, openLives, position } from "./lives.ts";

const RIPE_MS = 31_000;
const seqs = (reports: readonly Report[]): number[] =>
  reports.map(({ seq }) => seq).toSorted((a, b) => a - b);
const gapsIn = (reports: readonly Report[]): EventData[] =>
  reports.flatMap(({ kind, data }) => (kind === "event" && data.type === "gap" ? [data] : []));

const begin = async () => {
  const lives = openLives();
  const random = createRandom(1);
  const open = async (): Promise<Outbox> => {
    const outbox = await lives.open(random);
    void outbox.keep("dispatch", true);
    return outbox;
  };
  const settled = async (outbox: Outbox, upTo: number, missing: [number, number][] = []): Promise<void> => {
    const done = outbox.receipted(upTo, missing);
    await lives.pass(2_000);
    await done;
  };
  const unstored = async (outbox: Outbox, from: number, to: number, limit = 100) => {
    const looked = outbox.unstored(from, to, limit);
    await lives.pass(1_000);
    return looked;
  };
  const waiting = async (outbox: Outbox): Promise<number> => {
    const stats = outbox.stats();
    await lives.pass(100);
    return (await stats).records;
  };
  return { ...lives, open, settled, unstored, waiting, outbox: await open() };
};
/** Five reports of each lane and more, acknowledged by a broker. */
const acknowledged = (outbox: Outbox): Report[] => {
  const reports = [event(), position, emergency, position, position].map((draft) => outbox.append(draft));
  outbox.acknowledge(reports, true);
  return reports;
};

test("with custody dispatch an acknowledged report is not read again, and stays until a receipt covers it", async () => {
  const { outbox, pending, pass, settled, waiting } = await begin();
  const reports = acknowledged(outbox);
  await pass(1_000);
  expect(await pending(outbox)).toEqual([]);
  expect(await waiting(outbox)).toBe(5);
  expect(outbox.unreceipted).toBe(5);
  await settled(outbox, reports[3]!.seq, [[reports[1]!.seq, reports[2]!.seq]]);
  expect(await waiting(outbox)).toBe(3);
  await settled(outbox, reports[4]!.seq);
  expect(await waiting(outbox)).toBe(0);
  expect(outbox.unreceipted).toBe(0);
});

test("with custody broker an acknowledgement settles", async () => {
  const { outbox, pass, waiting } = await begin();
  void outbox.keep("broker", false);
  acknowledged(outbox);
  await pass(1_000);
  expect(await waiting(outbox)).toBe(0);
});

test("when custody goes back to the broker, what waited for receipts is settled", async () => {
  const { outbox, pass, waiting } = await begin();
  acknowledged(outbox);
  await pass(1_000);
  void outbox.keep("broker", false);
  await pass(2_000);
  expect(await waiting(outbox)).toBe(0);
});

test("custody that goes to the broker and back at once settles nothing", async () => {
  const { outbox, pending, pass, waiting } = await begin();
  acknowledged(outbox);
  await pass(1_000);
  void outbox.keep("broker", false);
  void outbox.keep("dispatch", true);
  await pass(2_000);
  expect([await waiting(outbox), outbox.unreceipted, await pending(outbox)]).toEqual([5, 5, []]);
});

test("a receipt also settles what no broker has acknowledged: dispatch has it", async () => {
  const { outbox, pending, settled } = await begin();
  const { seq } = outbox.append(event());
  await settled(outbox, seq);
  expect(await pending(outbox)).toEqual([]);
});

test("a new life waits for the receipts of what the last one sent", async () => {
  const { outbox, open, close, pending, pass, settled, waiting } = await begin();
  const reports = acknowledged(outbox);
  await pass(1_000);
  await close(outbox);
  const next = await open();
  expect(await pending(next)).toEqual([]);
  expect(next.unreceipted).toBe(5);
  await settled(next, reports.at(-1)!.seq);
  expect(await waiting(next)).toBe(0);
});

test("acknowledged telemetry waits 15 s in memory for its receipt, and is written if none comes", async () => {
  const { outbox, disk, pass, settled } = await begin();
  await pass(5_000);
  const { records: before } = disk.contents;
  const records = (): number => disk.contents.records - before;
  const first = outbox.append(position);
  outbox.acknowledge([first], true);
  await pass(5_000);
  expect(records()).toBe(0);
  await settled(outbox, first.seq);
  await pass(20_000);
  expect(records()).toBe(0);
  outbox.acknowledge([outbox.append(position)], true);
  await pass(14_000);
  expect(records()).toBe(0);
  await pass(2_500);
  expect(records()).toBe(1);
});

test("too much of it does not wait in memory", async () => {
  const { outbox, disk, pass } = await begin();
  const { records } = disk.contents;
  for (let n = 0; n < 600; n++) outbox.acknowledge([outbox.append(position)], true);
  await pass(3_000);
  expect(disk.contents.records - records).toBe(600);
});

test("what dispatch lacks is given out again 30 s after its acknowledgement, not before", async () => {
  const { outbox, pass, unstored } = await begin();
  const reports = acknowledged(outbox);
  const [first, last] = [reports[0]!.seq, reports.at(-1)!.seq];
  await pass(10_000);
  expect(await unstored(outbox, first, last)).toEqual({ reports: [], upTo: last });
  await pass(RIPE_MS);
  expect(seqs((await unstored(outbox, first, last)).reports)).toEqual(seqs(reports));
  const part = await unstored(outbox, first, last, 2);
  expect(seqs(part.reports)).toEqual(seqs(reports).slice(0, 2));
  expect(part.upTo).toBe(reports[1]!.seq);
});

test("reports that wait or are on their way are left alone", async () => {
  const { outbox, pass, unstored } = await begin();
  const { seq } = outbox.append(event());
  await pass(RIPE_MS);
  expect(await unstored(outbox, 1, seq)).toEqual({ reports: [], upTo: seq });
});

test("what dispatch lacks and the unit no longer has is declared once, while the gap is pending", async () => {
  const { outbox, pending, pass, unstored, settled } = await begin();
  const reports = acknowledged(outbox);
  const [first, last] = [reports[0]!.seq, reports.at(-1)!.seq];
  await settled(outbox, last);
  await pass(RIPE_MS);
  expect((await unstored(outbox, first, last)).reports).toEqual([]);
  await unstored(outbox, first, last);
  const [gap, ...more] = await pending(outbox);
  expect(gapsIn([gap!])).toEqual([
    { type: "gap", from: first, to: last, count: last - first + 1, reason: "broker" },
  ]);
  expect(more).toEqual([]);
  // A receipt that covers the gap, and a later one that lists its numbers again: dispatch has lost the gap.
  outbox.acknowledge([gap!], true);
  await unstored(outbox, first, last);
  expect(outbox.unreceipted).toBe(1);
  await settled(outbox, gap!.seq);
  await unstored(outbox, first, last);
  expect(gapsIn(await pending(outbox))).toHaveLength(1);
});

test("a number that a pending gap declares is not declared again", async () => {
  const { outbox, pending, pass, unstored } = await begin();
  const report = outbox.append(position);
  outbox.refuse([report]);
  await pass(RIPE_MS);
  await unstored(outbox, report.seq, report.seq);
  expect(gapsIn(await pending(outbox)).map((gap) => (gap as { reason: string }).reason)).toEqual([
    "too-large",
  ]);
});

test("what dispatch lacks and whose record is lost is declared", async () => {
  const { outbox, disk, pending, pass, unstored } = await begin();
  const [report] = acknowledged(outbox);
  await pass(RIPE_MS);
  disk.loseRecord(encodeKey("event", report!.seq));
  expect((await unstored(outbox, report!.seq, report!.seq)).reports).toEqual([]);
  expect(gapsIn(await pending(outbox))).toMatchObject([
    { from: report!.seq, to: report!.seq, reason: "corruption" },
  ]);
});

test("a renewed store gives what is pending numbers of its own, and declares those before", async () => {
  const { outbox, open, close, pending, pass, settled, waiting } = await begin();
  const old = [event("a"), position, emergency].map((draft) => outbox.append(draft));
  outbox.remember(remembering(EPISODE));
  await pass(2_000);
  outbox.renew();
  const renewed = outbox.secure();
  await pass(1_000);
  await renewed;
  const last = outbox.append(event("b"));
  expect(last.store).toBe(outbox.store);
  await close(outbox);
  const next = await open();
  expect(next.store).not.toBe(outbox.store);
  // A receipt of the new store says nothing of the records of the old one.
  await settled(next, last.seq);
  await pending(next); // gives them numbers
  await pass(2_000);
  const now = await pending(next);
  expect(new Set(now.map(({ store }) => store))).toEqual(new Set([next.store]));
  expect(Math.min(...now.map(({ seq }) => seq))).toBeGreaterThan(last.seq);
  const own = now.filter(({ kind, data }) => !(kind === "event" && data.type === "gap"));
  expect(own.map(({ data }) => data)).toEqual(expect.arrayContaining([...old, last].map(({ data }) => data)));
  expect(own).toHaveLength(4);
  // Those of an earlier life are sent without being asked for.
  expect(own.filter(({ seq }) => next.madeHere(seq))).toEqual([]);
  expect(gapsIn(now)).toMatchObject([{ from: 1, reason: "superseded" }]);
  expect(await waiting(next)).toBe(5);
  // A later life goes on with them.
  await close(next);
  const third = await open();
  expect([third.store, await waiting(third)]).toEqual([next.store, 5]);
});

test("a life with custody broker sends once more what an earlier one left waiting for receipts", async () => {
  const { outbox, open, close, pending, pass, waiting } = await begin();
  const reports = acknowledged(outbox);
  await pass(20_000);
  await close(outbox);
  const next = await open();
  void next.keep("broker", false);
  await pass(2_000);
  expect(next.unreceipted).toBe(0);
  const again = await pending(next);
  expect(again.map(({ seq }) => seq).toSorted((x, y) => x - y)).toEqual(reports.map(({ seq }) => seq));
  next.acknowledge(again, true);
  await pass(2_000);
  expect([await waiting(next), await pending(next)]).toEqual([0, []]);
});

test("when receipts end, only what had a subscriber is settled; the rest is to be sent again", async () => {
  const { outbox, pending, pass } = await begin();
  const [heard, unheard] = [event(), event()].map((draft) => outbox.append(draft));
  outbox.acknowledge([heard!], true);
  outbox.acknowledge([unheard!], false);
  await pass(1_000);
  expect(await pending(outbox)).toEqual([]);
  void outbox.keep("broker", false);
  await pass(1_000);
  expect((await pending(outbox)).map(({ seq }) => seq)).toEqual([unheard!.seq]);
});

test("what a broker has acknowledged is few runs, however it was thinned", async () => {
  const { outbox, pending, pass } = await begin();
  const made = Array.from({ length: 6_000 }, () => outbox.append(position));
  outbox.acknowledge(made, true);
  await pass(20_000);
  const missing: Runs = made.filter((_, n) => n % 2 === 1).map(({ seq }) => [seq, seq]);
  void outbox.receipted(made.at(-1)!.seq, missing);
  await pass(5_000);
  expect(outbox.unreceipted).toBe(3_000);
  expect(await pending(outbox)).toEqual([]);
});

test("a number that was given and never handed to a connection is none that dispatch can have", async () => {
  const { outbox, pass } = await begin();
  const reports = [event(), position, emergency, position].map((draft) => outbox.append(draft));
  const [first, second, press, last] = reports.map(({ seq }) => seq);
  await pass(1_000);
  expect(outbox.unsent(first! - 1, [])).toBeUndefined();
  expect(outbox.unsent(last!, [])).toBe(first);
  outbox.sending([reports[0]!]);
  expect(outbox.unsent(last!, [])).toBe(second);
  expect(outbox.unsent(last!, [[second!, second!]])).toBe(last);
  // Emergencies are sent by couriers as well.
  expect(outbox.unsent(press!, [[second!, second!]])).toBeUndefined();
  // An earlier life had sent it: the disk shows it once it answers, among the numbers of this life.
  outbox.acknowledge([reports[1]!, reports[3]!], true);
  expect(outbox.unsent(last!, [])).toBeUndefined();
});

test("a report with a number of a new store is written with the batch that deletes its old record", async () => {
  const { outbox, open, disk, pass, waiting, renew } = await begin();
  for (let n = 0; n < 50; n++) outbox.append(position);
  await pass(20_000);
  await renew(outbox);
  const next = await open();
  await pass(2_000);
  const read = next.read("telemetry", 0, 500).then(() => {
    const seqsNow = Array.from({ length: 50 }, (_, n) => next.next - 50 + n);
    next.acknowledge(
      seqsNow.map((seq) => ({ seq, kind: "position" })),
      true,
    );
  });
  await pass(5);
  await read;
  await pass(3_000);
  disk.cut();
  const third = await open();
  expect(await waiting(third)).toBeGreaterThanOrEqual(50);
});

/** A disk whose store answers late: batches wait for `batches`, reads of several keys for `reads`. */
const withGates = () => {
  const gates: { batches?: Promise<void>; reads?: Promise<void>; asked: boolean } = { asked: false };
  const through = (disk: Disk): Disk =>
    new Proxy(disk, {
      get(target, key) {
        if (key === "openStore")
          return async (opening: Opening): Promise<Store> => {
            const store = await target.openStore(opening);
            return {
              ...store,
              async batch(operations, options) {
                gates.asked = true;
                await gates.batches;
                return store.batch(operations, options);
              },
              async getMany(keys) {
                const values = await store.getMany(keys);
                if (keys.length === 4) await gates.reads;
                return values;
              },
            };
          };
        const value: unknown = Reflect.get(target, key);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
  return { gates, through };
};

test("a report that is written while it is looked for is found", async () => {
  const { gates, through } = withGates();
  const lives = openLives(through);
  const outbox = await lives.open(createRandom(1));
  void outbox.keep("dispatch", true);
  await lives.pass(5_000);
  lives.disk.fault = { kind: "refuses" };
  const reports = [position, position, event(), position].map((draft) => outbox.append(draft));
  outbox.acknowledge(reports, true);
  await lives.pass(60_000);
  lives.disk.fault = undefined;
  const [batches, reads] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  gates.asked = false;
  gates.batches = batches.promise;
  for (let n = 0; n < 5_000 && !gates.asked; n++) await lives.pass(1);
  gates.reads = reads.promise;
  const looked = outbox.unstored(reports[0]!.seq, reports.at(-1)!.seq, 100);
  await lives.pass(5);
  batches.resolve();
  await lives.pass(50);
  reads.resolve();
  await lives.pass(3_000);
  expect(seqs((await looked).reports)).toEqual(seqs(reports));
  expect(outbox.unreceipted).toBe(4);
});

test("the newest report of an earlier life that no broker has shows when it was made", async () => {
  const { outbox, open, close, pass } = await begin();
  const later = { ...position, at: 5_000_000 };
  const sent = outbox.append({ ...position, at: 9_000_000 });
  const [first, last] = [outbox.append(event()), outbox.append(later)];
  outbox.acknowledge([sent], true);
  await pass(2_000);
  await close(outbox);
  const next = await open();
  const asked = async (upTo: number, missing: [number, number][] = []): Promise<number | undefined> => {
    const answer = next.coveredAt(upTo, missing);
    await pass(100);
    return answer;
  };
  expect(await asked(last.seq)).toBe(5_000_000);
  expect(await asked(last.seq, [[last.seq, last.seq]])).toBe(1);
  expect(await asked(first.seq - 1)).toBeUndefined();
});

test("what waited in memory for a receipt when the power went is declared so, not as corruption", async () => {
  const { outbox, disk, open, pending, pass } = await begin();
  await pass(5_000);
  outbox.acknowledge([outbox.append(position), outbox.append(position)], true);
  await pass(3_000);
  outbox.append(event());
  await pass(1_000);
  disk.cut();
  const next = await open();
  expect(new Set(gapsIn(await pending(next)).map((gap) => (gap as { reason: string }).reason))).toEqual(
    new Set(["power-cut"]),
  );
});

test("a gap that declares what dispatch lacks is given out again, though no receipt lists it", async () => {
  const { outbox, pending, pass, unstored, settled } = await begin();
  const report = outbox.append(position);
  outbox.acknowledge([report], true);
  await settled(outbox, report.seq);
  await pass(RIPE_MS);
  await unstored(outbox, report.seq, report.seq);
  const [gap] = await pending(outbox);
  outbox.acknowledge([gap!], true);
  // It may still be on its way.
  expect((await unstored(outbox, report.seq, report.seq)).reports).toEqual([]);
  await pass(RIPE_MS);
  expect(seqs((await unstored(outbox, report.seq, report.seq)).reports)).toEqual([gap!.seq]);
});

test("of many gaps those are given out again that declare what dispatch lacks, not the oldest ones", async () => {
  const { outbox, pending, pass, unstored } = await begin();
  const GAPS = 300;
  const reports = Array.from({ length: 2 * GAPS }, () => outbox.append(position));
  await pass(1_000);
  // Every second one, one after the other: the ledger joins what declares them.
  for (let n = 0; n < 2 * GAPS; n += 2) outbox.refuse([reports[n]!]);
  await pass(1_000);
  const gaps = (await pending(outbox)).filter(({ kind }) => kind === "event");
  expect(gaps).toHaveLength(GAPS);
  outbox.acknowledge(gaps, true);
  await pass(RIPE_MS);
  for (const n of [0, GAPS / 2, GAPS - 1]) {
    const { seq } = reports[2 * n]!;
    // oxlint-disable-next-line no-await-in-loop -- one look after the other
    expect(seqs((await unstored(outbox, seq, seq, 10)).reports)).toEqual([gaps[n]!.seq]);
  }
});

test("the card is written as rarely after a restart in the same process as in its first life", async () => {
  const { outbox, open, close, disk, pass, settled } = await begin();
  const recordsOf = async (life: Outbox): Promise<number> => {
    await pass(5_000);
    const before = disk.contents.records;
    let most = 0;
    for (let second = 0; second < 40; second++) {
      const report = life.append(position);
      life.acknowledge([report], true);
      await pass(1_000);
      most = Math.max(most, disk.contents.records - before);
      await settled(life, report.seq);
    }
    return most;
  };
  const first = await recordsOf(outbox);
  await close(outbox);
  expect([first, await recordsOf(await open())]).toEqual([0, 0]);
});

test("after hours a new store does not keep telemetry from the card", async () => {
  const { outbox, open, pending, disk, pass, waiting, renew } = await begin();
  await pass(36_000_000);
  for (let n = 0; n < 20; n++) outbox.append(position);
  await pass(2_000);
  await renew(outbox);
  const next = await open();
  await pending(next); // gives them numbers
  for (let n = 0; n < 60; n++) {
    next.acknowledge([next.append(position)], true);
    await pass(1_000);
  }
  disk.cut();
  expect(await waiting(await open())).toBeGreaterThanOrEqual(20 + 60 - 17);
});

test("a batch that fails does not part a report with a new number from the deletion of its old record", async () => {
  const { outbox, open, disk, pass, waiting, renew } = await begin();
  for (let n = 0; n < 20; n++) outbox.append(position);
  await pass(20_000);
  await renew(outbox);
  const next = await open();
  await pass(2_000);
  disk.fault = { kind: "refuses" };
  const read = next.read("telemetry", 0, 500);
  await pass(3_000);
  await read;
  next.acknowledge(
    Array.from({ length: 20 }, (_, n) => ({ seq: next.next - 20 + n, kind: "position" as const })),
    true,
  );
  disk.fault = undefined;
  await pass(5_000);
  disk.cut();
  expect(await waiting(await open())).toBeGreaterThanOrEqual(20);
});

test("custody becomes dispatch's: what a broker acknowledged a moment ago may still be on its way", async () => {
  const { outbox, pending, pass, unstored } = await begin();
  void outbox.keep("broker", false);
  await pass(RIPE_MS);
  const reports = acknowledged(outbox);
  const [first, last] = [reports[0]!.seq, reports.at(-1)!.seq];
  await pass(1_000);
  void outbox.keep("dispatch", true);
  await unstored(outbox, first, last);
  expect(await pending(outbox)).toEqual([]);
  await pass(RIPE_MS);
  await unstored(outbox, first, last);
  expect(gapsIn(await pending(outbox))).toMatchObject([{ from: first, to: last, reason: "broker" }]);
});

test("with custody broker what dispatch lacks is declared once, until a receipt covers the declaration", async () => {
  const { outbox, pending, pass, unstored, settled, waiting } = await begin();
  void outbox.keep("broker", true);
  const reports = acknowledged(outbox);
  const [first, last] = [reports[0]!.seq, reports.at(-1)!.seq];
  await pass(1_000);
  await unstored(outbox, first, last);
  expect([await waiting(outbox), await pending(outbox)]).toEqual([0, []]);
  await pass(RIPE_MS);
  expect((await unstored(outbox, first, last)).reports).toEqual([]);
  const [gap, ...more] = await pending(outbox);
  expect(gapsIn([gap!])).toMatchObject([{ from: first, to: last, count: 5, reason: "broker" }]);
  expect(more).toEqual([]);
  // The gap is given out again, and its numbers are not declared anew, before dispatch has it.
  outbox.acknowledge([gap!], true);
  expect([outbox.unreceipted, await pending(outbox)]).toEqual([1, []]);
  await pass(RIPE_MS);
  expect(seqs((await unstored(outbox, first, last)).reports)).toEqual([gap!.seq]);
  expect(await pending(outbox)).toEqual([]);
  await settled(outbox, gap!.seq);
  expect([outbox.unreceipted, await waiting(outbox)]).toEqual([0, 0]);
  await unstored(outbox, first, last);
  expect(gapsIn(await pending(outbox))).toHaveLength(1);
});

test("with custody broker a gap does not wait for receipts that have ended, or never came", async () => {
  const { outbox, pending, pass, unstored, waiting } = await begin();
  void outbox.keep("broker", true);
  const [{ seq }] = acknowledged(outbox) as [Report];
  await pass(RIPE_MS);
  await unstored(outbox, seq, seq);
  outbox.acknowledge(await pending(outbox), true);
  expect(await waiting(outbox)).toBe(1);
  void outbox.keep("broker", false);
  await pass(2_000);
  expect(await waiting(outbox)).toBe(0);
  outbox.refuse([outbox.append(position)]);
  await pass(1_000);
  outbox.acknowledge(await pending(outbox), true);
  await pass(2_000);
  expect([await waiting(outbox), await pending(outbox)]).toEqual([0, []]);
});

test("a later life with custody broker sends a gap once more that an earlier one left waiting", async () => {
  const { outbox, open, close, pending, pass, unstored, settled, waiting } = await begin();
  void outbox.keep("broker", true);
  const [{ seq }] = acknowledged(outbox) as [Report];
  await pass(RIPE_MS);
  await unstored(outbox, seq, seq);
  outbox.acknowledge(await pending(outbox), true);
  await pass(2_000);
  await close(outbox);
  const next = await open();
  void next.keep("broker", true);
  await pass(RIPE_MS);
  const again = await pending(next);
  expect(gapsIn(again)).toMatchObject([{ from: seq, to: seq, reason: "broker" }]);
  // It waits to be sent, so it is left alone.
  expect((await unstored(next, seq, seq)).reports).toEqual([]);
  next.acknowledge(again, true);
  await settled(next, again[0]!.seq);
  expect([await waiting(next), await pending(next)]).toEqual([0, []]);
});
