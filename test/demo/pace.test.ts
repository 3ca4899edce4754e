import { expect, test } from "vitest";
import { sendPaced } from "../../src/demo/pace.ts";
import { pause } from "../../src/runtime/wait.ts";
import { SimulatedTime } from "../simulation/time.ts";

test("the demo's receiver sends each second, although each write takes a while", async () => {
  const time = new SimulatedTime(0);
  const stop = new AbortController();
  const at: number[] = [];
  const start = time.mono();
  const write = async () => {
    at.push(time.mono() - start);
    await pause(30, stop.signal, time);
  };
  const sending = sendPaced(Array.from({ length: 60 }, String), write, 1_000, stop.signal, time);
  await time.run(60_000);
  await sending;
  expect(at).toEqual(Array.from({ length: 60 }, (_, n) => n * 1_000));
});

test("the demo's receiver stops in the middle of a second", async () => {
  const time = new SimulatedTime(0);
  const stop = new AbortController();
  const written: string[] = [];
  const write = (epoch: string) => Promise.resolve(void written.push(epoch));
  const sending = sendPaced(["a", "b", "c"], write, 1_000, stop.signal, time);
  await time.run(1_500);
  stop.abort();
  await sending;
  expect(written).toEqual(["a", "b"]);
});
