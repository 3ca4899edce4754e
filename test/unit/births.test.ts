import { expect, test } from "vitest";
import { openWorld } from "./whole-unit.ts";

type World = ReturnType<typeof openWorld>;

/** Boot and connection of each birth, in order. */
const births = (world: World): (readonly [boot: number, connection: number])[] =>
  world.heard
    .filter(({ topic, report }) => topic.endsWith("/state") && report["state"] === "online")
    .map(({ report }) => [Number(report["boot"]), Number(report["connection"])] as const);

const isBelow = ([boot, connection]: readonly [number, number], other: readonly [number, number]) =>
  boot < other[0] || (boot === other[0] && connection < other[1]);

test("births never go back in boot and connection, whatever lives a read-only disk sees: no offline is taken for stale", async () => {
  const world = openWorld([{}]);
  const live = async (): Promise<void> => {
    const { process } = await world.start();
    await world.wait(20_000);
    process.kill();
    world.network.processGone(false);
    world.disk.processGone();
    await world.wait(60_000);
  };
  await live();
  world.disk.fault = { kind: "read-only" };
  await live();
  await live();
  await live();
  world.disk.fault = undefined;
  await live();
  await live();
  const all = births(world);
  expect(all.length).toBeGreaterThanOrEqual(6);
  expect(all.slice(1).filter((birth, n) => isBelow(birth, all[n]!))).toEqual([]);
});

test("on a disk that takes nothing, the will of a later life is not below the births of an earlier one", async () => {
  const world = openWorld([{}]);
  const { route } = world.brokers[0]!;
  const live = async (connections: number): Promise<void> => {
    const { process } = await world.start();
    for (let n = 0; n < connections; n++) {
      await world.wait(15_000);
      world.network.reset(route);
    }
    await world.wait(10_000);
    process.kill();
    world.network.processGone(true);
    world.disk.cut();
    await world.wait(60_000);
  };
  await live(1);
  world.disk.fault = { kind: "read-only" };
  await live(5);
  await live(0);
  const states = world.heard.filter(({ topic }) => topic.endsWith("/state")).map(({ report }) => report);
  const last = states.at(-1)!;
  expect(last["state"]).toBe("offline");
  for (const birth of births(world))
    expect(isBelow([Number(last["boot"]), Number(last["connection"])], birth)).toBe(false);
});

test("dispatch counts as reached once a broker has acknowledged the birth, not the emergency before it", async () => {
  const world = openWorld([{ receiveMaximum: 1 }]);
  const { broker, route } = world.brokers[0]!;
  const { unit, board } = await world.start();
  await world.wait(20_000);
  expect(unit.reached()).toBe(true);
  route.unreachable = true;
  world.network.reset(route);
  await world.wait(10_000);
  board.press({ board: "aaaaaaaa", number: 1, loop: 0, count: 1, ageMs: 0 });
  // The broker takes emergencies and says nothing about the birth.
  broker.faults.muteBirth = true;
  route.unreachable = false;
  await world.wait(4_000);
  expect(world.heard.some(({ topic }) => topic.includes("/emergency/"))).toBe(true);
  expect(unit.reached()).toBe(false);
  broker.faults.muteBirth = false;
  world.network.reset(route);
  await world.wait(20_000);
  expect(unit.reached()).toBe(true);
});
