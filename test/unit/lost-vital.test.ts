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
const isActive = (one: World["heard"][number]): boolean =>
  isEpisode(one) && (one.report["data"] as { state?: string } | undefined)?.state === "active";
const topicOf = (world: World): string => world.heard.find(isEpisode)!.topic;
const ack = (world: World, stage: string): void =>
  void world.brokers[0]!.broker.publish(`${topicOf(world)}/ack`, Buffer.from(JSON.stringify({ stage })), {});

/** Dispatch sends the same command each time. */
const send = (world: World): void => {
  const expiresAt = new Date(Date.UTC(2026, 10, 25)).toISOString();
  const command = Buffer.from(JSON.stringify({ id: "c1", kind: "ping", expiresAt }));
  void world.brokers[0]!.broker.publish(`${ROOT}/command`, command, {});
};
/** How often it was run or refused. */
const runsIn = ({ heard }: World): number =>
  new Set(
    heard.flatMap(({ report }) =>
      (report["data"] as { type?: string })?.type === "command" ? [report["seq"]] : [],
    ),
  ).size;

const press = async (world: World): Promise<Life> => {
  const life = await world.start();
  await world.wait(5_000);
  life.board.hello(PRESS.board, 0);
  life.board.press(PRESS);
  await world.wait(10_000);
  return life;
};

/** The two places of the vital file as they stand: written again later, they are older than the store. */
const oldVital = (world: World) => world.disk.places.map((bytes) => bytes && Buffer.from(bytes));
const restore = async (world: World, life: Life, old: ReturnType<typeof oldVital>): Promise<void> => {
  await world.settle(life.unit.drained());
  await cut(world, life);
  world.disk.putVital(old);
};

describe("a vital file that is older than the store", () => {
  test("does not hide an emergency of which every report was delivered", async () => {
    const world = openWorld([{}]);
    const first = await world.start();
    await world.wait(5_000);
    const old = oldVital(world);
    first.board.hello(PRESS.board, 0);
    first.board.press(PRESS);
    await world.wait(10_000);
    ack(world, "received");
    await world.wait(5_000);
    await restore(world, first, old);
    await world.start();
    await world.wait(20_000);
    expect(world.lamps.at(-1)).toBe("received");
    ack(world, "cleared");
    await world.wait(20_000);
    expect(world.brokers[0]!.broker.retained(topicOf(world))).toBeUndefined();
  });

  test("does not keep an emergency open that dispatch has cleared", async () => {
    const world = openWorld([{}]);
    const first = await press(world);
    const old = oldVital(world);
    ack(world, "cleared");
    await world.wait(20_000);
    await restore(world, first, old);
    await world.start();
    await world.wait(20_000);
    expect(world.lamps.at(-1)).toBe("idle");
    expect(world.brokers[0]!.broker.retained(topicOf(world))).toBeUndefined();
  });

  test("does not end an emergency in which somebody presses again meanwhile", async () => {
    const world = openWorld([{}]);
    const first = await press(world);
    const old = oldVital(world);
    ack(world, "cleared");
    await world.wait(20_000);
    await restore(world, first, old);
    const starting = world.start();
    const next = await starting;
    next.board.press({ ...PRESS, number: 2 });
    await world.wait(20_000);
    expect(world.lamps.at(-1)).toBe("sent");
  });

  test("does not leave an ended emergency at a broker that was away", async () => {
    const world = openWorld();
    const away = world.brokers[1]!;
    const life = await world.start();
    await world.wait(5_000);
    const old = oldVital(world);
    life.board.hello(PRESS.board, 0);
    life.board.press(PRESS);
    await world.wait(30_000);
    away.broker.faults.down = true;
    world.network.reset(away.route);
    ack(world, "cleared");
    await world.wait(20_000);
    await restore(world, life, old);
    away.broker.faults.down = false;
    await world.start();
    await world.wait(90_000);
    expect(away.broker.retained(topicOf(world))).toBeUndefined();
  });

  test("does not let a press count or a command run again", async () => {
    const world = openWorld([{}]);
    const life = await world.start();
    await world.wait(5_000);
    const old = oldVital(world);
    life.board.hello(PRESS.board, 0);
    life.board.press(PRESS);
    send(world);
    await world.wait(10_000);
    ack(world, "cleared");
    await world.wait(10_000);
    const before = world.heard.filter(isActive).length;
    await restore(world, life, old);
    const next = await world.start();
    await world.wait(5_000);
    next.board.hello(PRESS.board, 1);
    next.board.press({ ...PRESS, ageMs: 60_000 });
    send(world);
    await world.wait(10_000);
    expect(world.heard.filter(isActive).slice(before)).toEqual([]);
    expect(runsIn(world)).toBe(1);
  });
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
    const seqOf = ({ report }: World["heard"][number]) => report["seq"];
    const before = new Set(world.heard.filter(isEpisode).map(seqOf));
    await lose(world, life);
    const next = await world.start();
    // The confirmation was lost: the board repeats the press.
    next.board.hello(PRESS.board, 1);
    next.board.press({ ...PRESS, ageMs: 60_000 });
    await world.wait(20_000);
    // The removal of its last report need not be on disk: that one may come once more.
    const again = world.heard.filter((one) => isEpisode(one) && !before.has(seqOf(one)));
    expect(again).toEqual([]);
    expect(world.lamps.at(-1)).toBe("idle");
    expect(world.confirmed.length).toBe(2);
  });

  test("does not let a command run twice", async () => {
    const world = openWorld([{}]);
    const life = await world.start();
    await world.wait(5_000);
    send(world);
    await world.wait(5_000);
    await lose(world, life);
    await world.start();
    await world.wait(5_000);
    send(world);
    await world.wait(10_000);
    expect(runsIn(world)).toBe(1);
  });
});
