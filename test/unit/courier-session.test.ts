import { expect, test } from "vitest";
import { openWorld } from "./whole-unit.ts";

/**
 * There is one broker, and dispatch's clock is 5 s ahead. The first press is made without coverage, so a courier connects, and
 * its session stays at the broker. In a second dead zone dispatch ends the emergency; then the officer presses again.
 */
const story = async (zoneMs: number) => {
  const world = openWorld([{}]);
  const { broker, route } = world.brokers[0]!;
  world.host.synchronised = true;
  const { board } = await world.start();
  await world.wait(30_000);
  const press = (number: number) => board.press({ board: "aaaaaaaa", number, loop: 0, count: 1, ageMs: 0 });
  const say = (stage: string): void => {
    const { topic } = world.heard.find(({ topic: one }) => one.includes("/emergency/"))!;
    const ack = { stage, by: "operator", at: new Date(world.time.host() + 5_000).toISOString() };
    broker.publish(`${topic}/ack`, Buffer.from(JSON.stringify(ack)), {});
  };
  world.network.change(route, { swallowing: true });
  await world.wait(2_000);
  press(1);
  await world.wait(20_000);
  world.network.change(route, { swallowing: false });
  await world.wait(30_000);
  say("received");
  await world.wait(1_000);
  say("accepted");
  await world.wait(20_000);
  world.network.change(route, { swallowing: true });
  await world.wait(1_000);
  say("cleared");
  await world.wait(1_000);
  press(2);
  await world.wait(zoneMs);
  world.network.change(route, { swallowing: false });
  await world.wait(300_000);
  return world.lamps.at(-1);
};

test.each([20_000, 45_000, 62_000, 90_000, 130_000, 200_000])(
  "what waits in the session of a courier does not end a press that was made after it: a dead zone of %i ms",
  async (zoneMs) => {
    expect(await story(zoneMs)).toBe("sent");
  },
);
