import { expect, test } from "vitest";
import { decide, done } from "../../src/commands/commands.ts";
import type { CommandMessage } from "../../src/domain/messages.ts";
import { NO_MEMORY, type CommandMemory, type Memory } from "../../src/domain/memory.ts";
import { COPIES_MAX } from "../../src/emergency/copies.ts";
import { ENDED_MAX } from "../../src/emergency/ring.ts";
import { AIRBAGS_MAX } from "../../src/emergency/ring-state.ts";
import { encodeVital } from "../../src/outbox/vital-record.ts";
import { EmergencyWorld, NOW, URLS } from "./emergency-life.ts";

const WIDE = "\u{1f693}";
const LETTER = WIDE.length;

const largeScene = (signals: number) => {
  const place = {
    lat: 45.123_456_7,
    lon: 20.123_456_7,
    speedKmh: 123.45,
    courseDeg: 123.45,
    fix: "3d" as const,
  };
  const seen = { ...place, ageMs: 1_234_567, trusted: true, hdop: 1.23, accuracyM: 12.34, satellites: 12 };
  const names = Array.from({ length: signals }, (_, n) => [
    `Vehicle.Police.Something.Or.Other.Signal${n}`,
    n,
  ]);
  return {
    position: seen,
    track: Array.from({ length: 10 }, () => seen),
    vehicle: { signals: Object.fromEntries(names) },
  };
};

/** A drill and a real emergency are open, and eight ended ones wait for a broker. */
const fullOfEpisodes = async (signals: number): Promise<EmergencyWorld> => {
  const world = new EmergencyWorld();
  const emergency = await world.start();
  world.scene = () => largeScene(signals);
  const by = WIDE.repeat(300);
  for (let n = 1; n <= ENDED_MAX; n++) {
    world.press(n);
    const payload = Buffer.from(JSON.stringify({ stage: "cleared", by, at: "2026-11-25T10:00:00Z" }));
    await world.settle(emergency.acknowledge(world.episodes.at(-1)!.id, payload, URLS[0]));
  }
  emergency.drill("dispatch");
  world.press(100);
  for (let n = 0; n < 8; n++) world.press(101 + n, { loop: n });
  for (const { id } of world.episodes.filter(({ state }) => state === "active")) {
    const payload = Buffer.from(JSON.stringify({ stage: "accepted", by, at: "2026-11-25T10:00:00Z" }));
    await world.settle(emergency.acknowledge(id, payload, URLS[0]));
  }
  return world;
};

const fullOfCommands = (): CommandMemory => {
  const expiresAt = "2099-01-01T00:00:00.000Z";
  let memory = NO_MEMORY.commands;
  for (let n = 0; n < 300; n++) {
    const command: CommandMessage = { id: `${WIDE.repeat(200 / LETTER - 3)}${n}`, kind: "ping", expiresAt };
    const asked = { value: command, held: { payload: "" } };
    const decision = decide(memory, asked, ["ping"], { at: NOW, clock: "gnss" });
    if (decision.kind === "run") ({ memory } = done(memory, command, undefined, { at: NOW, clock: "gnss" }));
  }
  for (let n = 0; n < 30; n++) {
    const command = { id: `held ${n}`, kind: "ping", expiresAt };
    const held = { payload: "x".repeat(1_900), responseTopic: `${n}` };
    ({ memory } = decide(memory, { value: command, held }, ["ping"], { at: 0, clock: "unset" }));
  }
  return memory;
};

test("the largest memory there can be fits its place in the vital file: nothing of it is given up", async () => {
  const world = await fullOfEpisodes(2_000);
  const { emergency } = world.life.outbox.memory;
  expect(emergency.episodes.map(({ episode }) => episode.state === "cleared")).toEqual([
    ...Array.from({ length: ENDED_MAX }, () => true),
    false,
    false,
  ]);
  const memory: Memory = {
    v: 1,
    emergency: {
      ...emergency,
      copies: Array.from({ length: COPIES_MAX }, (_, n) => ({
        episode: `01K0000000000000000000${String(n).padStart(4, "0")}`,
        broker: `mqtts://dispatch-${n}.of-a-directorate.example:8883`,
      })),
      presses: Array.from({ length: 16 }, (_, n) => ({
        board: String(n).padStart(8, "0"),
        below: 4_294_900_000,
        numbers: Array.from({ length: 64 }, (__, m) => 4_294_900_001 + m),
        several: Array.from({ length: 16 }, (__, m) => ({ number: 4_294_900_049 + m, count: 255 })),
      })),
      airbags: Array.from(
        { length: AIRBAGS_MAX },
        (_, n) => `Vehicle.Cabin.Seat.Row${n}.DriverSide.Airbag.IsDeployed`,
      ),
    },
    commands: fullOfCommands(),
    custody: {
      newest: { by: "x".repeat(200), at: 9e15, upTo: 9e15 },
      proven: true,
      silentMs: 86_400_000,
      renewedAt: 9e15,
      behindMs: 9e15,
    },
  };
  expect(memory.commands.done.length).toBeGreaterThan(40);
  expect(memory.commands.held.length).toBeGreaterThan(10);
  const vital = {
    generation: 9e15,
    store: "k3v9q0ab",
    boot: 9e15,
    connection: 9e15,
    lease: 9e15,
    reach: 9e15,
    memory,
  };
  const { bytes, isShortened } = encodeVital(vital);
  // Names of brokers, boards and airbags have no limit of their own: what is left is for longer ones.
  expect(isShortened).toBe(false);
  expect(bytes.length).toBeGreaterThan(90_000);
});

test("an open emergency with more signals than the memory has room for is kept without them, and says so", async () => {
  const world = new EmergencyWorld();
  await world.start();
  world.dial();
  await world.pass(3_000);
  world.scene = () => largeScene(2_000);
  world.press(1);
  await world.pass(20_000, () => world.heard.length > 0);
  expect(Object.keys(world.heard[0]!.said!.vehicle!.signals)).toHaveLength(2_000);
  await world.pass(1_000);
  const [{ report } = { report: undefined }] = world.life.outbox.memory.emergency.episodes;
  expect(report!.data.shortened).toEqual(["track", "vehicle"]);
  expect(report!.data.position).toBeDefined();
  world.cut();
  await world.start();
  expect(world.episodes).toMatchObject([{ presses: 1 }]);
});

test("an ordinary scene is kept whole", async () => {
  const world = new EmergencyWorld();
  await world.start();
  world.scene = () => largeScene(20);
  world.press(1);
  const [{ report } = { report: undefined }] = world.life.outbox.memory.emergency.episodes;
  expect(report!.data).toMatchObject(largeScene(20));
  expect(report!.data.shortened).toBeUndefined();
});
