import { expect, test } from "vitest";
import { inEmergency, opened, type EmergencyWorld } from "./emergency-life.ts";

const release = (world: EmergencyWorld, number: number, heldMs: number): void =>
  world.life.emergency.released({ board: "0badcafe", number, heldMs });
/** What dispatch has received, each report once. */
const told = ({ heard }: EmergencyWorld) =>
  heard.map(({ said }) => ({ state: said?.state, presses: said?.presses, heldMs: said?.heldMs }));

test("a press that is released at once is sent as it was, and its time follows in a report of its own", async () => {
  const world = await opened();
  world.press(1);
  release(world, 1, 40);
  await world.pass(2_000, () => told(world).some(({ heldMs }) => heldMs !== undefined));
  expect(told(world)).toEqual([
    { state: "active", presses: 1, heldMs: undefined },
    { state: "active", presses: 1, heldMs: 40 },
  ]);
  const [first, second] = world.heard.map(({ said }) => said!);
  expect(second!.seq).toBeGreaterThan(first!.seq);
  expect(second!.attempt).toBe(1);
  await world.pass(1_000);
  expect(world.lamps.map(({ pattern }) => pattern)).toEqual(["idle", "stored", "sent"]);
});

test("a release while nothing can be sent survives a power cut, and is sent after the press", async () => {
  const { world, episode } = await inEmergency();
  for (const broker of world.brokers) broker.faults.down = true;
  world.cut();
  await world.start();
  release(world, 1, 4_000);
  await world.pass(1_000);
  world.cut();
  for (const broker of world.brokers) broker.faults.down = false;
  await world.start();
  expect(world.episodes).toMatchObject([{ id: episode, heldMs: 4_000 }]);
  world.heard.length = 0;
  world.dial();
  await world.pass(8_000);
  expect(told(world)[0]).toMatchObject({ state: "active", presses: 1 });
  expect(told(world).at(-1)).toMatchObject({ heldMs: 4_000 });
});

test("a release on a disk that hangs, or is slow, holds back no press", async () => {
  for (const factor of [1e7, 50, 1]) {
    const untilHeard = async (heldMs?: number): Promise<number> => {
      const world = await opened();
      world.disk.fault = { kind: "slow", factor };
      const pressedAt = world.time.mono();
      world.press(1);
      if (heldMs !== undefined) {
        await world.pass(heldMs);
        release(world, 1, heldMs);
      }
      await world.pass(5_000, () => world.heard.length > 0);
      return world.time.mono() - pressedAt;
    };
    const without = await untilHeard();
    expect(without).toBeLessThan(2_100);
    for (const heldMs of [1, 30, 400, 990, 1_500].filter((ms) => ms < without))
      expect(await untilHeard(heldMs), `factor ${factor}, ${heldMs} ms`).toBe(without);
  }
});
