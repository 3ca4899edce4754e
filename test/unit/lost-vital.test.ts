import { describe, expect, test } from "vitest";
import { openWorld } from "./whole-unit.ts";

type World = ReturnType<typeof openWorld>;
type Life = Awaited<ReturnType<World["start"]>>;

const PRESS = { board: "aaaaaaaa", number: 1, loop: 0, count: 1, ageMs: 0 };
const ROOT = "patrol/v1/zrenjanin/zr-117";

const cut = async (world: World, life: Life): Promise<void> => {
  life.process.kill();
  world.network.processGone(true);
  world.disk.cut();
  await world.wait(1_000);
};
/** The power goes, and the vital file with it. */
const lose = async (world: World, life: Life): Promise<void> => {
  await cut(world, life);
  for (const [place] of world.disk.places.entries()) world.disk.corruptVital(place);
};

const isEpisode = ({ topic }: World["heard"][number]): boolean => /\/emergency\/[^/]+$/.test(topic);
const topicOf = (world: World): string => world.heard.find(isEpisode)!.topic;
const ack = (world: World, stage: string): void =>
  void world.brokers[0]!.broker.publish(`${topicOf(world)}/ack`, Buffer.from(JSON.stringify({ stage })), {});

const press = async (world: World): Promise<Life> => {
  const life = await world.start();
  await world.wait(5_000);
  life.board.hello(PRESS.board, 0);
  life.board.press(PRESS);
  await world.wait(10_000);
  return life;
};

test("a vital file that is older than the store does not hide an emergency of which every report was delivered", async () => {
  const world = openWorld([{}]);
  const first = await world.start();
  await world.wait(5_000);
  const old = world.disk.places.map((bytes) => bytes && Buffer.from(bytes));
  first.board.hello(PRESS.board, 0);
  first.board.press(PRESS);
  await world.wait(10_000);
  ack(world, "received");
  await world.wait(5_000);
  await world.settle(first.unit.drained());
  await cut(world, first);
  for (const [place, bytes] of old.entries())
    if (bytes) await world.settle(world.disk.writeVital(place, bytes));
  await world.start();
  await world.wait(20_000);
  expect(world.lamps.at(-1)).toBe("received");
  ack(world, "cleared");
  await world.wait(20_000);
  expect(world.brokers[0]!.broker.retained(topicOf(world))).toBeUndefined();
});

describe("a vital file that is lost", () => {
  test("does not hide under which name reports are pending", async () => {
    const world = openWorld([{}]);
    const { broker } = world.brokers[0]!;
    broker.faults.down = true;
    const life = await world.start();
    await world.wait(5_000);
    await lose(world, life);
    await expect(world.start("", false, "zr-118")).rejects.toThrow(
      /expected zrenjanin\/zr-117, found zrenjanin\/zr-118: \d+ reports of zrenjanin\/zr-117 are pending/,
    );
    broker.faults.down = false;
    await world.start();
    await world.wait(30_000);
    const units = world.heard.flatMap(({ report: { unit } }) => (unit === undefined ? [] : [unit]));
    expect(new Set(units)).toEqual(new Set(["zrenjanin/zr-117"]));
  });

  test("does not forget an emergency of which every report was delivered", async () => {
    const world = openWorld([{}]);
    const life = await press(world);
    ack(world, "received");
    await world.wait(5_000);
    await world.settle(life.unit.drained());
    await lose(world, life);
    await world.start();
    await world.wait(10_000);
    expect(world.lamps.at(-1)).toBe("received");
    ack(world, "cleared");
    await world.wait(20_000);
    expect(world.brokers[0]!.broker.retained(topicOf(world))).toBeUndefined();
  });

  test("does not leave an ended emergency at a broker that was away", async () => {
    const world = openWorld();
    const away = world.brokers[1]!;
    const life = await press(world);
    await world.wait(20_000);
    expect(away.broker.retained(topicOf(world))).toBeDefined();
    away.broker.faults.down = true;
    world.network.reset(away.route);
    ack(world, "cleared");
    await world.wait(20_000);
    await lose(world, life);
    away.broker.faults.down = false;
    await world.start();
    await world.wait(60_000);
    expect(away.broker.retained(topicOf(world))).toBeUndefined();
    expect(world.lamps.at(-1)).toBe("idle");
  });

  test("does not bring back an emergency that has ended", async () => {
    const world = openWorld([{}]);
    const life = await press(world);
    ack(world, "cleared");
    await world.wait(20_000);
    const before = world.heard.filter(isEpisode).length;
    await lose(world, life);
    const next = await world.start();
    // The confirmation was lost: the board repeats the press.
    next.board.hello(PRESS.board, 1);
    next.board.press({ ...PRESS, ageMs: 60_000 });
    await world.wait(20_000);
    expect(world.heard.filter(isEpisode).slice(before)).toEqual([]);
    expect(world.confirmed.length).toBe(2);
  });

  test("does not let a command run twice", async () => {
    const world = openWorld([{}]);
    const life = await world.start();
    await world.wait(5_000);
    const expiresAt = new Date(world.time.host() + 600_000).toISOString();
    const command = Buffer.from(JSON.stringify({ id: "c1", kind: "ping", expiresAt }));
    const send = (): void => void world.brokers[0]!.broker.publish(`${ROOT}/command`, command, {});
    send();
    await world.wait(5_000);
    await lose(world, life);
    await world.start();
    await world.wait(5_000);
    send();
    await world.wait(10_000);
    const runs = world.heard.filter(
      ({ report }) => (report["data"] as { type?: string })?.type === "command",
    );
    expect(new Set(runs.map(({ report }) => report["seq"])).size).toBe(1);
  });
});
