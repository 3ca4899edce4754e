import { describe, expect, test } from "vitest";
import { decodePlaces } from "../../src/outbox/vital-record.ts";
import { openWorld } from "./whole-unit.ts";

/** A vital file that is older than the store: its newest place is damaged. */

type World = ReturnType<typeof openWorld>;
type Life = Awaited<ReturnType<World["start"]>>;

const ROOT = "patrol/v1/zrenjanin/zr-117";

const press = ({ board }: Life, number: number): void =>
  board.press({ board: "aaaaaaaa", number, loop: 0, count: 1, ageMs: 0 });

const cut = async (world: World, life: Life): Promise<void> => {
  life.process.kill();
  world.network.processGone(true);
  world.disk.cut();
  await world.wait(500);
};

/** The power goes, and the newest place of the vital file is damaged. */
const loseNewest = async (world: World, life: Life): Promise<void> => {
  await cut(world, life);
  world.disk.corruptVital(decodePlaces(world.disk.places).newest!.generation % 2);
};

const emergencies = (world: World, from = 0) =>
  world.heard.slice(from).filter(({ topic }) => /\/emergency\/[^/]+$/.test(topic));

const acknowledge = async (world: World, topic: string, stage: string): Promise<void> => {
  world.brokers[0]!.broker.publish(`${topic}/ack`, Buffer.from(JSON.stringify({ stage, by: "anna" })), {});
  await world.wait(3_000);
};

const pressed = async (world: World, custody = ""): Promise<{ life: Life; topic: string }> => {
  const life = await world.start("", false, "zr-117", custody);
  await world.wait(10_000);
  press(life, 1);
  await world.wait(3_000);
  return { life, topic: emergencies(world)[0]!.topic };
};

describe("an episode that the older vital file has as it stood before", () => {
  test("is repeated with all presses that were confirmed, and a further one is counted on top", async () => {
    const world = openWorld([{}]);
    const { life } = await pressed(world);
    press(life, 2);
    await world.wait(3_000);
    expect(world.confirmed.map(({ number }) => number)).toEqual([1, 2]);
    await loseNewest(world, life);
    const from = world.heard.length;
    const second = await world.start();
    await world.wait(60_000);
    const after = emergencies(world, from);
    for (const { report } of after) expect(report).toMatchObject({ data: { state: "active", presses: 2 } });
    // Every 5 s.
    const times = after.map(({ at }) => at);
    expect(times.length).toBeGreaterThan(11);
    for (const [n, at] of times.entries()) expect(at - (times[n - 1] ?? at)).toBeLessThanOrEqual(5_500);
    press(second, 3);
    await world.wait(3_000);
    expect(emergencies(world).at(-1)!.report).toMatchObject({ data: { presses: 3 } });
  });

  test("stays accepted, on the lamp and on the broker", async () => {
    const world = openWorld([{}]);
    const { life, topic } = await pressed(world);
    await acknowledge(world, topic, "accepted");
    await loseNewest(world, life);
    const [from, lamps] = [world.heard.length, world.lamps.length];
    await world.start();
    await world.wait(20_000);
    for (const { report } of emergencies(world, from))
      expect(report).toMatchObject({ data: { state: "accepted" } });
    expect(world.lamps.slice(lamps)).not.toContain("idle");
    expect(world.lamps.at(-1)).toBe("accepted");
    const retained: unknown = JSON.parse(String(world.brokers[0]!.broker.retained(topic)));
    expect(retained).toMatchObject({ data: { state: "accepted", by: "anna" } });
  });
});

describe("an episode that has ended, of which a report waits for a receipt", () => {
  test("does not come back, and is not declared lost", async () => {
    const world = openWorld([{}]);
    const { broker } = world.brokers[0]!;
    const { life, topic } = await pressed(world, "custody: dispatch");
    await acknowledge(world, topic, "cleared");
    await world.wait(3_000);
    const numbers = world.heard.flatMap(({ report }) =>
      report["seq"] === undefined ? [] : [Number(report["seq"])],
    );
    const active = Number(emergencies(world)[0]!.report["seq"]);
    const receipt = {
      store: world.heard[0]!.report["store"],
      upTo: Math.max(...numbers),
      missing: [[active, active]],
      by: "db",
      at: new Date(world.time.host()).toISOString(),
    };
    broker.send(
      { topic: `${ROOT}/receipt`, payload: Buffer.from(JSON.stringify(receipt)) },
      { retain: true },
    );
    await world.wait(8_000);
    // The store gets a copy of the memory with a command that was run.
    const expiresAt = new Date(world.time.host() + 60_000).toISOString();
    const command = { id: "c1", kind: "report", expiresAt };
    broker.send({ topic: `${ROOT}/command`, payload: Buffer.from(JSON.stringify(command)) });
    await world.wait(4_000);
    await loseNewest(world, life);
    const from = world.heard.length;
    await world.start("", false, "zr-117", "custody: dispatch");
    await world.wait(20_000);
    expect(world.logs.some(({ msg }) => /older than the store/.test(String(msg)))).toBe(true);
    expect(emergencies(world, from)).toEqual([]);
    expect(broker.retained(topic)).toBeUndefined();
    expect(world.lamps.at(-1)).toBe("idle");
    const superseded = world.events().filter(({ reason }) => reason === "superseded");
    expect(superseded).toEqual([]);
  });
});
