import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { Turns } from "../../src/recorder/turns.ts";
import { systemTime } from "../../src/runtime/time.ts";

/** Work of so many steps, each of which keeps the processor for 5 ms. */
function* work(steps: number, step: () => void = () => undefined): Generator<undefined, string> {
  for (let n = 0; n < steps; n++) {
    step();
    const until = performance.now() + 5;
    while (performance.now() < until);
    yield undefined;
  }
  return "done";
}

test("what is short is done at once; what takes long pauses for other work, and what comes meanwhile waits", async () => {
  const order: string[] = [];
  using turns = new Turns(systemTime, (isWaiting) => void order.push(isWaiting ? "pause" : "read"));
  const begin = (name: string, steps: number) =>
    turns.add(work(steps), (result) => void order.push(`${name} ${result}`));
  begin("short", 1);
  expect(order).toEqual(["short done"]);
  begin("long", 60);
  begin("next", 1);
  expect(order).toEqual(["short done", "pause"]);
  systemTime.after(0, () => void order.push("another message"));
  await expect.poll(() => order, { timeout: 10_000 }).toContain("read");
  expect(order).toEqual(["short done", "pause", "another message", "long done", "next done", "read"]);
});

test("of what waits one is begun at a time: it can be large when it is opened", async () => {
  let begun = 0;
  let done = 0;
  let most = 0;
  using turns = new Turns(systemTime, () => undefined);
  function* counted(): Generator<unknown, unknown> {
    begun++;
    yield* work(20, () => (most = Math.max(most, begun - done)));
    return undefined;
  }
  for (let n = 0; n < 5; n++) turns.add(counted(), () => void done++);
  await expect.poll(() => done, { timeout: 10_000 }).toBe(5);
  expect(most).toBe(1);
});

test("what waits is not done any more after the end", async () => {
  let steps = 0;
  const turns = new Turns(systemTime, () => undefined);
  turns.add(
    work(1_000, () => void steps++),
    () => undefined,
  );
  turns[Symbol.dispose]();
  const before = steps;
  await sleep(100);
  expect(steps).toBe(before);
});
