import { describe, expect, test } from "vitest";
import { readMessage } from "../../src/wire/read.ts";
import { openWorld } from "./whole-unit.ts";

type World = ReturnType<typeof openWorld>;

const births = (world: World, n: number): number =>
  world.logs.filter(({ msg, broker }) => msg === "connected to dispatch" && broker === world.brokers[n]!.url)
    .length;
const healthAt = (world: World, n: number): number =>
  world.heard.filter(
    ({ broker, topic }) => broker === world.brokers[n]!.broker.name && topic.endsWith("/health"),
  ).length;
const stateAt = (world: World, n: number): string =>
  String(world.brokers[n]!.broker.retained("patrol/v1/zrenjanin/zr-117/state"));

const refusing = (world: World, n: number, what: (topic: string) => boolean) => {
  world.brokers[n]!.broker.faults.refuses = (topic, deed) =>
    deed === "publish" && what(topic) && !topic.endsWith("/state") ? 0x97 : undefined;
};

describe("a broker at which nobody listens", () => {
  test("is left after a minute for the next one in order, which gets everything that waits", async () => {
    const world = openWorld([{}, {}, {}], [false, true, true]);
    await world.start();
    await world.wait(58_000);
    expect([births(world, 0), births(world, 1)]).toEqual([1, 0]);
    await world.wait(12_000);
    expect([births(world, 0), births(world, 1), births(world, 2)]).toEqual([1, 1, 0]);
    expect(world.events().some(({ type }) => type === "boot")).toBe(true);
    expect(healthAt(world, 1)).toBeGreaterThan(0);
    expect(stateAt(world, 0)).toContain('"state":"offline"');
  });

  test("is not left while its consumer reads only some topics", async () => {
    const world = openWorld([{}, {}], [false, true]);
    world.brokers[0]!.broker.listen({ filter: "patrol/v1/+/+/health", receive: () => undefined });
    await world.start();
    await world.wait(3_600_000);
    expect([births(world, 0), births(world, 1)]).toEqual([1, 0]);
  });

  test("is named as a fault until somebody listens there again, however often it is tried", async () => {
    const world = openWorld([{}, {}], [false, false]);
    await world.start();
    await world.wait(3_600_000);
    const named = world.logs.filter(({ fault }) => fault === "no-listener");
    expect(named).toHaveLength(2);
    const heard: string[] = [];
    world.brokers[1]!.broker.listen({ filter: "#", receive: ({ topic }) => void heard.push(topic) });
    await world.wait(180_000);
    expect(heard.length).toBeGreaterThan(0);
    const ended = world.logs.filter(({ level, msg }) => level === "info" && /listens/.test(String(msg)));
    expect(ended).toHaveLength(1);
    expect(world.lamps.at(-1)).toBe("idle");
  });

  test("is left at most once a minute when no broker has a listener, and the lamp shows no-link", async () => {
    const world = openWorld([{}, {}, {}], [false, false, false]);
    await world.start();
    await world.wait(3_600_000);
    const all = [0, 1, 2].map((n) => births(world, n));
    expect(Math.min(...all)).toBeGreaterThan(10);
    expect(all.reduce((sum, n) => sum + n)).toBeLessThanOrEqual(60);
    expect(world.lamps.at(-1)).toBe("no-link");
  });

  test("is used on when no other broker can be reached", async () => {
    const world = openWorld([{}, {}], [false, true]);
    world.brokers[1]!.route.unreachable = true;
    await world.start();
    await world.wait(600_000);
    expect(births(world, 0)).toBeGreaterThan(5);
    world.brokers[1]!.route.unreachable = false;
    await world.wait(70_000);
    expect(births(world, 1)).toBe(1);
  });

  test("is reported once when it is the only one, until somebody listens; the connection stays", async () => {
    const world = openWorld([{}], [false]);
    const { page } = await world.start();
    const faults = async (): Promise<unknown> => {
      const { faults: listed } = (await world.settle(page.status())) as {
        readonly faults: readonly Record<string, unknown>[];
      };
      return listed.filter(({ part }) => part === "link").map(({ code, where }) => [code, where]);
    };
    const named = (code: string) => world.logs.filter(({ fault }) => fault === code).length;
    await world.wait(50_000);
    expect(named("no-listener")).toBe(0);
    await world.wait(3_600_000);
    const { url, broker } = world.brokers[0]!;
    expect(await faults()).toEqual([["no-listener", url]]);
    expect([named("no-listener"), births(world, 0), world.lamps.at(-1)]).toEqual([1, 1, "no-link"]);
    const types: unknown[] = [];
    broker.listen({
      filter: "patrol/v1/#",
      receive({ topic, payload }) {
        const received = readMessage(topic, payload);
        if (received.kind !== "json") return;
        for (const { data } of received.values as readonly { data?: Record<string, unknown> }[])
          if (data?.["code"] === "no-listener") types.push(data["type"]);
      },
    });
    await world.wait(180_000);
    expect(await faults()).toEqual([]);
    expect(types).toEqual(["fault", "recovered"]);
    expect([named("no-listener"), births(world, 0), world.lamps.at(-1)]).toEqual([1, 1, "idle"]);
  });

  test("is kept when it is the only one", async () => {
    const world = openWorld([{}], [false]);
    await world.start();
    await world.wait(3_600_000);
    expect(births(world, 0)).toBe(1);
  });
});

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
