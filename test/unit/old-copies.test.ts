import { describe, expect, test } from "vitest";
import { openWorld } from "./whole-unit.ts";

type World = ReturnType<typeof openWorld>;
type Life = Awaited<ReturnType<World["start"]>>;

const stop = async (world: World, { unit }: Life): Promise<void> => {
  await world.settle(unit.drained());
  await world.settle(Promise.resolve(unit[Symbol.asyncDispose]()));
};

const retained = (world: World): string[] =>
  world.brokers.flatMap(({ broker }) =>
    broker
      .retainedTopics()
      .flatMap((topic) => (topic.includes("/emergency/") ? [`${broker.name} ${topic}`] : [])),
  );

/** An emergency is open, and both brokers have a copy of it. The unit is stopped. Returns its topic. */
const openEmergency = async (world: World): Promise<string> => {
  const life = await world.start();
  await world.wait(3_000);
  life.board.press({ board: "aaaaaaaa", number: 1, loop: 0, count: 1, ageMs: 0 });
  await world.wait(60_000, () => retained(world).length === 2);
  const [first, second] = retained(world);
  const topic = first!.split(" ")[1]!;
  expect(second).toBe(`b1 ${topic}`);
  await stop(world, life);
  return topic;
};

const clear = (world: World, topic: string): void => {
  world.brokers[0]!.broker.publish(`${topic}/ack`, Buffer.from(JSON.stringify({ stage: "cleared" })), {});
};

const onlyFirst = (world: World): string[] => [world.brokers[0]!.url];
const leftAt = (world: World) =>
  world.events().filter((one) => one["type"] === "fault" && one["code"] === "copy-left");

describe("if dispatch.prefix is changed during an emergency", () => {
  const changed = async (world: World): Promise<Life> => {
    const life = await world.start("", false, "zr-117", "prefix: patrol/v1/new");
    await world.wait(5_000);
    return life;
  };

  test("its copies stay at the old topic until it has ended, and are gone from every broker within a minute then", async () => {
    const world = openWorld();
    const topic = await openEmergency(world);
    await changed(world);
    const now = topic.replace("patrol/v1", "patrol/v1/new");
    await world.wait(60_000);
    expect(retained(world)).toEqual(expect.arrayContaining([`b0 ${topic}`, `b0 ${now}`, `b1 ${topic}`]));
    clear(world, now);
    await world.wait(60_000, () => retained(world).length === 0);
    expect(retained(world)).toEqual([]);
    await world.wait(60_000);
    expect(world.network.connections).toBe(1);
  });

  test("and a broker's rules do not cover the old topic, it says so, and emergencies do not wait", async () => {
    const world = openWorld();
    const topic = await openEmergency(world);
    for (const { broker } of world.brokers)
      broker.faults.refuses = (one) => (one === topic ? 0x87 : undefined);
    const life = await changed(world);
    clear(world, topic.replace("patrol/v1", "patrol/v1/new"));
    await world.wait(120_000);
    expect(retained(world)).toEqual([`b0 ${topic}`, `b1 ${topic}`]);
    expect(
      world.logs.some(({ msg, fault }) => fault === "topic-refused" && String(msg).includes(topic)),
    ).toBe(true);
    const pressedAt = world.time.mono();
    life.board.press({ board: "aaaaaaaa", number: 2, loop: 0, count: 1, ageMs: 0 });
    await world.wait(10_000, () => retained(world).length > 2);
    expect(world.time.mono() - pressedAt).toBeLessThan(1_000);
    for (const { broker } of world.brokers) broker.faults.refuses = () => undefined;
    clear(
      world,
      retained(world)
        .find((one) => one.includes("new"))!
        .split(" ")[1]!,
    );
    await world.wait(60_000, () => retained(world).length === 0);
    expect(retained(world)).toEqual([]);
  });

  test("and a broker hangs up on the old topic, the link is not lost again and again", async () => {
    const world = openWorld();
    const topic = await openEmergency(world);
    for (const { broker } of world.brokers)
      broker.faults.hangsUp = (one) => (one === topic ? "instead" : undefined);
    await changed(world);
    clear(world, topic.replace("patrol/v1", "patrol/v1/new"));
    await world.wait(30_000);
    const before = world.logs.filter(({ msg }) => String(msg).startsWith("connected to dispatch")).length;
    await world.wait(3_600_000);
    const after = world.logs.filter(({ msg }) => String(msg).startsWith("connected to dispatch")).length;
    expect(after - before).toBeLessThan(12);
    expect(retained(world)).toEqual([`b0 ${topic}`, `b1 ${topic}`]);
  });
});

describe("if a broker is taken out of the configuration during an emergency", () => {
  test("the unit says once, with broker and topic, that a copy may be left there", async () => {
    const world = openWorld();
    const topic = await openEmergency(world);
    const life = await world.start("", false, "zr-117", "", onlyFirst(world));
    clear(world, topic);
    await world.wait(120_000);
    expect(retained(world)).toEqual([`b1 ${topic}`]);
    await stop(world, life);
    await world.start("", false, "zr-117", "", onlyFirst(world));
    await world.wait(120_000);
    expect(leftAt(world).map(({ where }) => where)).toEqual([`mqtts://b1:8883 ${topic}`]);
  });

  test("the copy is removed if the broker is configured again", async () => {
    const world = openWorld();
    const topic = await openEmergency(world);
    const life = await world.start("", false, "zr-117", "", onlyFirst(world));
    clear(world, topic);
    await world.wait(60_000);
    await stop(world, life);
    await world.start();
    await world.wait(60_000, () => retained(world).length === 0);
    expect(retained(world)).toEqual([]);
  });

  test("the unit can be renamed afterwards", async () => {
    const world = openWorld();
    const topic = await openEmergency(world);
    const life = await world.start("", false, "zr-117", "", onlyFirst(world));
    clear(world, topic);
    await world.wait(90_000);
    await stop(world, life);
    await expect(world.start("", false, "zr-118", "", onlyFirst(world))).resolves.toBeDefined();
  });
});
