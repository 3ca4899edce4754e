import { expect, test } from "vitest";
import { openWorld } from "./whole-unit.ts";

/** An accepted episode, a link that is down, and a `cleared` that waits in the broker's session. Then a further press. */
const pressAfterClear = async () => {
  const world = openWorld([{}]);
  const { broker, route } = world.brokers[0]!;
  const { board } = await world.start();
  const press = (number: number): void =>
    board.press({ board: "0badcafe", number, loop: 0, count: 1, ageMs: 0 });
  const said = () =>
    world.heard
      .filter(({ topic }) => /\/emergency\/[^/]+$/.test(topic))
      .map(({ topic, report }) => ({ topic, data: report["data"] as { state: string; presses: number } }));
  await world.wait(10_000);
  board.hello("0badcafe", 0);
  press(1);
  await world.wait(3_000);
  const { topic } = said()[0]!;
  const acknowledge = (stage: string): void => {
    const at = new Date(world.time.host()).toISOString();
    broker.publish(`${topic}/ack`, Buffer.from(JSON.stringify({ stage, by: "anna", at })), {});
  };
  acknowledge("accepted");
  await world.wait(3_000);
  route.unreachable = true;
  world.network.reset(route);
  await world.wait(5_000);
  acknowledge("cleared");
  await world.wait(10_000);
  press(2);
  await world.wait(5_000);
  const from = said().length;
  route.unreachable = false;
  await world.wait(20_000);
  return { world, broker, topic, acknowledge, after: () => said().slice(from) };
};

test("a press after dispatch's cleared, which waits for the link, does not end with it", async () => {
  const { world, broker, topic, acknowledge, after } = await pressAfterClear();
  expect(after().every(({ data }) => data.state !== "cleared" && data.presses === 2)).toBe(true);
  // Repeated, as nobody has it yet.
  expect(after().filter(({ data }) => data.state === "active").length).toBeGreaterThan(2);
  expect(String(broker.retained(topic))).toContain('"state":"active"');
  expect(world.lamps.at(-1)).toBe("sent");
  acknowledge("cleared");
  await world.wait(3_000);
  expect(after().at(-1)!.data).toMatchObject({ state: "cleared", presses: 2 });
  expect([broker.retained(topic), world.lamps.at(-1)]).toEqual([undefined, "idle"]);
});
