import { expect, test } from "vitest";
import { openWorld } from "./whole-unit.ts";

/** An emergency, a dead zone, and what dispatch says meanwhile, at each broker. */
const lives = async (brokers: number, deadMs: number) => {
  const world = openWorld(Array.from({ length: brokers }, () => ({})));
  const { board } = await world.start();
  await world.wait(30_000);
  board.press({ board: "aaaaaaaa", number: 1, loop: 0, count: 1, ageMs: 0 });
  await world.wait(500);
  const { topic } = world.heard.find(({ topic: one }) => one.includes("/emergency/"))!;
  const say = (to: string, what: object): void => {
    for (const { broker } of world.brokers) broker.publish(to, Buffer.from(JSON.stringify(what)), {});
  };
  const at = (ms = 0): string => new Date(world.time.host() + ms).toISOString();
  say(`${topic}/ack`, { stage: "received", by: "recorder", at: at() });
  await world.wait(2_000);
  for (const { route } of world.brokers) world.network.change(route, { swallowing: true });
  await world.wait(deadMs / 2);
  say(`${topic}/ack`, { stage: "accepted", by: "operator", at: at() });
  say("patrol/v1/zrenjanin/zr-117/command", { id: "c1", kind: "ping", expiresAt: at(3_600_000) });
  await world.wait(deadMs / 2);
  for (const { route } of world.brokers) world.network.change(route, { swallowing: false });
  await world.wait(120_000);
  return world;
};

test.each([
  [2, 45_000],
  [2, 60_000],
  [2, 110_000],
  [3, 75_000],
  [3, 150_000],
])(
  "what dispatch says in a dead zone is heard, at whichever of %i brokers the link comes back after %i ms",
  async (brokers, deadMs) => {
    const world = await lives(brokers, deadMs);
    expect(world.lamps.at(-1)).toBe("accepted");
    const replies = world.heard.filter(({ topic }) => topic.endsWith("/reply"));
    expect(new Set(replies.map(({ report }) => report["id"]))).toEqual(new Set(["c1"]));
  },
);

/** A restart in the dead zone; then the link comes to the second broker, because the first one answers only later. */
test("what dispatch says in a dead zone is heard by the next life, at whichever broker its link is", async () => {
  const world = openWorld([{}, {}]);
  const { board, process } = await world.start();
  await world.wait(30_000);
  board.press({ board: "aaaaaaaa", number: 1, loop: 0, count: 1, ageMs: 0 });
  await world.wait(500);
  const { topic } = world.heard.find(({ topic: one }) => one.includes("/emergency/"))!;
  for (const { route } of world.brokers) world.network.change(route, { swallowing: true });
  await world.wait(20_000);
  const at = new Date(world.time.host()).toISOString();
  const text = Buffer.from(JSON.stringify({ stage: "accepted", by: "operator", at }));
  for (const { broker } of world.brokers) broker.publish(`${topic}/ack`, text, {});
  process.kill();
  world.disk.cut();
  const [first, second] = world.brokers;
  world.network.change(second!.route, { swallowing: false });
  await world.start();
  await world.wait(30_000);
  expect(world.lamps.at(-1)).not.toBe("accepted");
  world.network.change(first!.route, { swallowing: false });
  await world.wait(300_000);
  expect(world.lamps.at(-1)).toBe("accepted");
  expect(world.logs.filter(({ level }) => level === "error")).toEqual([]);
});

/** At the edge of coverage both connections are reset while a session is being looked into, several times. */
test("what dispatch says is heard after chance has ended the link's connection at such a moment", async () => {
  const world = openWorld([{}, {}]);
  const { board } = await world.start();
  await world.wait(30_000);
  const [home, other] = world.brokers;
  const coverage = (is: boolean, ...some: typeof world.brokers): void => {
    for (const { route } of some) {
      route.unreachable = !is;
      if (!is) world.network.reset(route);
    }
  };
  const at = () => world.logs.findLast(({ msg }) => msg === "connected to dispatch")?.["broker"];
  for (let n = 0; n < 4; n++) {
    coverage(false, home!);
    await world.wait(10_000, () => at() === other!.url && world.network.connections === 1);
    await world.wait(1_000);
    coverage(true, home!);
    await world.wait(10_000, () => world.network.connections === 2);
    await world.wait(1_500);
    coverage(false, other!);
    await world.wait(50);
    coverage(false, home!);
    await world.wait(2_000);
    coverage(true, home!, other!);
    await world.wait(60_000, () => at() === home!.url);
    await world.wait(90_000 + 600_000 * n);
  }
  await world.wait(25 * 3_600_000);
  board.press({ board: "aaaaaaaa", number: 1, loop: 0, count: 1, ageMs: 0 });
  await world.wait(3_000);
  const { topic } = world.heard.find(({ topic: one }) => one.includes("/emergency/"))!;
  for (const { route } of world.brokers) world.network.change(route, { swallowing: true });
  await world.wait(22_500);
  const text = { stage: "accepted", by: "operator", at: new Date(world.time.host()).toISOString() };
  for (const { broker } of world.brokers)
    broker.publish(`${topic}/ack`, Buffer.from(JSON.stringify(text)), {});
  await world.wait(22_500);
  for (const { route } of world.brokers) world.network.change(route, { swallowing: false });
  await world.wait(3_600_000);
  expect(world.lamps.at(-1)).toBe("accepted");
});
