import { describe, expect, test } from "vitest";
import { openWorld } from "./whole-unit.ts";

/** A press is at a broker with a subscriber within this time, if any broker can take it (contract §5). */
const RULE_MS = 10_000;

type World = ReturnType<typeof openWorld>;

const isEmergency = ({ topic }: World["heard"][number]): boolean => topic.includes("/emergency/");
const press = (number: number) => ({ board: "aaaaaaaa", number, loop: 0, count: 1, ageMs: 0 });

/** Milliseconds from the press to its report on a broker; Infinity if it came to none within a minute. */
const pressed = async (world: World, board: { press(one: ReturnType<typeof press>): void }, number = 1) => {
  const before = new Set(world.heard.filter(isEmergency).map(({ topic }) => topic));
  const at = world.time.mono();
  board.press(press(number));
  const first = () => world.heard.find((one) => isEmergency(one) && !before.has(one.topic));
  await world.wait(60_000, () => first() !== undefined);
  return (first()?.at ?? Infinity) - at;
};

describe("a press is at the healthy broker within ten seconds", () => {
  test("while the link's broker refuses emergencies, the second time too", async () => {
    const world = openWorld([{}, {}, {}]);
    world.brokers[0]!.broker.faults.refuses = (topic) => (topic.includes("/emergency/0") ? 0x87 : undefined);
    world.brokers[1]!.route.unreachable = true;
    const { board } = await world.start();
    await world.wait(3_000);
    expect(await pressed(world, board)).toBeLessThan(RULE_MS);
    const { topic } = world.heard.find(isEmergency)!;
    world.brokers[2]!.broker.publish(`${topic}/ack`, Buffer.from(JSON.stringify({ stage: "cleared" })), {});
    await world.wait(4_000);
    expect(await pressed(world, board, 2)).toBeLessThan(RULE_MS);
  });

  test("when it is too large for the link's broker", async () => {
    const world = openWorld([{ maximumPacketSize: 420 }, {}, {}]);
    world.brokers[1]!.route.unreachable = true;
    const { board } = await world.start();
    await world.wait(3_000);
    expect(await pressed(world, board)).toBeLessThan(RULE_MS);
  });

  test("right after the start, when the link's broker answers late and passes no emergency on", async () => {
    const world = openWorld([{}, {}]);
    Object.assign(world.brokers[0]!.broker.faults, {
      slowMs: 4_700,
      drops: (topic: string) => topic.includes("/emergency/"),
    });
    const { board } = await world.start();
    world.network.change(world.brokers[1]!.route, { latencyMs: 500 });
    await world.wait(1_000);
    expect(await pressed(world, board)).toBeLessThan(RULE_MS);
  });

  test("when it waits behind a birth that is never answered", async () => {
    const world = openWorld([{ receiveMaximum: 1 }, {}, {}]);
    world.brokers[0]!.broker.faults.slowMs = 3_600_000;
    world.brokers[1]!.route.unreachable = true;
    const { board } = await world.start();
    await world.wait(3_000);
    expect(await pressed(world, board)).toBeLessThan(RULE_MS);
  });
});

test("a courier whose broker has nothing left of an ended episode disconnects", async () => {
  const world = openWorld([{}, {}], [true, false]);
  const { board } = await world.start();
  await world.wait(3_000);
  board.press(press(1));
  await world.wait(12_000);
  const { topic } = world.heard.find(isEmergency)!;
  world.brokers[0]!.broker.publish(`${topic}/ack`, Buffer.from(JSON.stringify({ stage: "cleared" })), {});
  await world.wait(180_000);
  expect(world.network.connections).toBe(1);
});
