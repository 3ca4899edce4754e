import { expect, test } from "vitest";
import type { CanFrame } from "../../../src/domain/can.ts";
import { systemTime } from "../../../src/runtime/time.ts";
import { canRecordingSource } from "../../../src/sources/can/recording.ts";
import { linesOf } from "../../../src/sources/lines.ts";

const FILTERS = [{ id: 0x100, extended: false, group: false }];
/** A log that comes in pieces of a few bytes. */
const opener = (text: string) => () =>
  linesOf(
    (async function* () {
      for (let from = 0; from < text.length; from += 7) yield Buffer.from(text.slice(from, from + 7));
    })(),
  );
const play = async (text: string, speed = Infinity) => {
  const source = canRecordingSource(opener(text), speed, "can0", systemTime);
  const batches: (readonly CanFrame[])[] = [];
  for await (const batch of source.listen(FILTERS, new AbortController().signal)) batches.push(batch);
  return { source, batches, frames: batches.flat() };
};

test("a recording plays the wanted frames, those of ten milliseconds together", async () => {
  const { batches } = await play(`(1.000) can0 100#01
(1.005) can0 100#02
(1.006) can0 200#00
(1.011) can0 100#03
`);
  expect(batches.map((batch) => batch.map(({ data }) => data[0]))).toEqual([[1, 2], [3]]);
});

test("of a log of several buses only the frames of the interface are played", async () => {
  const { frames } = await play("(1.0) can1 100#01\n(1.0) can0 100#02\n(1.0) can1 100#03\n");
  expect(frames.map(({ data }) => data[0])).toEqual([2]);
});

test("a log that has no frame of the interface is played whole", async () => {
  const { frames } = await play("(1.0) vcan3 100#01\n(1.0) vcan3 100#02");
  expect(frames.map(({ data }) => data[0])).toEqual([1, 2]);
});

test("broken lines are counted, and the first is named", async () => {
  const { source, frames } = await play("(1.0) can0 100#01\nbroken\n\n(1.0) can0 100#R\nbroken\n");
  expect(frames).toHaveLength(1);
  expect(source.malformed).toEqual({ lines: 2, first: 2 });
});

test("a recording plays at its own pace, and long gaps are shortened", async () => {
  const begun = performance.now();
  await play("(1.0) can0 100#01\n(3.0) can0 100#02\n(4000.0) can0 100#03\n", 100);
  const tookMs = performance.now() - begun;
  expect(tookMs).toBeGreaterThan(118);
  expect(tookMs).toBeLessThan(1_000);
});

test("a recording that is stopped ends", async () => {
  const stop = new AbortController();
  const source = canRecordingSource(opener("(1.0) can0 100#01\n(9.0) can0 100#02\n"), 1, "can0", systemTime);
  const frames: CanFrame[] = [];
  for await (const batch of source.listen(FILTERS, stop.signal)) {
    frames.push(...batch);
    stop.abort();
  }
  expect(frames).toHaveLength(1);
});

test("a line without an end costs no memory, and is one broken line", async () => {
  const endless = async function* () {
    for (let n = 0; n < 1_000; n++) yield Buffer.alloc(65_536, "x");
    yield Buffer.from("\n(1.0) can0 100#01\n");
  };
  const lines: string[] = [];
  for await (const some of linesOf(endless())) lines.push(...some);
  expect(lines.map(({ length }) => length)).toEqual([4_096, 17]);
});
