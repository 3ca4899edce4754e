import { describe, expect, test } from "vitest";
import { EmergencyWorld, NOW, ROOT, URLS } from "./emergency-life.ts";

const opened = async (): Promise<EmergencyWorld> => {
  const world = new EmergencyWorld();
  await world.start();
  world.dial();
  await world.pass(3_000);
  return world;
};

/** A press that is on its way: its episode. */
const inEmergency = async (): Promise<{ world: EmergencyWorld; episode: string }> => {
  const world = await opened();
  world.press(1);
  await world.pass(1_000, () => world.heard.length > 0);
  return { world, episode: world.episodes[0]!.id };
};

describe("a press", () => {
  test("is confirmed when it is on disk, published, and shown: stored, then sent", async () => {
    const world = await opened();
    world.press(1);
    expect(world.confirmed).toEqual([]);
    await world.pass(1_000, () => world.lamp === "sent");
    expect(world.confirmed).toMatchObject([{ board: "0badcafe", number: 1 }]);
    expect(world.heard).toMatchObject([
      { broker: URLS[0], said: { state: "active", presses: 1, live: true } },
    ]);
    expect(world.lamps.map(({ pattern }) => pattern)).toEqual(["idle", "stored", "sent"]);
    expect(world.errors).toEqual([]);
  });

  test("survives a power cut at any moment after it was confirmed, as the same episode", async () => {
    const { world, episode } = await inEmergency();
    world.cut();
    await world.start();
    expect(world.episodes).toMatchObject([{ id: episode, state: "active", presses: 1 }]);
    expect(world.lamp).toBe("stored");
    world.press(1, { ageMs: 90_000 });
    expect(world.confirmed).toHaveLength(2);
    expect(world.episodes).toMatchObject([{ presses: 1 }]);
    world.heard.length = 0;
    world.dial();
    await world.pass(8_000);
    expect(world.heard[0]).toMatchObject({ episode, said: { state: "active" } });
  });

  test("before which the power went is counted once when the board repeats it, under the same id", async () => {
    const world = await opened();
    world.disk.fault = { kind: "refuses" };
    world.press(1);
    await world.pass(2_000, () => world.heard.length > 0);
    const { episode } = world.heard[0]!;
    expect(world.confirmed).toEqual([]);
    world.cut();
    world.disk.fault = undefined;
    await world.start();
    expect(world.episodes).toEqual([]);
    world.press(1, { ageMs: 4_000 });
    await world.pass(1_000, () => world.confirmed.length > 0);
    expect(world.episodes).toMatchObject([{ id: episode, presses: 1 }]);
  });

  // Defect 1: it was counted before its episode existed, so an exception in between lost it.
  test("with any clock opens an episode that is on disk before it is confirmed", async () => {
    for (const at of [Number.NaN, -1, 1e300, -1e300, Date.UTC(20_266, 0), Infinity, 0]) {
      const world = new EmergencyWorld();
      world.clock = { at, clock: "unset" };
      await world.start();
      world.press(1, { ageMs: 4e9 });
      await world.pass(1_000, () => world.confirmed.length > 0);
      expect(world.confirmed, String(at)).toHaveLength(1);
      world.cut();
      await world.start();
      expect(world.episodes, String(at)).toHaveLength(1);
      expect(world.life.emergency.open).toBe(true);
    }
  });

  // Defect 1, too: what else may fail between the board and the disk.
  test("whose scene cannot be made is stored and sent without one", async () => {
    const world = await opened();
    world.scene = () => {
      throw new Error("no fix, no frame, no idea");
    };
    world.press(1);
    await world.pass(1_000, () => world.lamp === "sent");
    expect(world.confirmed).toHaveLength(1);
    expect(world.heard[0]!.said).not.toHaveProperty("position");
    expect(world.errors).toEqual(["the position and signals for an emergency cannot be read"]);
    world.cut();
    await world.start();
    expect(world.episodes).toHaveLength(1);
  });

  test("is stored whatever its listeners do", async () => {
    const world = await opened();
    world.life.emergency.pressed.listen(() => {
      throw new Error("the power cannot be switched");
    });
    world.life.emergency.evidence.listen(() => {
      throw new Error("the recorder is full");
    });
    world.press(1);
    await world.pass(1_000, () => world.lamp === "sent");
    expect(world.confirmed).toHaveLength(1);
    expect(world.errors).toEqual(["emergency: evidence failed", "emergency: what a press stops failed"]);
  });

  test("on a disk that refuses goes out from memory, and is confirmed when the disk works again", async () => {
    const world = await opened();
    world.disk.fault = { kind: "refuses" };
    world.press(1);
    await world.pass(2_000, () => world.lamp === "sent");
    expect(world.lamp).toBe("sent");
    expect(world.confirmed).toEqual([]);
    world.disk.fault = undefined;
    await world.pass(2_500, () => world.confirmed.length > 0);
    expect(world.confirmed).toHaveLength(1);
  });

  test("on a disk that hangs goes out from memory within two seconds, to every broker that answers", async () => {
    const world = await opened();
    world.disk.fault = { kind: "slow", factor: 1e7 };
    world.press(1);
    await world.pass(2_500, () => world.heard.length > 0);
    expect(world.heard).toMatchObject([{ said: { state: "active" } }]);
    world.press(2);
    await world.pass(3_000, () => world.heard.at(-1)!.said?.presses === 2);
    expect(world.heard.at(-1)!.said?.presses).toBe(2);
    expect(world.confirmed).toEqual([]);
  });

  test("of an airbag is stored as soon as the disk works again, though nobody repeats it", async () => {
    const world = new EmergencyWorld();
    const emergency = await world.start();
    world.disk.fault = { kind: "refuses" };
    emergency.airbag("Front");
    emergency.airbag("Front");
    await world.pass(1_500);
    expect(world.lamp).toBe("idle");
    world.disk.fault = undefined;
    await world.pass(2_500, () => world.lamp === "stored");
    expect(world.lamp).toBe("stored");
    world.cut();
    const again = await world.start();
    expect(world.episodes).toMatchObject([{ button: "airbag", presses: 1 }]);
    expect(again.hasFired("Front")).toBe(true);
    expect(again.hasFired("Side")).toBe(false);
    again.rearmed("Front");
    expect(again.hasFired("Front")).toBe(false);
  });

  // Defect 27.
  test("on a loud button in a dark episode shows, and its button is reported", async () => {
    const world = await opened();
    world.press(1, { loop: 1 });
    await world.pass(1_000, () => world.heard.length > 0);
    expect(world.lamps.at(-1)).toEqual({ pattern: "silent", quiet: true, drill: false });
    world.press(2, { loop: 0 });
    await world.pass(1_000, () => world.lamp === "sent");
    expect(world.lamps.at(-1)).toEqual({ pattern: "sent", quiet: false, drill: false });
    world.press(3, { loop: 3 });
    await world.pass(1_000);
    expect(world.heard.at(-1)!.said).toMatchObject({
      button: "knee",
      buttons: ["knee", "dash", "loop-3"],
      presses: 3,
      silent: false,
    });
  });

  test("of a board without a latch is counted each time, under an id of its own", async () => {
    const world = await opened();
    world.press(0);
    world.press(0);
    await world.pass(1_000);
    expect(world.episodes).toMatchObject([{ presses: 2 }]);
    expect(world.confirmed).toEqual([]);
  });
});

describe("an episode", () => {
  test("goes through its stages to its end, and leaves nothing on any broker", async () => {
    const { world, episode } = await inEmergency();
    expect(world.retained(world.brokers[0]!)).toHaveLength(1);
    for (const stage of ["received", "accepted"] as const) {
      world.ack(episode, stage);
      await world.pass(1_000, () => world.lamp === stage);
      expect(world.lamp).toBe(stage);
    }
    world.ack(episode, "cleared");
    await world.pass(2_000);
    expect(world.lamp).toBe("idle");
    expect(world.episodes).toEqual([]);
    expect(world.retained(world.brokers[0]!)).toEqual([]);
    expect(world.life.outbox.memory.emergency.copies).toEqual([]);
    const states = world.heard.map(({ said }) => said?.state ?? "removed");
    expect(states).toEqual(["active", "received", "accepted", "cleared", "removed"]);
    expect(world.life.emergency.status.episodes).toMatchObject([{ episode, state: "cleared" }]);
  });

  // Defect 23: the older of two memories could bring it back.
  test("that has ended does not come back after a restart, whichever place of the vital file is damaged", async () => {
    const { world, episode } = await inEmergency();
    world.ack(episode, "cleared");
    await world.pass(3_000);
    await world.settle(world.life.outbox.flush());
    // Written once more, so that both places know of the end.
    world.life.emergency.give({ kind: "hello", board: "0badcafe", lastNumber: 0 });
    await world.pass(1_000);
    for (const place of [0, 1]) {
      world.cut();
      world.disk.corruptVital(place);
      await world.start();
      expect(world.episodes).toEqual([]);
      expect(world.life.emergency.open).toBe(false);
    }
    world.heard.length = 0;
    world.dial();
    await world.pass(60_000);
    expect(world.heard.filter(({ said }) => said?.state === "active")).toEqual([]);
    expect(world.retained(world.brokers[0]!)).toEqual([]);
  });

  // Defect 18: the copy was noted on the PUBACK. If that was lost, nobody removed it.
  test("whose PUBACK was lost is removed from that broker within a minute of its return", async () => {
    const world = await opened();
    const [a, b] = world.brokers;
    a!.faults.mute = true;
    world.press(1);
    await world.pass(15_000, () => world.heard.some(({ broker }) => broker === URLS[1]));
    const { id } = world.episodes[0]!;
    expect(world.retained(a!)).toHaveLength(1);
    a!.faults.down = true;
    for (const route of world.network.routes.values()) if (route.broker === a) world.network.reset(route);
    await world.pass(10_000);
    world.ack(id, "cleared", b);
    await world.pass(30_000);
    expect(world.retained(b!)).toEqual([]);
    expect(world.retained(a!)).toHaveLength(1);
    world.cut();
    await world.start();
    world.dial();
    await world.pass(5_000);
    Object.assign(a!.faults, { mute: false, down: false });
    await world.pass(60_000, () => world.retained(a!).length === 0);
    expect(world.retained(a!)).toEqual([]);
    await world.pass(1_000);
    expect(world.life.outbox.memory.emergency.copies).toEqual([]);
  });

  test("whose PUBACK a courier never got is removed from that broker as well", async () => {
    const world = await opened();
    const [a, b] = world.brokers;
    a!.faults.mute = true;
    b!.faults.mute = true;
    world.press(1);
    await world.pass(15_000, () => world.retained(b!).length > 0);
    const { id } = world.episodes[0]!;
    b!.faults.down = true;
    for (const route of world.network.routes.values()) if (route.broker === b) world.network.reset(route);
    a!.faults.mute = false;
    await world.pass(10_000);
    world.ack(id, "cleared", a);
    await world.pass(20_000);
    expect([world.episodes, world.retained(a!)]).toEqual([[], []]);
    world.cut();
    await world.start();
    world.dial();
    await world.pass(5_000);
    Object.assign(b!.faults, { mute: false, down: false });
    await world.pass(60_000, () => world.retained(b!).length === 0);
    expect(world.retained(b!)).toEqual([]);
  });

  test("that ends while a report waits for the disk leaves no copy behind it", async () => {
    const world = await opened();
    const [a, b] = world.brokers;
    a!.faults.mute = true;
    world.press(1);
    await world.pass(4_000);
    const { id } = world.episodes[0]!;
    world.disk.fault = { kind: "slow", factor: 1e4 };
    const { memory } = world.life.outbox;
    expect(memory.emergency.copies).toHaveLength(1);
    await world.pass(10_000, () => world.life.outbox.memory.emergency.copies.length > 1);
    expect(world.retained(b!)).toEqual([]);
    world.ack(id, "cleared", a);
    await world.pass(20_000);
    world.disk.fault = undefined;
    a!.faults.mute = false;
    await world.pass(60_000);
    expect([world.retained(a!), world.retained(b!)]).toEqual([[], []]);
  });

  test("is repeated each 5 s with the next attempt and the same number until dispatch has it", async () => {
    const { world, episode } = await inEmergency();
    await world.pass(10_500);
    const heard = world.heard.filter(({ broker, said }) => broker === URLS[0] && said);
    expect(heard.map(({ said }) => said!.attempt)).toEqual([1, 2, 3]);
    expect(new Set(heard.map(({ said }) => said!.seq)).size).toBe(1);
    world.ack(episode, "received");
    await world.pass(1_000);
    world.heard.length = 0;
    await world.pass(30_000);
    expect(world.heard).toEqual([]);
  });
});

describe("a drill", () => {
  test("is the first press after it was asked for; the second one is real, and the lamp speaks for that", async () => {
    const world = await opened();
    expect(world.life.emergency.drill("technician")).toBeUndefined();
    expect(world.life.emergency.status.drillArmed).toBe(true);
    world.press(1);
    await world.pass(1_000, () => world.lamp === "sent");
    expect(world.lamps.at(-1)!.drill).toBe(true);
    world.press(2);
    await world.pass(1_000, () => world.heard.length > 1);
    expect(world.episodes.map(({ test: isDrill }) => isDrill)).toEqual([true, false]);
    expect(world.lamps.at(-1)!.drill).toBe(false);
    expect(world.life.emergency.drill("technician")).toBe("an emergency is open, so no press can be a drill");
  });

  // Defect 26.
  test("is no press whose age the board does not know", async () => {
    const world = await opened();
    world.life.emergency.drill("technician");
    world.life.emergency.press({ board: "0badcafe", number: 1, loop: 0, count: 1 });
    expect(world.episodes).toMatchObject([{ test: false }]);
  });

  test("can be asked for by dispatch once in 10 minutes, also across a power cut", async () => {
    const world = await opened();
    const limit = "dispatch may ask for one drill in 10 minutes";
    expect(world.life.emergency.drill("dispatch")).toBeUndefined();
    expect(world.life.emergency.drill("dispatch")).toBe(limit);
    expect(world.life.emergency.drill("technician")).toBeUndefined();
    await world.pass(1_000);
    world.cut();
    world.clock.at += 300_000;
    await world.start();
    expect(world.life.emergency.status.drillArmed).toBe(false);
    expect(world.life.emergency.drill("dispatch")).toBe(limit);
    world.cut();
    world.clock.at += 310_000;
    await world.start();
    expect(world.life.emergency.drill("dispatch")).toBeUndefined();
  });

  test("that nobody clears ends by itself after 10 minutes and leaves no copy", async () => {
    const world = await opened();
    world.life.emergency.drill("technician");
    world.press(1);
    await world.pass(599_000);
    expect(world.episodes).toMatchObject([{ state: "active", test: true }]);
    await world.pass(5_000);
    expect(world.episodes).toEqual([]);
    const end = world.heard.find(({ said }) => said?.state === "cleared")?.said;
    expect(end).toMatchObject({ by: "unit", test: true });
    expect(end).not.toHaveProperty("ackAt");
    for (const broker of world.brokers) expect(world.retained(broker)).toEqual([]);
  });
});

describe("an acknowledgement", () => {
  const send = async (world: EmergencyWorld, id: string, payload: string | Buffer) => {
    await world.settle(world.life.emergency.acknowledge(id, Buffer.from(payload)));
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
