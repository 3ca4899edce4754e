import { expect, test } from "vitest";
import { Receipts } from "../../src/recorder/receipts.ts";

const one = { unit: "a/b", store: "11111111" };
const newer = { unit: "a/b", store: "22222222" };

test("the first is due at once, the next ones 10 s apart while something comes", () => {
  const receipts = new Receipts();
  receipts.committed(one, "live", 0);
  expect(receipts.take(0)).toEqual([one]);
  for (let now = 1_000; now < 10_000; now += 1_000) {
    receipts.committed(one, "live", now);
    expect(receipts.take(now)).toEqual([]);
  }
  expect(receipts.take(10_000)).toEqual([one]);
  expect(receipts.take(60_000)).toEqual([]);
});

test("an emergency does not wait for the pace, but two of them are half a second apart", () => {
  const receipts = new Receipts();
  receipts.committed(one, "live", 0);
  receipts.take(0);
  receipts.committed(one, "emergency", 1_000);
  expect(receipts.take(1_000)).toEqual([one]);
  receipts.committed(one, "emergency", 1_100);
  expect(receipts.take(1_100)).toEqual([]);
  expect(receipts.take(1_500)).toEqual([one]);
});

test("a birth gets one at once, for the store that it names", () => {
  const receipts = new Receipts();
  receipts.committed(one, "live", 0);
  receipts.take(0);
  receipts.birth(newer, 600);
  expect(receipts.take(600)).toEqual([newer]);
});

test("history of an older store does not take the topic from the store in use", () => {
  const receipts = new Receipts();
  receipts.birth(newer, 0);
  receipts.take(0);
  receipts.committed(one, "history", 20_000);
  expect(receipts.take(20_000)).toEqual([]);
  receipts.committed(newer, "live", 20_000);
  expect(receipts.take(20_000)).toEqual([newer]);
});

test("a live report of another store takes the topic: the unit has begun a new one", () => {
  const receipts = new Receipts();
  receipts.birth(one, 0);
  receipts.take(0);
  receipts.committed(newer, "live", 20_000);
  expect(receipts.take(20_000)).toEqual([newer]);
});
