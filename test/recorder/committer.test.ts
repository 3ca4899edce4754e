import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Committer } from "../../src/recorder/committer.ts";
import { Group, type Pending, type Pressure } from "../../src/recorder/group.ts";
import type { Accepted } from "../../src/recorder/report.ts";
import { StoreError } from "../../src/recorder/store.ts";
import { systemTime } from "../../src/runtime/time.ts";
import { fastTime } from "./fast-time.ts";
import { openMemoryStore, refuses, type TestStore } from "./memory-store.ts";
import { accepted, STORE, UNIT } from "./reports.ts";

let store: TestStore;
let committer: Committer;
let pressure: Pressure[];
const QUIET = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};
beforeEach(async () => {
  store = await openMemoryStore();
  pressure = [];
  const on = {
    committed: () => undefined,
    gone: () => undefined,
    pressure: (now: Pressure) => void pressure.push(now),
  };
  committer = new Committer({ store, time: systemTime, random: () => 0, log: QUIET, on });
});
afterEach(async () => {
  await committer.stop(2_000);
  await store[Symbol.asyncDispose]();
});

/** Adds a message and resolves when it is acknowledged. */
const add = (seqs: readonly number[], isUrgent = false): Promise<void> =>
  new Promise((done) => {
    committer.add({
      accepted: seqs.map((seq) => accepted(seq)),
      rejected: [],
      isUrgent,
      done: () => done(),
    });
  });
const ledger = async () => (await committer.streams([{ unit: UNIT, store: STORE }])).get(`${UNIT} ${STORE}`);
const stored = async (): Promise<number[]> => {
  const seqs: number[] = [];
  for await (const { seq } of store.read({ unit: UNIT, kinds: ["position"] })) seqs.push(seq);
  return seqs;
};

test("messages are committed in groups, an emergency at once", async () => {
  const started = performance.now();
  await Promise.all([add([1]), add([2]), add([3])]);
  expect(performance.now() - started).toBeGreaterThan(200);
  expect(store.commits).toHaveLength(1);
  const again = performance.now();
  await add([4], true);
  expect(performance.now() - again).toBeLessThan(200);
});

test("a message is not acknowledged before its commit, and the ledger says nothing of it", async () => {
  const commit = Promise.withResolvers<void>();
  store.before = () => commit.promise;
  let isDone = false;
  const done = add([1], true).then(() => (isDone = true));
  expect(await ledger()).toBeUndefined();
  expect(isDone).toBe(false);
  commit.resolve();
  await done;
  expect((await ledger())?.ledger.received.runs).toEqual([[1, 1]]);
});

test("while the store cannot be written, messages wait, and are committed once it can", async () => {
  let failures = 0;
  store.before = () => {
    if (failures++ < 2) throw new StoreError("unavailable", "the disk is full");
  };
  await add([1, 2], true);
  expect(failures).toBe(3);
  expect(await stored()).toEqual([1, 2]);
});

describe("while the store cannot be written", () => {
  const away = () => {
    throw new StoreError("unavailable", "the disk is full");
  };

  test("an emergency is tried again each second", async () => {
    const pauses: unknown[] = [];
    const back = Promise.withResolvers<void>();
    let failures = 0;
    store.before = () => {
      if (failures++ < 12) away();
    };
    const hasty = new Committer({
      store,
      time: fastTime(50),
      random: () => 1,
      log: { ...QUIET, error: (_, fields) => void pauses.push(fields) },
      on: { committed: () => undefined, gone: () => undefined, pressure: () => undefined },
    });
    hasty.add({ accepted: [accepted(1)], rejected: [], isUrgent: true, done: () => back.resolve() });
    await back.promise;
    expect(pauses).toHaveLength(12);
    expect(pauses.slice(1)).toEqual(
      Array.from({ length: 11 }, () => expect.objectContaining({ retryMs: 1_000 })),
    );
    await hasty.stop(100);
  });

  test("the first emergency ends the pause, further ones do not", async () => {
    let failures = 0;
    store.before = () => {
      failures++;
      away();
    };
    void add([1]);
    await expect.poll(() => failures, { timeout: 5_000 }).toBe(4);
    // The pause is 2 s now.
    void add([2], true);
    await expect.poll(() => failures, { timeout: 500 }).toBe(5);
    for (let seq = 3; seq < 30; seq++) void add([seq], true);
    await sleep(200);
    expect(failures).toBe(5);
    store.before = () => undefined;
    await add([30], true);
    expect(await stored()).toHaveLength(30);
  });
});

test("a commit whose outcome was not known is not stored twice", async () => {
  let isFirst = true;
  store.before = async (commit) => {
    if (!isFirst) return;
    isFirst = false;
    store.before = () => undefined;
    await store.commit(commit);
    throw new StoreError("unavailable", "the connection broke at COMMIT");
  };
  await add([1, 2], true);
  expect(await stored()).toEqual([1, 2]);
});

test("a message that is done names its reports that are not stored", async () => {
  store.before = refuses(({ reports }) => reports.some(({ report }) => report.seq === 3));
  await add([1]);
  const message = [accepted(1, { boot: 2 }), accepted(2), accepted(3)];
  const unstored = await new Promise<ReadonlySet<Accepted>>((done) => {
    committer.add({ accepted: message, rejected: [], isUrgent: true, done });
  });
  expect([...unstored].map(({ report }) => report.seq)).toEqual([1, 3]);
});

test("a conflict that comes again and again is kept once, and is not stored each time", async () => {
  await add([1]);
  const again = () =>
    new Promise<ReadonlySet<Accepted>>((done) => {
      const conflicting = [accepted(1, { boot: 2 }), accepted(1, { boot: 2, at: 0 })];
      committer.add({ accepted: conflicting, rejected: [], isUrgent: true, done });
    });
  expect((await again()).size).toBe(2);
  expect((await again()).size).toBe(2);
  expect(await store.conflicts()).toBe(1);
  await new Promise<unknown>((done) => {
    const another = [accepted(1, { boot: 3 })];
    committer.add({ accepted: another, rejected: [], isUrgent: true, done });
  });
  expect(await store.conflicts()).toBe(2);
});

test("a report that the store refuses is rejected by itself: the others of its message are stored", async () => {
  store.before = refuses(({ reports }) => reports.some(({ report }) => report.seq === 3));
  await Promise.all([add([1, 2, 3, 4]), add([5], true)]);
  expect(await stored()).toEqual([1, 2, 4, 5]);
  expect(await store.rejected()).toBe(1);
  const stream = await ledger();
  expect(stream?.rejected).toBe(1);
  expect(stream?.ledger.received.runs).toEqual([[1, 5]]);
});

test("what cannot even be kept as rejected is given up, and stops nothing", async () => {
  store.before = refuses(({ rejected }) => rejected.length > 0);
  committer.add({
    accepted: [],
    rejected: [{ topic: "t", reason: "r", bytes: Buffer.alloc(1) }],
    isUrgent: false,
    done: () => undefined,
  });
  await add([1], true);
  expect(await stored()).toEqual([1]);
});

test("another recorder's commit in between is taken into account", async () => {
  await add([1], true);
  const other = new Committer({
    store,
    time: systemTime,
    random: () => 0,
    log: QUIET,
    on: { committed: () => undefined, gone: () => undefined, pressure: () => undefined },
  });
  await new Promise<void>((done) =>
    other.add({ accepted: [accepted(2), accepted(3)], rejected: [], isUrgent: true, done: () => done() }),
  );
  await add([3, 4], true);
  expect(await stored()).toEqual([1, 2, 3, 4]);
  await other.stop(100);
});

test("reading is paused when too much waits, and goes on when half of it is committed", async () => {
  const open = Promise.withResolvers<void>();
  store.before = () => open.promise;
  const all = Array.from({ length: 60 }, (_, n) =>
    add(Array.from({ length: 500 }, (__, i) => n * 500 + i + 1)),
  );
  expect(pressure).toEqual(["bulk"]);
  open.resolve();
  await Promise.all(all);
  expect(pressure).toEqual(["bulk", "none"]);
  expect(Math.max(...store.commits.map(({ reports }) => reports.length))).toBeLessThanOrEqual(2_500);
});

test("a stop commits what waits", async () => {
  const done = add([1]);
  await committer.stop(2_000);
  await done;
  expect(await stored()).toEqual([1]);
});

test("a stop does not wait for a store that cannot be written, and acknowledges nothing", async () => {
  store.before = () => {
    throw new StoreError("unavailable", "gone");
  };
  let isDone = false;
  void add([1]).then(() => (isDone = true));
  await committer.stop(100);
  expect(isDone).toBe(false);
});

test("a broker that sends few messages before it wants an answer is not kept waiting", () => {
  const group = new Group();
  const one: Pending = { accepted: [accepted(1)], rejected: [], isUrgent: false, done: () => undefined };
  for (let n = 0; n < 20; n++) group.add(one, 0);
  expect(group.dueIn(0)).toBe(15);
  expect(group.dueIn(15)).toBe(0);
});
