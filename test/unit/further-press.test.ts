import { expect, test } from "vitest";
import { openWorld } from "./whole-unit.ts";

/** A further press reaches dispatch although a broker acknowledges emergencies and drops them. */

const HOUR_MS = 3_600_000;

type Plan = Parameters<typeof openWorld>[0];

const begin = async (brokers: Plan) => {
  const world = openWorld(brokers);
  const { board } = await world.start();
  await world.wait(3_000);
  const press = (number: number) => board.press({ board: "aaaaaaaa", number, loop: 0, count: 1, ageMs: 0 });
  const heard = (presses: number) =>
    world.heard.filter(
      ({ report: { kind, data } }) => kind === "emergency" && Number(pressesOf(data)) >= presses,
    );
  const answer = (stage: string) =>
    world.brokers[0]!.broker.publish(
      `${heard(1)[0]!.topic}/ack`,
      Buffer.from(JSON.stringify({ stage, at: new Date(world.time.host()).toISOString() })),
      {},
    );
  /** How long the second press took to dispatch. */
  const arrives = async (since: number) => {
    await world.wait(HOUR_MS, () => heard(2).length > 0);
    return (heard(2)[0]?.at ?? Infinity) - since;
  };
  return { world, press, answer, arrives };
};

const pressesOf = (data: unknown): unknown =>
  typeof data === "object" && data !== null && "presses" in data ? data.presses : undefined;

test.each(["received", "accepted"])("of an episode that is %s", async (stage) => {
  const { world, press, answer, arrives } = await begin([{}, {}]);
  press(1);
  await world.wait(1_000);
  answer(stage);
  await world.wait(2_000);
  world.brokers[0]!.broker.faults.lies = true;
  const at = world.time.mono();
  press(2);
  expect(await arrives(at)).toBeLessThan(10_000);
});

test("whose repetition is ended by dispatch's answer to the first one", async () => {
  const { world, press, answer, arrives } = await begin([{}, {}]);
  press(1);
  await world.wait(500);
  world.brokers[0]!.broker.faults.lies = true;
  const at = world.time.mono();
  press(2);
  await world.wait(500);
  answer("received");
  expect(await arrives(at)).toBeLessThan(10_000);
});

test("also if the link has moved to a 3.1.1 broker whose rules forget emergencies, and a third one works", async () => {
  const { world, press, answer, arrives } = await begin([{}, { version: 4 }, {}]);
  world.brokers[1]!.broker.faults.drops = (topic) => topic.includes("/emergency/");
  press(1);
  await world.wait(1_000);
  answer("received");
  answer("accepted");
  await world.wait(2_000);
  const [first] = world.brokers;
  first!.broker.faults.down = true;
  first!.route.unreachable = true;
  world.network.reset(first!.route);
  await world.wait(60_000);
  const at = world.time.mono();
  press(2);
  expect(await arrives(at)).toBeLessThan(10_000);
});
