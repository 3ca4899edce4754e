import { expect, test } from "vitest";
import { openWorld } from "./whole-unit.ts";

type World = ReturnType<typeof openWorld>;

const clockEvents = (world: World) => world.events().filter(({ type }) => type === "clock");

test("a unit that starts with an unset clock makes one clock event when the time is known, though nothing was sent before", async () => {
  const world = openWorld([{}]);
  world.host.synchronised = false;
  world.brokers[0]!.route.unreachable = true;
  const { unit, process } = await world.start();
  const bornAt = world.time.mono() - process.lastedMs;
  await world.wait(20_000);
  world.host.synchronised = true;
  await world.wait(120_000);
  await world.settle(Promise.resolve(unit[Symbol.asyncDispose]()));
  process.kill();
  world.brokers[0]!.route.unreachable = false;
  await world.start();
  await world.wait(60_000);
  const earlier = world.heard.filter(({ report }) => report["boot"] === 1);
  expect(earlier.some(({ report }) => report["clock"] === "unset")).toBe(true);
  const events = clockEvents(world);
  expect(events).toEqual([{ type: "clock", boot: 1, mono: expect.any(Number), at: expect.any(String) }]);
  // What dispatch corrects the earlier reports with.
  const born = world.time.host() - world.time.mono() + bornAt;
  expect(Math.abs(Date.parse(String(events[0]!["at"])) - Number(events[0]!["mono"]) - born)).toBeLessThan(2);
});

test("a unit that knows the time from its start makes no clock event", async () => {
  const world = openWorld([{}]);
  await world.start();
  await world.wait(600_000);
  expect(world.heard.length).toBeGreaterThan(0);
  expect(clockEvents(world)).toEqual([]);
});

test("a clock event is made again each time that the time was lost and is known again", async () => {
  const world = openWorld([{}]);
  await world.start();
  for (let n = 1; n <= 2; n++) {
    world.host.synchronised = false;
    await world.wait(90_000);
    expect(clockEvents(world)).toHaveLength(n - 1);
    world.host.synchronised = true;
    await world.wait(90_000);
    expect(clockEvents(world)).toHaveLength(n);
  }
});

test("a time that turns out to be wrong is corrected by another event, a minute later at the earliest", async () => {
  const world = openWorld([{}]);
  world.host.synchronised = false;
  await world.start();
  await world.wait(20_000);
  world.host.behindMs = -10 * 365 * 86_400_000;
  world.host.synchronised = true;
  await world.wait(10_000);
  expect(clockEvents(world)).toHaveLength(1);
  world.host.behindMs = 0;
  await world.wait(40_000);
  expect(clockEvents(world)).toHaveLength(1);
  await world.wait(60_000);
  const events = clockEvents(world);
  expect(events).toHaveLength(2);
  const [wrong, right] = events.map(({ at, mono }) => Date.parse(String(at)) - Number(mono));
  expect(wrong! - right!).toBeCloseTo(10 * 365 * 86_400_000, -2);
  await world.wait(600_000);
  expect(clockEvents(world)).toHaveLength(2);
});
