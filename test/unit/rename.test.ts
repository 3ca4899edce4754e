import { expect, test } from "vitest";
import { openWorld } from "./whole-unit.ts";

type World = ReturnType<typeof openWorld>;

const isEmergency = ({ topic }: World["heard"][number]): boolean => topic.includes("/emergency/");
const stop = async (world: World, { unit }: Awaited<ReturnType<World["start"]>>): Promise<void> => {
  await world.settle(unit.drained());
  await world.settle(Promise.resolve(unit[Symbol.asyncDispose]()));
};

test("a unit of which nothing is pending can be renamed", async () => {
  const world = openWorld();
  const life = await world.start();
  await world.wait(5_000);
  await stop(world, life);
  await expect(world.start("", false, "zr-118")).resolves.toBeDefined();
});

test("a unit cannot be renamed while a broker may keep a retained emergency of the old name", async () => {
  const world = openWorld();
  const [first, second] = [world.brokers[0]!, world.brokers[1]!];
  const life = await world.start();
  await world.wait(3_000);
  life.board.press({ board: "aaaaaaaa", number: 1, loop: 0, count: 1, ageMs: 0 });
  await world.wait(20_000, () =>
    world.heard.some((one) => isEmergency(one) && one.broker === second.broker.name),
  );
  second.broker.faults.down = true;
  world.network.reset(second.route);
  const { topic } = world.heard.find(isEmergency)!;
  first.broker.publish(`${topic}/ack`, Buffer.from(JSON.stringify({ stage: "cleared" })), {});
  await world.wait(20_000);
  await stop(world, life);
  await expect(world.start("", false, "zr-118")).rejects.toThrow(
    /expected zrenjanin\/zr-117, found zrenjanin\/zr-118: 0 reports and 1 retained emergency of zrenjanin\/zr-117 are pending/,
  );
  second.broker.faults.down = false;
  const again = await world.start();
  await world.wait(60_000);
  expect(second.broker.retained(topic)).toBeUndefined();
  await stop(world, again);
  await expect(world.start("", false, "zr-118")).resolves.toBeDefined();
});
