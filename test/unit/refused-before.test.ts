import { expect, test } from "vitest";
import { episodeOf } from "../simulation/topics.ts";
import { openWorld } from "./whole-unit.ts";

const BOARD = "0badcafe";

test("a press goes elsewhere at once if the link's broker has refused an emergency a moment ago", async () => {
  const world = openWorld([{}, {}]);
  const [a, b] = world.brokers;
  const heard: { readonly episode: string; readonly at: number }[] = [];
  b!.broker.listen({
    filter: "patrol/v1/zrenjanin/zr-117/emergency/+",
    receive({ topic, payload }) {
      if (payload.length > 0) heard.push({ episode: episodeOf(topic)!, at: world.time.mono() });
    },
  });
  a!.broker.faults.refuses = (topic, deed) =>
    deed === "publish" && episodeOf(topic) !== undefined ? 0x97 : undefined;
  const { board } = await world.start();
  await world.wait(10_000);
  board.hello(BOARD, 0);
  const press = (number: number): void => board.press({ board: BOARD, number, loop: 0, count: 1, ageMs: 0 });
  press(1);
  await world.wait(3_000);
  const first = heard[0]!.episode;
  const ended = Buffer.from(
    JSON.stringify({ stage: "cleared", by: "anna", at: new Date(world.time.host()).toISOString() }),
  );
  b!.broker.publish(`patrol/v1/zrenjanin/zr-117/emergency/${first}/ack`, ended, {});
  await world.wait(8_000);
  const pressedAt = world.time.mono();
  press(2);
  await world.wait(10_000);
  const second = heard.find(({ episode }) => episode !== first);
  expect(second && second.at - pressedAt).toBeLessThan(1_000);
});
