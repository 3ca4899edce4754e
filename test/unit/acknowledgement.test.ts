import { describe, expect, test } from "vitest";
import { EmergencyWorld, inEmergency, NOW, opened, ROOT, URLS } from "./emergency-life.ts";

describe("an acknowledgement", () => {
  const send = async (world: EmergencyWorld, id: string, payload: string | Buffer) => {
    await world.settle(world.life.emergency.acknowledge(id, Buffer.from(payload), URLS[0]));
  };

  test("that is hostile changes nothing and throws nothing", async () => {
    const { world, episode } = await inEmergency();
    const before = world.episodes;
    for (const payload of [
      "",
      "{",
      "null",
      "[]",
      '{"stage":"active"}',
      '{"stage":"__proto__"}',
      '{"stage":"cleared","by":7}',
      '{"stage":"cleared","at":"2026-13-45T00:00:00Z"}',
      '{"stage":"cleared","at":"+275760-09-13T00:00:00Z"}',
      `{"stage":"cleared","by":"${"x".repeat(1_000_000)}"}`,
      Buffer.from([0xff, 0xfe]),
    ])
      await send(world, episode, payload);
    for (const id of [
      "",
      "X",
      "\u{2603}".repeat(26),
      "0".repeat(60_000),
      `${episode}0`,
      episode.toLowerCase(),
    ])
      await send(world, id, '{"stage":"cleared"}');
    expect(world.episodes).toEqual(before);
    expect(world.errors).toEqual([]);
  });

  test("has a name that every store of dispatch can keep", async () => {
    const { world, episode } = await inEmergency();
    await send(world, episode, String.raw`{"stage":"received","by":"operator 7\u0000 \ud800"}`);
    expect(world.episodes).toMatchObject([{ state: "received", by: "operator 7\uFFFD \uFFFD" }]);
  });

  test("keeps 64 letters of the name, whole ones, and reads any time that can be written", async () => {
    for (const [at, told] of [
      ["0000-01-01T00:00:00Z", "0000-01-01T00:00:00.000Z"],
      ["9999-12-31T23:59:59.999999-23:59", "9999-12-31T23:59:59.999Z"],
    ]) {
      const { world, episode } = await inEmergency();
      await send(world, episode, JSON.stringify({ stage: "received", by: "\u{1f693}".repeat(250), at }));
      expect(world.episodes).toMatchObject([{ by: "\u{1f693}".repeat(64), ackAt: told }]);
      await world.pass(1_000);
      world.cut();
      await world.start();
      expect(world.episodes).toMatchObject([{ id: episode, state: "received", ackAt: told }]);
    }
  });

  test("is on disk before its broker hears so, unless the disk does not answer within a second", async () => {
    const { world, episode } = await inEmergency();
    await send(world, episode, '{"stage":"received"}');
    world.cut();
    await world.start();
    expect(world.episodes).toMatchObject([{ state: "received" }]);
    world.disk.fault = { kind: "slow", factor: 1e7 };
    const began = world.time.mono();
    await send(world, episode, '{"stage":"accepted"}');
    expect(world.time.mono() - began).toBeLessThan(1_100);
  });

  test("of the end of an unknown episode removes it from the broker that shows it", async () => {
    const world = await opened();
    const foreign = "01K0000000000000000000000A";
    world.brokers[0]!.publish(`${ROOT}/emergency/${foreign}`, Buffer.from('{"data":{}}'), { retain: true });
    world.ack(foreign, "cleared");
    await world.pass(2_000);
    expect(world.retained(world.brokers[0]!)).toEqual([]);
  });
});

describe("the lamp", () => {
  test("says no-link a minute after nobody could be reached, and idle when somebody listens again", async () => {
    const world = await opened();
    world.life.emergency.give({ kind: "listening", listening: true, mono: 0 });
    expect(world.lamp).toBe("idle");
    for (const broker of world.brokers) broker.faults.down = true;
    for (const route of world.network.routes.values()) world.network.reset(route);
    await world.pass(59_000);
    expect(world.lamp).toBe("idle");
    await world.pass(5_000);
    expect(world.lamp).toBe("no-link");
  });

  test("is shown to a board that comes later", async () => {
    const { world } = await inEmergency();
    await world.pass(1_000);
    const shown: string[] = [];
    world.life.emergency.attach({ confirm: () => undefined, show: (pattern) => shown.push(pattern) });
    expect(shown).toEqual(["sent"]);
  });
});

test("what a report of an unset clock cannot tell is left out after a restart", async () => {
  const world = new EmergencyWorld();
  world.clock = { at: 0, clock: "unset" };
  await world.start();
  world.press(1, { ageMs: 2_000 });
  await world.pass(1_000);
  world.cut();
  world.clock = { at: NOW, clock: "gnss" };
  await world.start();
  world.press(2);
  const [kept] = world.life.outbox.memory.emergency.episodes;
  expect(kept!.report.data).not.toHaveProperty("pressedAt");
  expect(kept!.report.data.presses).toBe(2);
});

test("a scene that cannot be read back costs the scene, not the open episode", async () => {
  const world = new EmergencyWorld();
  // JSON has no Infinity: it is read back as null.
  world.scene = () => ({ vehicle: { signals: { "Vehicle.Speed": Infinity } } });
  await world.start();
  world.press(1);
  await world.pass(500);
  expect(world.confirmed).toHaveLength(1);
  world.cut();
  await world.start();
  const [kept] = world.life.outbox.memory.emergency.episodes;
  expect(kept!.report.data).toMatchObject({ presses: 1 });
  expect(kept!.report.data).not.toHaveProperty("vehicle");
});

test("a cleared for an episode that the unit does not know removes its copy at the broker that delivered it", async () => {
  const world = await opened();
  const unknown = "01K0000000000000000000000A";
  const b = world.brokers[1]!;
  b.publish(`${ROOT}/emergency/${unknown}`, Buffer.from("{}"), { retain: true });
  expect(world.retained(b)).toHaveLength(1);
  const cleared = Buffer.from(JSON.stringify({ stage: "cleared", by: "operator" }));
  await world.settle(world.life.emergency.acknowledge(unknown, cleared, URLS[1]));
  await world.pass(5_000);
  expect(world.retained(b)).toEqual([]);
});
