import { expect, test } from "vitest";
import type { CanFrame } from "../../../src/domain/can.ts";
import { FrameQueue } from "../../../src/sources/can/frame-queue.ts";

const frame = (id: number): CanFrame => ({ t: 0, bus: "can0", id, extended: false, data: new Uint8Array(0) });
const collect = async (queue: FrameQueue, signal = new AbortController().signal) => {
  const batches: number[][] = [];
  for await (const batch of queue.batches(signal)) batches.push(batch.map(({ id }) => id));
  return batches;
};

test("frames that come together go on together, and an error comes after them", async () => {
  const queue = new FrameQueue();
  queue.push(frame(1));
  queue.push(frame(2));
  queue.fail(new Error("first"));
  queue.fail(new Error("second"));
  const seen: number[][] = [];
  const reading = (async () => {
    for await (const batch of queue.batches(new AbortController().signal))
      seen.push(batch.map(({ id }) => id));
  })();
  await expect(reading).rejects.toThrow("first");
  expect(seen).toEqual([[1, 2]]);
});

test("a queue that nobody reads takes 20,000 frames and no more", () => {
  const queue = new FrameQueue();
  let taken = 0;
  for (let n = 0; n < 20_100; n++) if (queue.push(frame(n))) taken++;
  expect(taken).toBe(20_000);
});

test("reading ends when it is stopped, before or while it waits", async () => {
  const stop = new AbortController();
  const waiting = collect(new FrameQueue(), stop.signal);
  stop.abort();
  expect(await waiting).toEqual([]);
  expect(await collect(new FrameQueue(), stop.signal)).toEqual([]);
});
