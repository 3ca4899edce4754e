import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { inTurns } from "../../src/recorder/turns.ts";
import { systemTime } from "../../src/runtime/time.ts";

/** Work of so many steps, each of which keeps the processor for 5 ms. */
function* work(steps: number): Generator<undefined, string> {
  for (let n = 0; n < steps; n++) {
    const until = performance.now() + 5;
    while (performance.now() < until);
    yield undefined;
  }
  return "done";
}

test("work that takes long comes between other work, and what is short is done at once", async () => {
  const order: string[] = [];
  const begin = (name: string, steps: number) =>
    inTurns(work(steps), {
      time: systemTime,
      isOver: () => false,
      done: (result) => void order.push(`${name} ${result}`),
    });
  begin("long", 60);
  begin("short", 1);
  expect(order).toEqual(["short done"]);
  systemTime.after(0, () => void order.push("another message"));
  await expect.poll(() => order, { timeout: 10_000 }).toContain("long done");
  expect(order).toEqual(["short done", "another message", "long done"]);
});

test("work whose result nobody wants any more ends", async () => {
  let isOver = false;
  let steps = 0;
  function* endless(): Generator<undefined, never> {
    for (;;) {
      steps++;
      yield undefined;
    }
  }
  inTurns(endless(), { time: systemTime, isOver: () => isOver, done: () => undefined });
  isOver = true;
  const before = steps;
  await sleep(100);
  expect(steps).toBe(before);
});
