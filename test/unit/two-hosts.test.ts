import { expect, test } from "vitest";
import { Broker } from "../simulation/broker.ts";
import { openWorld } from "./whole-unit.ts";

const BOARD = "0badcafe";
const ROOT = "patrol/v1/zrenjanin/zr-117";

/** A unit whose broker's name leads to two hosts without common sessions. Dispatch is at both. */
const openHosts = async () => {
  const world = openWorld([{}]);
  const { broker: first, route } = world.brokers[0]!;
  const second = new Broker("second", first.limits, world.time, () => undefined);
  const states: string[] = [];
  const topics: string[] = [];
  for (const host of [first, second]) {
    const receive = ({ topic, payload }: { topic: string; payload: Buffer }) => {
      if (payload.length === 0) return;
      const { data } = JSON.parse(payload.toString()) as { data: { state: string; presses: number } };
      states.push(`${data.state} ${data.presses}`);
      topics.push(topic);
    };
    host.listen({ filter: `${ROOT}/emergency/+`, receive });
  }
  const { board } = await world.start();
  await world.wait(10_000);
  board.hello(BOARD, 0);
  const press = (number: number): void => board.press({ board: BOARD, number, loop: 0, count: 1, ageMs: 0 });
  const cover = (isCovered: boolean): void => {
    route.unreachable = !isCovered;
    world.network.change(route, { stalled: !isCovered });
    if (!isCovered) world.network.reset(route);
  };
  const answer = (host: Broker, stage: string): void => {
    host.publish(`${topics[0]}/ack`, Buffer.from(JSON.stringify({ stage, by: "anna" })), {});
  };
  return { ...world, first, second, route, states, press, cover, answer };
};

test("an answer that waits at the other host of the name ends no press that is newer", async () => {
  const world = await openHosts();
  const { first, second, route, states, press, cover, answer, wait } = world;
  press(1);
  await wait(3_000);
  answer(first, "accepted");
  await wait(3_000);
  route.addresses.splice(0, 1, first, second);
  cover(false);
  await wait(5_000);
  answer(first, "cleared"); // It waits there.
  await wait(20_000);
  press(2);
  await wait(5_000);
  // The unit comes to the other host, which has no session, and loses it again.
  cover(true);
  await wait(8_000);
  expect(states).toContain("accepted 2");
  cover(false);
  await wait(3_000);
  cover(true);
  await wait(30_000);
  expect(states).not.toContain("cleared 2");
});

test("a host that restarts is tried again while another one of its name is silent: a press is there within 10 s", async () => {
  const world = await openHosts();
  const { first, second, route, states, press, wait } = world;
  second.faults.hangs = true;
  route.addresses.splice(0, 1, first, second);
  first.faults.down = true;
  first.restart({ sessions: false, retained: false });
  await wait(15_000);
  press(1);
  await wait(1_500);
  first.faults.down = false;
  await wait(10_000);
  expect(states).toContain("active 1");
});
