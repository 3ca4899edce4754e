import { describe, expect, test } from "vitest";
import { openWorld } from "./whole-unit.ts";

type World = ReturnType<typeof openWorld>;
type Life = Awaited<ReturnType<World["start"]>>;

const cut = async (world: World, life: Life): Promise<void> => {
  life.process.kill();
  world.network.processGone(true);
  world.disk.cut();
  await world.wait(1_000);
};

const emergencies = (world: World) => world.heard.filter(({ topic }) => /\/emergency\/[^/]+$/.test(topic));

/** How the vital file comes to lack an episode of which the store has a report. */
const LOSSES: readonly (readonly [
  string,
  (world: World, old: readonly (Buffer | undefined)[]) => Promise<void>,
])[] = [
  [
    "is lost",
    async ({ disk }) => {
      disk.corruptVital(0);
      disk.corruptVital(1);
    },
  ],
  [
    "is a copy from before the press, of the same life",
    async (world, old) => {
      for (const [place, bytes] of old.entries())
        if (bytes) await world.settle(world.disk.writeVital(place, bytes));
    },
  ],
];

describe.each(LOSSES)("a press that was confirmed, and a vital file that %s", (_, lose) => {
  test("goes on as the same episode until dispatch clears it, and then nothing of it stays", async () => {
    const world = openWorld([{}]);
    const { broker } = world.brokers[0]!;
    broker.faults.down = true;
    const life = await world.start();
    await world.wait(10_000);
    const old = world.disk.places.map((bytes) => bytes && Buffer.from(bytes));
    life.board.hello("aaaaaaaa", 0);
    life.board.press({ board: "aaaaaaaa", number: 1, loop: 0, count: 1, ageMs: 0 });
    await world.wait(5_000);
    expect(world.confirmed).toHaveLength(1);
    await cut(world, life);
    await lose(world, old);
    broker.faults.down = false;
    await world.start();
    await world.wait(60_000);
    const first = emergencies(world)[0]!;
    expect(first.report).toMatchObject({ data: { state: "active", presses: 1, button: "dash" } });
    // Repeated, still retained, and shown.
    expect(emergencies(world).length).toBeGreaterThan(5);
    expect(broker.retained(first.topic)).toBeDefined();
    expect(world.lamps.at(-1)).toBe("sent");
    broker.publish(`${first.topic}/ack`, Buffer.from(JSON.stringify({ stage: "cleared" })), {});
    await world.wait(30_000);
    expect(broker.retained(first.topic)).toBeUndefined();
    expect(world.lamps.at(-1)).toBe("idle");
    expect(new Set(emergencies(world).map(({ topic }) => topic)).size).toBe(1);
  });
});
