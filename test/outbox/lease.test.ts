import { expect, test } from "vitest";
import { emptyLedger } from "../../src/outbox/ledger.ts";
import { Numbers } from "../../src/outbox/numbers.ts";
import { Queue } from "../../src/outbox/queue.ts";
import type { Runs } from "../../src/domain/runs.ts";
import { numberBeyond } from "../../src/outbox/start.ts";
import { EPISODE } from "./kept-episode.ts";

test("numbers that jumped far ahead are leased with two writes, each within the reach of the one before", () => {
  const queue = new Queue({ unit: "z/z", store: "k3v9q0ab", boot: 1 }, emptyLedger(1), {
    lease: 65,
    reach: 577,
  });
  // The newest place of the vital file was lost: only the store knows how far the numbers went.
  const lanes = { emergency: [], event: [], telemetry: [] };
  queue.recovered({ ledger: emptyLedger(2 ** 40), lanes, gaps: [], ghosts: lanes });
  expect(queue.allLeased).toBe(false);
  let reach = 577;
  let writes = 0;
  for (; !queue.allLeased && writes < 100; writes++) {
    const wanted = queue.wantedLease();
    expect(wanted.lease).toBeLessThanOrEqual(reach);
    ({ reach } = wanted);
    queue.leaseWritten(wanted);
  }
  expect(writes).toBe(2);
});

test("numbers that are free without a lease end at the lease of a write that may be on disk", () => {
  const numbers = new Numbers({ lease: 65, reach: 577 }, 60);
  const FAR = 2 ** 40;
  numbers.left(FAR);
  expect(numbers.leased(FAR + 2 ** 30)).toBe(true);
  const first = numbers.wanted(FAR + 10);
  // It fails, or does not end: the next life begins at its lease, or at an older one.
  expect(numbers.leased(first.lease - 1)).toBe(true);
  expect(numbers.leased(first.lease)).toBe(false);
  const second = numbers.wanted(FAR + 20);
  expect(second.lease).toBeGreaterThan(first.lease);
  expect(numbers.leased(first.lease)).toBe(false);
  numbers.written(second);
  expect(numbers.leased(second.lease - 1)).toBe(true);
});

test("a lease from before the numbers jumped does not end what is free", () => {
  const numbers = new Numbers({ lease: 65, reach: 577 }, 60);
  const before = numbers.wanted(60);
  numbers.left(2 ** 40);
  numbers.written(before);
  expect(numbers.leased(2 ** 40)).toBe(true);
  expect(numbers.leased(before.lease)).toBe(false);
});

test("when the free numbers are used up they jump again, and only what nobody may publish is left behind", () => {
  const queue = new Queue({ unit: "z/z", store: "k3v9q0ab", boot: 1 }, emptyLedger(1), {
    lease: 1,
    reach: 577,
  });
  const FAR = 2 ** 40;
  queue.leaveNumbers(FAR);
  const { lease } = queue.wantedLease();
  const made = Array.from({ length: lease - FAR + 2 }, () =>
    queue.append({ kind: "event", data: { type: "shutdown", reason: "x" }, at: 1, clock: "gnss" }, 1),
  );
  expect(queue.allLeased).toBe(false);
  expect(queue.leaveNumbers(2 * FAR)).toEqual([[lease, 2 * FAR - 1]]);
  expect(made.map(({ seq }) => seq).slice(-3)).toEqual([lease - 1, 2 * FAR, 2 * FAR + 1]);
  expect(made.every(({ seq }) => queue.leased(seq))).toBe(true);
});

test("records of an earlier life between this life's numbers and the next jump are not left behind", () => {
  const FAR = 2 ** 40;
  const queue = new Queue({ unit: "z/z", store: "k3v9q0ab", boot: 1 }, emptyLedger(FAR), {
    lease: 1,
    reach: 577,
  });
  queue.leaveNumbers(FAR);
  queue.wantedLease(); // a write that fails
  const event: Runs = [[2 * FAR, 2 * FAR]];
  const lanes = { emergency: [], event, telemetry: [] };
  queue.recovered({ ledger: emptyLedger(3 * FAR), lanes, gaps: [], ghosts: lanes });
  expect(queue.leaveNumbers(4 * FAR)).toEqual([[3 * FAR, 4 * FAR - 1]]);
  expect(queue.isPending({ seq: 2 * FAR, kind: "event" })).toBe(true);
});

test("an emergency of an earlier store whose number is left behind is still one of an earlier life", () => {
  const queue = new Queue({ unit: "z/z", store: "k3v9q0ab", boot: 2 }, emptyLedger(100), {
    lease: 100,
    reach: 577,
  });
  const lanes = { emergency: [[9, 9]] as Runs, event: [], telemetry: [] };
  queue.recovered({ ledger: emptyLedger(100), lanes, gaps: [], ghosts: lanes });
  const data = {
    episode: EPISODE,
    state: "active",
    test: false,
    button: "dash",
    presses: 1,
    attempt: 1,
  } as const;
  const of = {
    v: 1,
    unit: "z/z",
    store: "older000",
    boot: 1,
    at: "2026-11-24T08:00:00.000Z",
    clock: "gnss",
  } as const;
  queue.renumber({ ...of, seq: 9, kind: "emergency", mono: 36_000_000, data });
  const own = queue.append({ kind: "emergency", data, at: 1, clock: "gnss" }, 1).seq;
  const FAR = 2 ** 40;
  queue.leaveNumbers(FAR);
  expect(own).toBe(101);
  expect([queue.madeHere(FAR), queue.madeHere(FAR + 1)]).toEqual([false, true]);
  // It is written by the batch that deletes its old record, and it has the time of another life.
  expect(queue.eldest?.seq).toBe(FAR + 1);
});

test("a card that stalls once a minute uses up no more than half of the numbers in a year", () => {
  let next = 1;
  for (let minute = 0; minute < 366 * 1_440; minute++) next = numberBeyond(next, () => 0.5) + 60;
  expect(next).toBeLessThan(2 ** 52);
});
