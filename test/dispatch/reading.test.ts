import { expect, test } from "vitest";
import { Reading } from "../../src/dispatch/reading.ts";
import { position } from "./reports.ts";

const NONE = new Set<number>();
const page = (...numbers: number[]) => numbers.map((seq) => position(seq));
const seqs = (reports: readonly { seq: number }[]) => reports.map(({ seq }) => seq);

test("every lane is read from the oldest number on, one page at a time", () => {
  const reading = new Reading(100);
  expect(["emergency", "event", "telemetry"].map((lane) => reading.wants(lane as "event"))).toEqual([
    true,
    true,
    true,
  ]);
  expect(reading.begin("event")).toBe(99);
  expect(reading.wants("event")).toBe(false);
  reading.mark("event");
  expect(reading.wants("event")).toBe(false);
});

test("a page that brought something is followed by the next; an empty one ends the lane", () => {
  const reading = new Reading(1);
  reading.begin("telemetry");
  expect(seqs(reading.take("telemetry", page(1, 2), 2, NONE))).toEqual([1, 2]);
  expect(reading.wants("telemetry")).toBe(true);
  expect(reading.begin("telemetry")).toBe(2);
  reading.take("telemetry", [], 2, NONE);
  expect(reading.wants("telemetry")).toBe(false);
});

test("what is underway, or was delivered while the page was read, is left out", () => {
  const reading = new Reading(1);
  reading.begin("telemetry");
  reading.delivered("telemetry", 2);
  expect(seqs(reading.take("telemetry", page(1, 2, 3), 3, new Set([3])))).toEqual([1]);
  reading.begin("telemetry");
  expect(seqs(reading.take("telemetry", page(2), 3, NONE))).toEqual([2]);
});

test("what is given back is read again, also if a page that lies behind it is under way", () => {
  const reading = new Reading(1);
  reading.begin("telemetry");
  reading.take("telemetry", page(1, 2), 2, NONE);
  expect(reading.begin("telemetry")).toBe(2);
  reading.giveBack("telemetry", 1);
  reading.take("telemetry", page(3, 4), 4, NONE);
  expect(reading.wants("telemetry")).toBe(true);
  expect(reading.begin("telemetry")).toBe(0);
});

test("a page of which everything is underway, without a cursor, is read again at the next acknowledgement", () => {
  const reading = new Reading(1);
  for (const lane of ["emergency", "event"] as const) {
    reading.begin(lane);
    reading.take(lane, [], 0, NONE);
  }
  reading.begin("telemetry");
  reading.take("telemetry", page(1), 0, new Set([1]));
  expect([reading.wants("telemetry"), reading.done]).toEqual([false, false]);
  reading.progressed();
  expect(reading.wants("telemetry")).toBe(true);
});
