import { describe, expect, test } from "vitest";
import { openWorld } from "./whole-unit.ts";

type World = ReturnType<typeof openWorld>;

const births = (world: World, n: number): number =>
  world.logs.filter(({ msg, broker }) => msg === "connected to dispatch" && broker === world.brokers[n]!.url)
    .length;
const healthAt = (world: World, n: number): number =>
  world.heard.filter(
    ({ broker, topic }) => broker === world.brokers[n]!.broker.name && topic.endsWith("/health"),
  ).length;
const refusing = (world: World, n: number, what: (topic: string) => boolean) => {
  world.brokers[n]!.broker.faults.refuses = (topic, deed) =>
    deed === "publish" && what(topic) && !topic.endsWith("/state") ? 0x97 : undefined;
};

describe("a broker that refuses reports", () => {
  test("is left after a minute, if it refuses them all, for one that takes them", async () => {
    const world = openWorld([{}, {}]);
    refusing(world, 0, () => true);
    await world.start();
    await world.wait(150_000);
    expect([births(world, 0), births(world, 1)]).toEqual([1, 1]);
    expect(healthAt(world, 1)).toBeGreaterThan(0);
    expect(world.events().some(({ type }) => type === "boot")).toBe(true);
  });

  test("is not left if it takes some", async () => {
    const world = openWorld([{}, {}]);
    refusing(world, 0, (topic) => topic.endsWith("/event") || topic.endsWith("/position"));
    await world.start();
    await world.wait(3_600_000);
    expect([births(world, 0), births(world, 1)]).toEqual([1, 0]);
  });

  test("is left no more than once a minute, if all do", async () => {
    const world = openWorld([{}, {}]);
    refusing(world, 0, () => true);
    refusing(world, 1, () => true);
    await world.start();
    await world.wait(600_000);
    expect(births(world, 0) + births(world, 1)).toBeLessThanOrEqual(11);
  });

  test("is kept if it is the only one", async () => {
    const world = openWorld([{}]);
    refusing(world, 0, () => true);
    await world.start();
    await world.wait(600_000);
    expect(births(world, 0)).toBe(1);
  });
});
