import { expect, test } from "vitest";
import { Latest } from "../../src/runtime/latest.ts";
import { SimulatedTime } from "../simulation/time.ts";

const opened = (freshMs: number) => {
  const time = new SimulatedTime(0);
  const asked: PromiseWithResolvers<number>[] = [];
  const ask = () => {
    const answer = Promise.withResolvers<number>();
    asked.push(answer);
    return answer.promise;
  };
  const latest = new Latest({ ask, time, waitMs: 500, freshMs });
  const read = async (answer?: (one: PromiseWithResolvers<number>) => void) => {
    const reading = latest.read();
    if (answer) answer(asked.at(-1)!);
    let over = false;
    void reading.then(() => (over = true));
    await time.run(time.mono() + 10_000, () => over);
    return reading;
  };
  return { time, asked, read };
};

test("an answer counts as soon as it comes, and is not asked for again while it is fresh", async () => {
  const { time, asked, read } = opened(5_000);
  expect(await read((one) => one.resolve(1))).toBe(1);
  expect(time.mono()).toBe(0);
  expect(await read()).toBe(1);
  expect(asked).toHaveLength(1);
  await time.run(5_000);
  expect(await read((one) => one.resolve(2))).toBe(2);
});

test("an answer that does not come is waited for half a second, and is asked for once only", async () => {
  const { time, asked, read } = opened(0);
  expect(await read()).toBeUndefined();
  expect(time.mono()).toBe(500);
  expect(await read()).toBeUndefined();
  expect(asked).toHaveLength(1);
  expect(await read((one) => one.resolve(3))).toBe(3);
});

test("a failure is no answer: the last one counts", async () => {
  const { read } = opened(0);
  expect(await read((one) => one.resolve(1))).toBe(1);
  expect(await read((one) => one.reject(new Error("no disk")))).toBe(1);
  expect(await read((one) => one.resolve(2))).toBe(2);
});
