import { describe, expect, test } from "vitest";
import { openWorld } from "./whole-unit.ts";

type World = ReturnType<typeof openWorld>;

const HOUR_MS = 3_600_000;

/** Reports of emergencies as they arrived: when each was made, its trust, and when the press was. */
const emergencies = (world: World) =>
  world.heard
    .filter(({ topic }) => topic.includes("/emergency/") && !topic.endsWith("/ack"))
    .map(({ report }) => ({
      boot: report["boot"],
      clock: report["clock"],
      pressedAt: (report["data"] as { pressedAt?: string }).pressedAt,
    }));

/** A press, a restart with a clock that is `behindMs` behind and unset, a further press, and then the time. */
const restartWithout = async (behindMs: number) => {
  const world = openWorld([{}]);
  const one = await world.start();
  await world.wait(10_000);
  one.board.hello("0badcafe", 1);
  one.board.press({ board: "0badcafe", number: 1, loop: 0, count: 1, ageMs: 0 });
  await world.wait(8_000);
  const { pressedAt } = emergencies(world)[0]!;
  await world.settle(Promise.resolve(one.unit[Symbol.asyncDispose]()));
  Object.assign(world.host, { synchronised: false, behindMs });
  const from = world.heard.length;
  const two = await world.start();
  await world.wait(5_000);
  two.board.hello("0badcafe", 2);
  two.board.press({ board: "0badcafe", number: 2, loop: 0, count: 1, ageMs: 0 });
  await world.wait(12_000);
  return {
    world,
    pressedAt,
    from,
    knowTime: () => Object.assign(world.host, { synchronised: true, behindMs: 0 }),
  };
};

describe("the time of a press before a restart", () => {
  test.each([HOUR_MS, 24 * HOUR_MS, Date.UTC(2026, 10, 24, 22) - 1_000])(
    "is left out while the time is not known, and right when it is (%i ms behind)",
    async (behindMs) => {
      const { world, pressedAt, from, knowTime } = await restartWithout(behindMs);
      const known = world.heard.length;
      knowTime();
      await world.wait(20_000);
      const unset = emergencies(world).filter(({ boot, clock }) => boot === 2 && clock === "unset");
      expect(unset.length).toBeGreaterThan(0);
      expect(unset.every((one) => one.pressedAt === undefined)).toBe(true);
      expect(known).toBeGreaterThan(from);
      const set = emergencies(world).filter(({ clock }) => clock !== "unset");
      expect(new Set(set.map((one) => one.pressedAt))).toEqual(new Set([pressedAt]));
      expect(set.at(-1)).toMatchObject({ boot: 2, clock: "ntp" });
    },
  );
});

test("a press before the first time of a life keeps its time after a restart, also if dispatch has answered it", async () => {
  const world = openWorld([{}]);
  Object.assign(world.host, { synchronised: false, behindMs: 24 * HOUR_MS });
  const before = await world.start();
  await world.wait(10_000);
  before.board.hello("0badcafe", 1);
  const pressedMs = world.time.host();
  before.board.press({ board: "0badcafe", number: 1, loop: 0, count: 1, ageMs: 0 });
  await world.wait(2_000);
  const ack = (stage: string) => {
    const topic = world.heard.find((message) => message.topic.includes("/emergency/"))!.topic;
    world.brokers[0]!.broker.publish(`${topic}/ack`, Buffer.from(JSON.stringify({ stage })), {});
  };
  ack("received");
  await world.wait(2_000);
  expect(new Set(emergencies(world).map(({ clock }) => clock))).toEqual(new Set(["unset"]));
  Object.assign(world.host, { synchronised: true, behindMs: 0 });
  await world.wait(2_000);
  await world.settle(Promise.resolve(before.unit[Symbol.asyncDispose]()));
  const from = emergencies(world).length;
  const after = await world.start();
  await world.wait(10_000);
  ack("accepted");
  await world.wait(2_000);
  const again = emergencies(world).slice(from);
  expect(new Set(again.map(({ boot }) => boot))).toEqual(new Set([1, 2]));
  expect(again.every(({ clock }) => clock === "ntp")).toBe(true);
  // Simulated timers take parts of a millisecond.
  for (const { pressedAt } of again) expect(Math.abs(Date.parse(pressedAt!) - pressedMs)).toBeLessThan(10);
  await world.settle(Promise.resolve(after.unit[Symbol.asyncDispose]()));
});

test("while the time is not known, health says of no report how old it is", async () => {
  const world = openWorld([{}]);
  world.brokers[0]!.route.unreachable = true;
  const one = await world.start();
  await world.wait(HOUR_MS);
  expect(await world.settle(one.page.status())).toHaveProperty("outbox.oldestAgeS", 3_600);
  await world.settle(Promise.resolve(one.unit[Symbol.asyncDispose]()));
  Object.assign(world.host, { synchronised: false, behindMs: 48 * HOUR_MS });
  const two = await world.start();
  await world.wait(20_000);
  const status = await world.settle(two.page.status());
  expect(status).not.toHaveProperty("outbox.oldestAgeS");
  expect(status).toHaveProperty("state", "offline");
});
