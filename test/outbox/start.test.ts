import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Draft } from "../../src/domain/report.ts";
import { fillBacklog } from "../journeys/backlog.ts";
import { EPISODE, remembering } from "./kept-episode.ts";
import { openTestOutbox } from "./open-outbox.ts";

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "start-"));
  path = join(folder, "outbox");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const event: Draft = { kind: "event", data: { type: "shutdown", reason: "x" }, at: 1, clock: "gnss" };
const press: Draft = {
  kind: "emergency",
  data: { episode: EPISODE, state: "active", test: false, button: "dash", presses: 1, attempt: 1 },
  at: 1,
  clock: "gnss",
};
const median = (times: readonly number[]): number => times.toSorted((a, b) => a - b)[times.length >> 1]!;

const timeToBegin = async (rounds: number): Promise<number> => {
  const times: number[] = [];
  for (let n = 0; n < rounds; n++) {
    const begun = performance.now();
    await using outbox = await openTestOutbox(path, { early: true });
    times.push(performance.now() - begun);
    await outbox.opened;
  }
  return median(times);
};

describe("a start", () => {
  test("300,000 waiting records add at most 20 ms, and a press is secured before they are scanned", async () => {
    const empty = await timeToBegin(5);
    await fillBacklog({ folder }, 300_000);
    const full = await timeToBegin(5);
    const begun = performance.now();
    await using outbox = await openTestOutbox(path, { early: true });
    expect(outbox.state).toEqual({ kind: "opening" });
    outbox.append(press);
    outbox.remember(remembering(EPISODE));
    await outbox.secure();
    const secured = performance.now() - begun;
    expect(outbox.state).toEqual({ kind: "opening" });
    await outbox.opened;
    const scanned = performance.now() - begun;
    process.stdout.write(
      `begin: ${empty.toFixed(1)} ms empty, ${full.toFixed(1)} ms with 300,000 waiting; press secured after ${secured.toFixed(1)} ms, scanned after ${scanned.toFixed(0)} ms\n`,
    );
    expect(full - empty).toBeLessThan(20);
    expect((await outbox.stats()).records).toBe(300_001);
  }, 60_000);

  test("scanning leaves the event loop free: other work waits for a page, not for the scan", async () => {
    await fillBacklog({ folder }, 300_000);
    await using outbox = await openTestOutbox(path, { early: true });
    let longest = 0;
    const begun = performance.now();
    while (outbox.state.kind === "opening") {
      const before = performance.now();
      await turn();
      longest = Math.max(longest, performance.now() - before);
    }
    const scanned = performance.now() - begun;
    process.stdout.write(
      `scanning 300,000 records takes ${scanned.toFixed(0)} ms, a turn meanwhile at most ${longest.toFixed(1)} ms\n`,
    );
    expect(longest).toBeLessThan(Math.max(50, scanned / 4));
  }, 60_000);

  test("before the store is open a lane gives what memory holds, and then what the disk holds as well", async () => {
    {
      await using outbox = await openTestOutbox(path);
      outbox.append(event);
    }
    await using outbox = await openTestOutbox(path, { early: true });
    const fresh = outbox.append(event);
    expect(outbox.leased(fresh.seq)).toBe(true);
    const early = await outbox.read("event", 0, 10);
    expect(early).toEqual({ reports: [fresh], cursor: 0 });
    expect(await outbox.stats()).toMatchObject({ records: 1 });
    await outbox.opened;
    await outbox.flush();
    expect((await outbox.read("event", 0, 10)).reports.map(({ seq }) => seq)).toEqual([1, fresh.seq]);
    expect(await outbox.stats()).toMatchObject({ records: 2 });
  });

  test("what is delivered from memory before the store is open does not come again", async () => {
    {
      await using outbox = await openTestOutbox(path);
      outbox.append(press);
    }
    await using outbox = await openTestOutbox(path, { early: true });
    // Dispatch has the earlier life's report from the memory of the episode.
    outbox.acknowledge([{ seq: 1, kind: "emergency" }], true);
    await outbox.opened;
    await outbox.flush();
    expect((await outbox.read("emergency", 0, 10)).reports).toEqual([]);
    expect(await outbox.stats()).toMatchObject({ records: 0 });
  });

  test("an emergency in the store whose episode has ended is declared superseded, not published again", async () => {
    {
      await using outbox = await openTestOutbox(path);
      outbox.append(press);
      outbox.remember(remembering(EPISODE));
    }
    {
      // Published and ended, and killed before the store knew: only the vital file does.
      await using outbox = await openTestOutbox(path, { early: true });
      outbox.remember(remembering());
      await outbox.secure();
      cpSync(path, `${path}-cut`, { recursive: true });
      cpSync(`${path}.vital`, `${path}-cut.vital`);
    }
    await using outbox = await openTestOutbox(`${path}-cut`);
    await outbox.flush();
    expect((await outbox.read("emergency", 0, 10)).reports).toEqual([]);
    const gaps = (await outbox.read("event", 0, 10)).reports.map(({ data }) => data);
    expect(gaps).toContainEqual({ type: "gap", from: 1, to: 1, count: 1, reason: "superseded" });
  });

  test("an emergency in the store is published if its episode is open, or if the memory is lost", async () => {
    {
      await using outbox = await openTestOutbox(path);
      outbox.append(press);
      outbox.remember(remembering(EPISODE));
    }
    {
      await using outbox = await openTestOutbox(path);
      expect((await outbox.read("emergency", 0, 10)).reports).toHaveLength(1);
    }
    rmSync(`${path}.vital`);
    await using outbox = await openTestOutbox(path);
    expect((await outbox.read("emergency", 0, 10)).reports).toHaveLength(1);
  });

  test("a stop in the middle of the scan keeps what was appended, and declares nothing", async () => {
    await fillBacklog({ folder }, 50_000);
    let seq = 0;
    {
      await using outbox = await openTestOutbox(path, { early: true });
      ({ seq } = outbox.append(event));
      expect(outbox.state).toEqual({ kind: "opening" });
    }
    await using outbox = await openTestOutbox(path);
    const { reports } = await outbox.read("event", 0, 10);
    expect(reports.map((report) => report.seq)).toEqual([seq]);
    expect(await outbox.stats()).toMatchObject({ records: 50_001 });
  }, 30_000);

  test("the store keeps its name, and the connection its count, over restarts and a lost store", async () => {
    let store = "";
    {
      await using outbox = await openTestOutbox(path);
      ({ store } = outbox);
      expect(store).toMatch(/^[0-9a-z]{8}$/);
      expect(outbox.append(event)).toMatchObject({ store, seq: 1 });
      expect([outbox.nextConnection(), outbox.nextConnection()]).toEqual([1, 2]);
    }
    {
      await using outbox = await openTestOutbox(path);
      expect([outbox.store, outbox.nextConnection()]).toEqual([store, 3]);
    }
    rmSync(path, { recursive: true });
    {
      await using outbox = await openTestOutbox(path);
      expect([outbox.store, outbox.nextConnection(), outbox.boot]).toEqual([store, 4, 3]);
    }
    rmSync(`${path}.vital`);
    {
      // The ledger knows the name and the numbers.
      let doubtful = false;
      await using outbox = await openTestOutbox(path, { on: { doubtful: () => (doubtful = true) } });
      expect([outbox.store, doubtful]).toEqual([store, true]);
      expect(outbox.boot).toBeGreaterThan(3);
    }
    rmSync(path, { recursive: true });
    rmSync(`${path}.vital`);
    await using outbox = await openTestOutbox(path);
    expect(outbox.store).not.toBe(store);
    expect(outbox.append(event).seq).toBe(1);
  });
});
