import { expect, test } from "vitest";
import { openWorld } from "./whole-unit.ts";

/**
 * Two sound brokers, right clocks, no loss. An earlier emergency has ended. In the second one dispatch says `received` and
 * `accepted` (`both`: at both brokers), the officer presses again, dispatch sees that and `delayMs` later ends it, at the
 * other broker 30 ms before that of the link.
 */
const lampAfter = async (both: boolean, delayMs: number) => {
  const world = openWorld([{}, {}]);
  const { board } = await world.start();
  await world.wait(30_000);
  board.hello("aaaaaaaa", 0);
  let number = 0;
  const press = () => board.press({ board: "aaaaaaaa", number: ++number, loop: 0, count: 1, ageMs: 0 });
  const emergencies = () => world.heard.filter(({ topic }) => /\/emergency\/[^/]+$/.test(topic));
  const say = async (stage: string, at: readonly number[]) => {
    const text = JSON.stringify({ stage, by: "op", at: new Date(world.time.host()).toISOString() });
    for (const n of at) {
      world.brokers[n]!.broker.publish(`${emergencies().at(-1)!.topic}/ack`, Buffer.from(text), {});
      await world.wait(30);
    }
  };
  const episode = async (order: readonly number[]) => {
    press();
    await world.wait(800);
    await say("received", both ? [0, 1] : [0]);
    await say("accepted", both ? [0, 1] : [0]);
    await world.wait(10_000);
    press();
    await world.wait(delayMs);
    await say("cleared", order);
    await world.wait(20_000);
    return world.lamps.at(-1);
  };
  const first = await episode([0, 1]);
  await world.wait(30_000);
  return [first, await episode([1, 0])];
};

test.each([
  [true, 1_000],
  [true, 20_000],
  [true, 70_000],
  [false, 1_000],
  [false, 20_000],
])(
  "a `cleared` that comes by the other broker first ends the emergency (both: %j, %j ms after the press)",
  async (both, delayMs) => {
    expect(await lampAfter(both, delayMs)).toEqual(["idle", "idle"]);
  },
);
