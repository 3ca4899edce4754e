import { expect, test } from "vitest";
import { openWorld } from "./whole-unit.ts";

/**
 * Dispatch ends an emergency while the car has no coverage, and then the officer presses again. The `cleared` waits behind
 * other messages. A broker sends only some of them before it answers the unit.
 */
test.each([0, 12, 17, 40, 100])(
  "a `cleared` behind %i messages does not end a press that was made after it",
  async (count) => {
    const world = openWorld([{}]);
    const { broker, route } = world.brokers[0]!;
    const { board } = await world.start();
    await world.wait(30_000);
    const press = (number: number) => board.press({ board: "aaaaaaaa", number, loop: 0, count: 1, ageMs: 0 });
    press(1);
    await world.wait(500);
    const { topic } = world.heard.find(({ topic: one }) => one.includes("/emergency/"))!;
    const say = (message: object, to = `${topic}/ack`): void =>
      void broker.publish(to, Buffer.from(JSON.stringify(message)), {});
    say({ stage: "accepted", by: "operator" });
    await world.wait(5_000);
    world.network.change(route, { swallowing: true });
    await world.wait(30_000);
    const receipt = topic.replace(/\/emergency\/.*/, "/receipt");
    for (let upTo = 0; upTo < count; upTo++)
      say({ store: "zzzzzzzz", upTo, missing: [], by: "recorder", at: "2026-01-01T00:00:00Z" }, receipt);
    say({ stage: "cleared", by: "operator" });
    await world.wait(1_000);
    press(2);
    await world.wait(15_000);
    world.network.change(route, { swallowing: false });
    await world.wait(120_000);
    expect(world.lamps.at(-1)).toBe("sent");
  },
);
