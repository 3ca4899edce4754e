import { expect, test } from "vitest";
import { openWorld } from "./whole-unit.ts";

const MINUTE_MS = 60_000;

/**
 * Milliseconds from the last moment at which the only broker answered until the lamp shows `no-link`. The
 * broker's path swallows everything from then on.
 */
const untilNoLink = async (keepaliveS: number, healthS: number): Promise<number> => {
  const world = openWorld([{}]);
  await world.start(`health: { intervalS: ${healthS} }`, false, "zr-117", `keepaliveS: ${keepaliveS}`);
  const healths = () => world.heard.filter(({ topic }) => topic.endsWith("/health")).length;
  await world.wait(30_000);
  const before = healths();
  await world.wait(10 * MINUTE_MS, () => healths() > before);
  await world.wait(500);
  const lastAt = world.time.mono();
  world.network.change(world.brokers[0]!.route, { swallowing: true });
  await world.wait(10 * MINUTE_MS, () => world.lamps.at(-1) === "no-link");
  return world.time.mono() - lastAt;
};

test("the lamp shows no-link a minute after the last answer, not after the lost connection was noticed", async () => {
  expect(await untilNoLink(20, 3_600)).toBeLessThan(MINUTE_MS + 1_000);
});

test("the minute counts from the first message without an answer, whatever the keepalive is", async () => {
  expect(await untilNoLink(20, 5)).toBeLessThan(MINUTE_MS + 6_000);
  expect(await untilNoLink(600, 5)).toBeLessThan(MINUTE_MS + 6_000);
});

test("a silence that ends before the minute is over leaves the lamp as it is", async () => {
  const world = openWorld([{}]);
  await world.start("health: { intervalS: 20 }");
  await world.wait(30_000);
  const { faults } = world.brokers[0]!.broker;
  faults.slowMs = 25_000;
  await world.wait(5 * MINUTE_MS);
  expect(world.lamps).not.toContain("no-link");
});

test("a broker that works for a while and then falls silent is left for the next one", async () => {
  const world = openWorld([{}, {}]);
  await world.start();
  await world.wait(20_000);
  const { route } = world.brokers[0]!;
  world.network.change(route, { swallowing: true });
  await world.wait(120_000, () => world.logs.some(({ fault }) => fault === "stalled"));
  world.network.change(route, { swallowing: false });
  await world.wait(30_000);
  const at = world.logs.filter(({ msg }) => msg === "connected to dispatch").map(({ broker }) => broker);
  expect(at.slice(0, 2)).toEqual([world.brokers[0]!.url, world.brokers[1]!.url]);
});

test("a broker without a listener does not make a courier say no-link while the link has one with a listener", async () => {
  const world = openWorld([{}, {}], [true, false]);
  // The answer to the courier is the last one for minutes.
  world.brokers[1]!.broker.faults.slowMs = 300;
  const { board } = await world.start("health: { intervalS: 600 }");
  await world.wait(20_000);
  board.hello("0badcafe", 0);
  board.press({ board: "0badcafe", number: 1, loop: 0, count: 1, ageMs: 0 });
  await world.wait(12_000);
  const { topic } = world.heard.find((one) => one.topic.includes("/emergency/"))!;
  const dispatch = world.brokers[0]!.broker;
  for (const stage of ["received", "cleared"]) {
    dispatch.publish(`${topic}/ack`, Buffer.from(JSON.stringify({ stage })), {});
    await world.wait(5_000);
  }
  expect(dispatch.retained(topic)).toBeUndefined();
  await world.wait(5 * MINUTE_MS);
  expect(world.lamps).not.toContain("no-link");
});

test("a courier's listener is no excuse once nobody can be reached any more", async () => {
  const world = openWorld([{}, {}]);
  const [a, b] = [world.brokers[0]!, world.brokers[1]!];
  a.broker.faults.hangs = true;
  b.broker.faults.down = true;
  const { board } = await world.start();
  await world.wait(90_000);
  expect(world.lamps.at(-1)).toBe("no-link");
  board.hello("aaaaaaaa", 0);
  board.press({ board: "aaaaaaaa", number: 1, loop: 0, count: 1, ageMs: 0 });
  // The link is at the first one then, whose host takes its time.
  await world.wait(16_000);
  b.broker.faults.down = false;
  const isEmergency = ({ topic }: { topic: string }): boolean => topic.includes("/emergency/");
  await world.wait(30_000, () => world.heard.some(isEmergency));
  const { topic } = world.heard.find(isEmergency)!;
  b.broker.publish(`${topic}/ack`, Buffer.from(JSON.stringify({ stage: "cleared" })), {});
  await world.wait(3_000, () => b.broker.retained(topic) === undefined);
  b.broker.faults.down = true;
  world.network.reset(b.route);
  expect(world.logs.some(({ msg }) => msg === "connected to dispatch")).toBe(false);
  await world.wait(2 * MINUTE_MS);
  expect(world.lamps.at(-1)).toBe("no-link");
});
