import { describe, expect, test } from "vitest";
import { openWorld } from "./whole-unit.ts";

type World = ReturnType<typeof openWorld>;
type Life = Awaited<ReturnType<World["start"]>>;

const PRESS = { board: "aaaaaaaa", number: 1, loop: 0, count: 1, ageMs: 0 };

const cut = async (world: World, life: Life): Promise<void> => {
  life.process.kill();
  world.network.processGone(true);
  world.disk.cut();
  await world.wait(1_000);
};

const refuse = (world: World, refuses: boolean): void => {
  world.disk.fault = refuses ? { kind: "vital-refuses" } : undefined;
};

const statesOf = (world: World): unknown[] =>
  world.heard
    .filter(({ topic }) => /\/emergency\/[^/]+$/.test(topic))
    .map(({ report }) => (report["data"] as { state: string }).state);

const ack = (world: World, stage: string): void => {
  const { topic } = world.heard.find((one) => /\/emergency\/[^/]+$/.test(one.topic))!;
  world.brokers[0]!.broker.publish(`${topic}/ack`, Buffer.from(JSON.stringify({ stage })), {});
};

/** What the vital file does after the life in which it refuses: it still does, or it works again. */
describe.each([
  ["still refuses", true],
  ["can be written again", false],
])("a vital file that refused in the life before and %s", (_, after) => {
  test("does not bring back an emergency that dispatch has cleared", async () => {
    const world = openWorld([{}]);
    const first = await world.start();
    await world.wait(5_000);
    first.board.hello(PRESS.board, 0);
    first.board.press(PRESS);
    await world.wait(5_000);
    refuse(world, true);
    ack(world, "cleared");
    await world.wait(20_000);
    expect(statesOf(world)).toContain("cleared");
    expect(world.lamps.at(-1)).not.toBe("sent");
    await cut(world, first);
    for (let life = 0; life < 2; life++) {
      const before = statesOf(world).length;
      refuse(world, after);
      const next = await world.start();
      await world.wait(20_000);
      expect(statesOf(world).slice(before)).toEqual([]);
      await cut(world, next);
    }
  });

  test("counts a press once that the board repeats", async () => {
    const world = openWorld([{}]);
    const first = await world.start();
    await world.wait(5_000);
    refuse(world, true);
    world.brokers[0]!.broker.faults.down = true;
    first.board.hello(PRESS.board, 0);
    first.board.press(PRESS);
    await world.wait(5_000);
    await cut(world, first);
    world.brokers[0]!.broker.faults.down = false;
    for (let life = 0; life < 2; life++) {
      refuse(world, after);
      const next = await world.start();
      await world.wait(10_000);
      // Its confirmation was lost.
      next.board.hello(PRESS.board, 1);
      next.board.press({ ...PRESS, ageMs: 30_000 });
      await world.wait(10_000);
      await cut(world, next);
    }
    expect(new Set(world.confirmed.map(({ life }) => life))).toEqual(new Set(["alive"]));
    const presses = world.heard
      .filter(({ topic }) => /\/emergency\/[^/]+$/.test(topic))
      .map(({ topic, report }) => [topic, (report["data"] as { presses: number }).presses]);
    expect(new Set(presses.map(([topic]) => topic)).size).toBe(1);
    expect(new Set(presses.map(([, count]) => count))).toEqual(new Set([1]));
  });

  test("goes on with an emergency that dispatch has received", async () => {
    const world = openWorld([{}]);
    const first = await world.start();
    await world.wait(5_000);
    refuse(world, true);
    first.board.hello(PRESS.board, 0);
    first.board.press(PRESS);
    await world.wait(5_000);
    ack(world, "received");
    await world.wait(5_000);
    await cut(world, first);
    refuse(world, after);
    await world.start();
    await world.wait(10_000);
    expect(world.lamps.at(-1)).toBe("received");
    const { topic } = world.heard.find((one) => /\/emergency\/[^/]+$/.test(one.topic))!;
    ack(world, "cleared");
    await world.wait(20_000);
    expect(world.brokers[0]!.broker.retained(topic)).toBeUndefined();
  });

  test("gives no birth a number below an earlier one, though the clock is behind", async () => {
    const world = openWorld([{}]);
    const births = (): (readonly [boot: number, connection: number])[] =>
      world.heard.flatMap(({ topic, report }) =>
        topic.endsWith("/state") && report["state"] === "online"
          ? [[Number(report["boot"]), Number(report["connection"])] as const]
          : [],
      );
    const first = await world.start();
    await world.wait(5_000);
    refuse(world, true);
    await cut(world, first);
    const second = await world.start();
    await world.wait(5_000);
    await cut(world, second);
    world.host.behindMs = 3_600_000;
    for (let life = 0; life < 2; life++) {
      refuse(world, after);
      const next = await world.start();
      await world.wait(5_000);
      await cut(world, next);
    }
    expect(births().length).toBeGreaterThanOrEqual(4);
    expect(births()).toEqual(births().toSorted((a, b) => a[0] - b[0] || a[1] - b[1]));
  });

  test("runs no command twice", async () => {
    const world = openWorld([{}]);
    const first = await world.start();
    await world.wait(5_000);
    refuse(world, true);
    const expiresAt = new Date(world.time.host() + 600_000).toISOString();
    const command = Buffer.from(JSON.stringify({ id: "c1", kind: "ping", expiresAt }));
    const send = (): void =>
      void world.brokers[0]!.broker.publish("patrol/v1/zrenjanin/zr-117/command", command, {});
    send();
    await world.wait(5_000);
    await cut(world, first);
    refuse(world, after);
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

test("a vital file that cannot be written is a fault, and a press is confirmed and shown all the same", async () => {
  const world = openWorld([{}]);
  const first = await world.start();
  await world.wait(5_000);
  refuse(world, true);
  first.board.hello(PRESS.board, 0);
  first.board.press(PRESS);
  await world.wait(5_000);
  expect(world.confirmed).toHaveLength(1);
  expect(world.lamps.at(-1)).toBe("sent");
  const faults = world.events().filter(({ type, part }) => type === "fault" && part === "outbox");
  expect(faults.map(({ code }) => code)).toEqual(["vital-file"]);
});
