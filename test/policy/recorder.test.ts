import { expect, test } from "vitest";
import { createRecorder } from "../../src/policy/recorder.ts";

test("the last half minute is kept, every value of it, and handed out once", () => {
  const recorder = createRecorder();
  for (let ms = 0; ms <= 60_000; ms += 10) {
    recorder.add("Vehicle.Speed", ms / 1000, ms);
    if (ms % 100 === 0) recorder.add("Vehicle.Body.Horn.IsActive", ms % 200 === 0, ms);
  }
  const moments = recorder.take(60_000, "real");
  const speeds = moments.filter(({ signals }) => "Vehicle.Speed" in signals);
  expect(speeds).toHaveLength(3_001);
  expect(speeds[0]).toMatchObject({ atMs: 30_000, signals: { "Vehicle.Speed": 30 } });
  expect(speeds.at(-1)).toMatchObject({ atMs: 60_000, signals: { "Vehicle.Speed": 60 } });
  expect(moments.filter(({ signals }) => "Vehicle.Body.Horn.IsActive" in signals)).toHaveLength(301);
  expect(recorder.take(60_000, "real")).toEqual([]);
  recorder.add("Vehicle.Speed", 61, 60_010);
  expect(recorder.take(60_010, "real")).toEqual([{ atMs: 60_010, signals: { "Vehicle.Speed": 61 } }]);
  // What was handed out for a drill is there for an emergency all the same.
  expect(recorder.take(60_010, "drill").length).toBeGreaterThan(3_000);
});

test("signals that come together are told together, none of them later than 50 ms", () => {
  const recorder = createRecorder();
  recorder.add("A", 1, 1_000);
  recorder.add("B", 2, 1_030);
  recorder.add("C", 3, 1_050);
  expect(recorder.take(1_050, "real")).toEqual([
    { atMs: 1_000, signals: { A: 1, B: 2 } },
    { atMs: 1_050, signals: { C: 3 } },
  ]);
});

test("a bus that brings too much costs the oldest, not the memory", () => {
  const recorder = createRecorder();
  for (let n = 0; n < 200_000; n++) recorder.add("A", n, n / 100);
  const moments = recorder.take(2_000, "real");
  expect(moments).toHaveLength(65_536);
  expect(moments.at(-1)!.signals).toEqual({ A: 199_999 });
});
