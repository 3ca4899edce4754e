import { afterEach, beforeEach, expect, test } from "vitest";
import { plan, repeatedOf, streamsOf, type Batch } from "../../src/recorder/plan.ts";
import { streamKey, type Accepted, type Rejected, type StoredReport } from "../../src/recorder/report.ts";
import { StoreError, type ReadReport, type Store, type Stream } from "../../src/recorder/store.ts";
import { accepted, AT, emergencyData, gapData, STORE, UNIT } from "../recorder/reports.ts";

/** Opens the same store again and again: what one has committed, the next one reads. */
export type OpenStore = () => Promise<Store>;

const { episode: EPISODE } = emergencyData();
const emergency = (seq: number, more: Partial<StoredReport> = {}, episode = EPISODE) =>
  accepted(
    seq,
    { kind: "emergency", data: JSON.stringify(emergencyData({ episode })), ...more },
    { kind: "emergency", episode, state: "active", shortened: 0 },
  );

const all = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
};

const knownTo = async (store: Store, batch: Batch): Promise<Map<string, Stream>> =>
  new Map((await store.load([...streamsOf(batch).values()])).map((one) => [streamKey(one), one]));

const write = async (store: Store, reports: readonly Accepted[], rejected: readonly Rejected[] = []) => {
  const batch = { accepted: reports, rejected };
  const known = await knownTo(store, batch);
  const stored = await store.find(repeatedOf(batch, known).map(({ report }) => report));
  return store.commit(plan(batch, known, stored, AT));
};

const read = async (store: Store, kinds = ["position", "emergency", "event"]): Promise<ReadReport[]> =>
  all(store.read({ unit: UNIT, kinds }));

/** The contract of a recorder's store. `reset`: makes an empty one and returns how it is opened. */
export const storeContract = (reset: () => Promise<OpenStore>): void => {
  let open: OpenStore;
  let stack: AsyncDisposableStack;
  const use = async () => stack.use(await open());
  beforeEach(async () => {
    open = await reset();
    stack = new AsyncDisposableStack();
  });
  afterEach(() => stack.disposeAsync());

  test("what was committed is read back as it was, also by the next one that opens it", async () => {
    const extra = JSON.stringify({ region: "north", ключ: [1, { a: null }] });
    const one = accepted(7, { extra, live: false, data: JSON.stringify({ lat: 45, lon: 20, x: 'ž"\\\n' }) });
    await using first = await open();
    expect(await write(first, [one])).toEqual({ kind: "committed" });
    const again = await use();
    const [found] = await read(again);
    expect({ ...found, data: JSON.parse(found!.data), extra: JSON.parse(found!.extra!) }).toEqual({
      ...one.report,
      data: JSON.parse(one.report.data),
      extra: JSON.parse(extra),
      correctedAt: undefined,
    });
    expect(again.id).toBe(first.id);
    expect(again.id).toMatch(/^[0-9a-f]{16}$/);
  });

  test("instants before 1970, of the year 0 and of the year 9999 are kept to the millisecond", async () => {
    const store = await use();
    const instants = [Date.UTC(-1, 12), -1, 253_402_300_799_999, AT + 123];
    await write(
      store,
      instants.map((at, n) => accepted(n + 1, { at })),
    );
    expect((await read(store)).map(({ at }) => at)).toEqual(instants);
  });

  test("a ledger with thousands of runs is loaded as it was committed", async () => {
    const store = await use();
    const odd = Array.from({ length: 3_000 }, (_, n) => accepted(2 * n + 1));
    const kept = Array.from({ length: 500 }, (_, n) => 2 * n + 1);
    await write(store, odd);
    const gap = { from: 1, to: 1_000, kept, reason: "retention" } as const;
    await write(store, [
      accepted(9_000, { kind: "event", data: JSON.stringify(gapData(1, 1_000, kept)) }, { kind: "gap", gap }),
    ]);
    const [stream] = await (await use()).load([{ unit: UNIT, store: STORE }]);
    expect(stream!.ledger.received.runs).toHaveLength(3_001);
    expect(stream!.ledger.declared.get("retention")?.runs).toHaveLength(500);
    expect(stream!.ledger.missing.runs.slice(0, 2)).toEqual([
      [1_002, 1_002],
      [1_004, 1_004],
    ]);
    expect(stream!.ledger.missing.runs.at(-1)).toEqual([6_000, 8_999]);
  });

  test("runs that grow together become one", async () => {
    const store = await use();
    await write(store, [accepted(1), accepted(3), accepted(5)]);
    await write(store, [accepted(4), accepted(2)]);
    const [stream] = await store.load([{ unit: UNIT, store: STORE }]);
    expect(stream!.ledger.received.runs).toEqual([[1, 5]]);
    expect(stream!.version).toBe(2);
  });

  test("a number is stored once, and duplicates are counted", async () => {
    const store = await use();
    await write(store, [accepted(1), accepted(2), accepted(2)]);
    await write(store, [accepted(2), accepted(3)]);
    expect((await read(store)).map(({ seq }) => seq)).toEqual([1, 2, 3]);
    const [stream] = await all(store.streams());
    expect(stream).toMatchObject({ unit: UNIT, store: STORE, duplicates: 2, rejected: 0 });
  });

  test("the same number of another store of the unit is another report", async () => {
    const store = await use();
    await write(store, [accepted(1), accepted(1, { store: "zzzzzzzz" }), accepted(1, { store: "" })]);
    expect((await read(store)).map((one) => one.store).toSorted()).toEqual(
      ["", STORE, "zzzzzzzz"].toSorted(),
    );
  });

  test("of two recorders that change the same ledger, the second one writes nothing", async () => {
    const one = await use();
    const other = await use();
    const batch = { accepted: [accepted(1)], rejected: [] };
    const known = await knownTo(one, batch);
    expect(await other.commit(plan(batch, known, [], AT))).toEqual({ kind: "committed" });
    expect(await one.commit(plan(batch, known, [], AT))).toEqual({ kind: "conflict" });
    const later = { accepted: [accepted(1), accepted(2)], rejected: [] };
    const stale = await knownTo(one, later);
    expect(await write(other, [accepted(2)])).toEqual({ kind: "committed" });
    expect(await one.commit(plan(later, stale, [], AT))).toEqual({ kind: "conflict" });
    expect((await read(one)).map(({ seq }) => seq)).toEqual([1, 2]);
  });

  test("a fuller copy of a shortened emergency replaces it, a shorter one does not", async () => {
    const store = await use();
    const copy = (shortened: string[]) =>
      accepted(
        4,
        { kind: "emergency", data: JSON.stringify(emergencyData(shortened.length > 0 ? { shortened } : {})) },
        { kind: "emergency", episode: EPISODE, state: "active", shortened: shortened.length },
      );
    const shownAs = async () =>
      (JSON.parse((await read(store))[0]!.data) as { shortened?: string[] }).shortened;
    await write(store, [copy(["track", "vehicle"])]);
    await write(store, [copy(["track", "vehicle", "buttons"])]);
    expect(await shownAs()).toEqual(["track", "vehicle"]);
    await write(store, [copy(["track"])]);
    expect(await shownAs()).toEqual(["track"]);
    await write(store, [copy([])]);
    expect(await shownAs()).toBeUndefined();
    await write(store, [copy(["track"])]);
    expect(await shownAs()).toBeUndefined();
  });

  test.each([
    ["kind", () => accepted(4), emergency(4)],
    ["boot", () => emergency(4), emergency(4, { boot: 3 })],
    ["mono", () => emergency(4), emergency(4, { mono: 1 })],
    ["episode", () => emergency(4), emergency(4, {}, "01M8BCC000SXTYMZNGRST3H6JT")],
    ["kind, of a report that is no emergency", () => emergency(4), accepted(4)],
  ])("a report with a stored number and another %s is kept as a conflict", async (_, first, other) => {
    const store = await use();
    await write(store, [first()]);
    await write(store, [other, first()]);
    expect(await store.conflicts()).toBe(1);
    expect(await store.rejected()).toBe(1);
    expect(await read(store)).toMatchObject([{ seq: 4, kind: first().report.kind, boot: 1, mono: 4_000 }]);
    const [stream] = await store.load([{ unit: UNIT, store: STORE }]);
    expect(stream).toMatchObject({ duplicates: 1, rejected: 1 });
  });

  test("of two reports in one commit with one number, the second one is a conflict", async () => {
    const store = await use();
    await write(store, [accepted(4), emergency(4)]);
    expect(await store.conflicts()).toBe(1);
    expect(await read(store)).toMatchObject([{ seq: 4, kind: "position" }]);
  });

  test("an emergency that is sent again with another time, clock and attempt is a duplicate", async () => {
    const store = await use();
    await write(store, [emergency(4)]);
    const data = JSON.stringify(emergencyData({ attempt: 7 }));
    await write(store, [emergency(4, { data, live: false, at: AT + 1, clock: "unset" })]);
    expect(await store.rejected()).toBe(0);
    expect((await store.load([{ unit: UNIT, store: STORE }]))[0]?.duplicates).toBe(1);
  });

  test("an emergency whose number was rejected before is stored", async () => {
    const store = await use();
    const number = { unit: UNIT, store: STORE, seq: 4 };
    await write(store, [], [{ topic: "x", reason: "y", bytes: Buffer.alloc(1), number }]);
    await write(store, [emergency(4)]);
    expect(await read(store)).toMatchObject([{ seq: 4, kind: "emergency" }]);
    expect(await store.conflicts()).toBe(0);
  });

  test("a clock correction corrects what was sent with an unset clock in that boot", async () => {
    const store = await use();
    const correction = { boot: 1, mono: 10_000, at: AT };
    await write(store, [
      accepted(1, { clock: "unset", mono: 4_000, at: 0 }),
      accepted(2, { clock: "unset", mono: 4_000, at: 0, boot: 2 }),
      accepted(3, { clock: "gnss", mono: 5_000 }),
      accepted(4, { kind: "event", data: '{"type":"clock"}' }, { kind: "clock", correction }),
    ]);
    const found = await read(store, ["position"]);
    expect(found.map(({ correctedAt }) => correctedAt)).toEqual([AT - 6_000, undefined, undefined]);
    const near = await all(store.read({ unit: UNIT, kinds: ["position"], from: AT - 6_000, to: AT - 5_999 }));
    expect(near.map(({ seq }) => seq)).toEqual([1]);
    expect(await store.corrections({ unit: UNIT, store: STORE })).toBe(1);
  });

  test("rejected messages are kept with topic, reason and bytes, and their numbers count as received", async () => {
    const store = await use();
    const number = { unit: UNIT, store: STORE, seq: 2 };
    const bytes = Buffer.from([0, 255, 10]);
    await write(
      store,
      [accepted(1)],
      [
        { topic: "patrol/v1/a/b/event", reason: "bad \0 \ud800", bytes, number },
        { topic: "x", reason: "y", bytes: Buffer.alloc(1_000_000) },
      ],
    );
    expect(await store.rejected()).toBe(2);
    const [stream] = await store.load([{ unit: UNIT, store: STORE }]);
    expect(stream!.ledger.received.runs).toEqual([[1, 2]]);
    expect(stream!.rejected).toBe(1);
    expect((await read(store)).map(({ seq }) => seq)).toEqual([1]);
  });

  test("a rejected message whose bytes are kept already is known, whatever its topic and reason", async () => {
    const store = await use();
    const kept = { topic: "a.ndjson", reason: "y", bytes: Buffer.from([0, 255, 10]) };
    const large = { ...kept, bytes: Buffer.alloc(1_000_000) };
    await write(store, [], [kept, large]);
    const moved = { ...kept, topic: "b.ndjson", reason: "z" };
    const other = { ...kept, bytes: Buffer.from([0, 255]) };
    const longer = { ...kept, bytes: Buffer.alloc(1_000_001) };
    expect(await store.kept([other, moved, longer, large])).toEqual(new Set([moved, large]));
    expect(await store.kept([])).toEqual(new Set());
  });

  test("content that the store refuses is named as such, and the store goes on", async () => {
    const store = await use();
    await write(store, [accepted(1)]);
    const bad = accepted(2, { seq: Number.MAX_SAFE_INTEGER, boot: 1.5 });
    const outcome = await write(store, [bad]).catch((error: unknown) => error);
    if (outcome instanceof StoreError) expect(outcome.code).toBe("refused");
    else expect(outcome).toEqual({ kind: "committed" });
    expect(await write(store, [accepted(3)])).toEqual({ kind: "committed" });
  });

  test("more reports than a page holds are read in the order of their numbers", async () => {
    const store = await use();
    await write(
      store,
      Array.from({ length: 2_500 }, (_, n) => accepted(n + 1)),
    );
    expect((await read(store)).map(({ seq }) => seq)).toEqual(Array.from({ length: 2_500 }, (_, n) => n + 1));
  });

  test("a second recorder of one name waits until the first has gone", async () => {
    const signal = new AbortController().signal;
    const first = await open();
    const second = await use();
    await first.lock("a", signal, () => expect.unreachable());
    await second.lock("b", signal, () => expect.unreachable());
    const third = await use();
    const waits = Promise.withResolvers<void>();
    let isThere = false;
    const lock = third.lock("a", signal, waits.resolve).then(() => (isThere = true));
    await waits.promise;
    expect(isThere).toBe(false);
    await first[Symbol.asyncDispose]();
    await lock;
  });

  test("the list of silent units of a recorder is replaced as a whole, and that of another one stays", async () => {
    const store = await use();
    const one = { unit: UNIT, since: AT, last: AT - 1, expectedS: 10 };
    await store.saveSilent("south", [one]);
    await store.saveSilent("north", [one, { ...one, unit: "a/b" }]);
    expect((await store.silent("north")).map(({ unit }) => unit).toSorted()).toEqual(["a/b", UNIT]);
    await store.saveSilent("north", [one]);
    expect(await (await use()).silent("north")).toEqual([one]);
    await store.saveSilent("north", []);
    expect(await store.silent("north")).toEqual([]);
    expect(await store.silent("south")).toEqual([one]);
  });
};
