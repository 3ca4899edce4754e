import { expect, test } from "vitest";
import { Measurements } from "./measurements.ts";

const STORE = "k3v9q0ab";

test("a receipt ends the journeys that it covers, and no others", () => {
  const measured = new Measurements("d/u");
  for (const seq of [1, 2, 3, 4]) measured.position({ store: STORE, seq }, 1_000 + seq);
  measured.receipt({ store: "0ther000", upTo: 9, missing: [] }, 2_000);
  measured.receipt({ store: STORE, upTo: 3, missing: [[2, 2]] }, 3_000);
  measured.receipt({ store: STORE, upTo: 3, missing: [] }, 4_000);
  expect(measured.journeys.map(({ seq, receiptAt }) => [seq, receiptAt])).toEqual([
    [1, 3_000],
    [2, 4_000],
    [3, 3_000],
    [4, undefined],
  ]);
});

test("a report that is published again keeps the time of the first", () => {
  const measured = new Measurements("d/u");
  measured.position({ store: STORE, seq: 1 }, 1_000);
  measured.position({ store: STORE, seq: 1 }, 6_000);
  expect(measured.journeys.map(({ publishedAt }) => publishedAt)).toEqual([1_000]);
});

test("a press has the number of the first report after it, and the first time that the lamp showed it received", () => {
  const measured = new Measurements("d/u");
  measured.pressed(1_000);
  measured.emergency({ store: STORE, seq: 7 });
  measured.emergency({ store: STORE, seq: 8 });
  measured.received(1_050);
  measured.received(2_000);
  expect(measured.presses).toEqual([
    { unit: "d/u", store: STORE, seq: 7, pressedAt: 1_000, receivedAt: 1_050 },
  ]);
});

test("what was measured before the beginning is forgotten", () => {
  const measured = new Measurements("d/u");
  measured.position({ store: STORE, seq: 1 }, 1_000);
  measured.begin();
  expect([measured.journeys, measured.presses]).toEqual([[], []]);
});

test("what was published before the mark lacks its receipt until one covers all of it", () => {
  const measured = new Measurements("d/u");
  measured.position({ store: STORE, seq: 4 }, 1_000);
  measured.emergency({ store: STORE, seq: 5 });
  expect(measured.isUnreceipted).toBe(false);
  measured.mark();
  measured.position({ store: STORE, seq: 6 }, 2_000);
  measured.receipt({ store: STORE, upTo: 4, missing: [] }, 3_000);
  measured.receipt({ store: STORE, upTo: 6, missing: [[3, 3]] }, 4_000);
  expect(measured.isUnreceipted).toBe(true);
  measured.receipt({ store: STORE, upTo: 5, missing: [] }, 5_000);
  expect(measured.isUnreceipted).toBe(false);
});
