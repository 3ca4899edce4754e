import { expect, test } from "vitest";
import { openWorld } from "./whole-unit.ts";

test("an emergency that an old copy of the vital file does not know is sent, not taken for one that was published", async () => {
  const world = openWorld([{}]);
  const first = await world.start();
  await world.wait(20_000);
  await world.settle(first.unit.drained());
  const old = world.disk.places.map((bytes) => bytes && Buffer.from(bytes));
  const cut = async (life: typeof first): Promise<void> => {
    life.process.kill();
    world.network.processGone(true);
    world.disk.cut();
    await world.wait(1_000);
  };
  await cut(first);
  world.brokers[0]!.broker.faults.down = true;
  const second = await world.start();
  second.board.hello("aaaaaaaa", 0);
  second.board.press({ board: "aaaaaaaa", number: 1, loop: 0, count: 1, ageMs: 0 });
  await world.wait(5_000);
  expect(world.confirmed).toHaveLength(1);
  await cut(second);
  for (const [place, bytes] of old.entries())
    if (bytes) await world.settle(world.disk.writeVital(place, bytes));
  world.brokers[0]!.broker.faults.down = false;
  await world.start();
  await world.wait(60_000);
  expect(world.heard.some(({ topic }) => topic.includes("/emergency/"))).toBe(true);
  const superseded = world.events().filter(({ reason }) => reason === "superseded");
  expect(superseded).toEqual([]);
  expect(world.logs.some(({ msg }) => /older than the store/.test(String(msg)))).toBe(true);
});
