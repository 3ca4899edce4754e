import { expect, test } from "vitest";
import { isoInstant } from "../../src/domain/time.ts";
import { EmergencyWorld, NOW, ROOT } from "./emergency-life.ts";
import { openWorld } from "./whole-unit.ts";

/** The copy of an ended episode can come back: what was written to a connection arrives after its removal. */

test.each([
  ["killed", 3_900],
  ["killed", 4_000],
  ["killed", 4_400],
  ["killed", 4_900],
  ["stopped", 3_400],
  ["stopped", 3_900],
  ["stopped", 4_400],
] as const)(
  "a unit that was %s while the way to a broker stalled leaves no copy there (%i ms more)",
  async (how, stalledMs) => {
    const world = new EmergencyWorld();
    const a = world.brokers[0]!;
    const route = world.network.routes.get(a.name)!;
    await world.start();
    world.dial();
    await world.pass(3_000);
    world.press(1);
    await world.pass(9_800);
    const { id } = world.episodes[0]!;
    world.network.change(route, { stalled: true });
    await world.pass(500);
    if (how === "stopped") {
      world.life.emergency[Symbol.dispose]();
      await world.settle(world.life.link.stop("stopped"));
      await world.settle(Promise.resolve(world.life.outbox[Symbol.asyncDispose]()));
    }
    world.life.process.kill();
    world.network.processGone(false);
    world.disk.processGone();
    await world.start();
    world.dial();
    await world.pass(500);
    const at = isoInstant(NOW + world.time.mono());
    for (const broker of world.brokers)
      broker.publish(
        `${ROOT}/emergency/${id}/ack`,
        Buffer.from(JSON.stringify({ stage: "cleared", by: "op", at })),
        {},
      );
    await world.pass(stalledMs);
    world.network.change(route, { stalled: false });
    await world.pass(120_000);
    expect(world.brokers.map((broker) => world.retained(broker))).toEqual([[], []]);
    expect(world.life.outbox.memory.emergency.copies).toEqual([]);
  },
);

test("a courier that the link has relieved leaves no copy", async () => {
  const world = openWorld([{}, {}]);
  const [a, b] = [world.brokers[0]!, world.brokers[1]!];
  // The link has been at b before.
  a.broker.faults.down = true;
  const { board } = await world.start();
  await world.wait(30_000);
  a.broker.faults.down = false;
  world.network.reset(b.route);
  await world.wait(60_000);
  board.press({ board: "aaaaaaaa", number: 1, loop: 0, count: 1, ageMs: 0 });
  await world.wait(14_800);
  const { topic } = world.heard.find(({ topic: one }) => one.includes("/emergency/"))!;
  // The way to b stalls when the courier repeats, a ends, and the link moves to b.
  world.network.change(b.route, { stalled: true });
  await world.wait(1_700);
  a.broker.faults.down = true;
  world.network.reset(a.route);
  await world.wait(300);
  world.network.change(b.route, { stalled: false });
  const at = new Date(world.time.host()).toISOString();
  for (const { broker } of world.brokers)
    broker.publish(`${topic}/ack`, Buffer.from(JSON.stringify({ stage: "cleared", by: "op", at })), {});
  await world.wait(90_000);
  expect(b.broker.retained(topic)).toBeUndefined();
});

/** As mosquitto, which saves its database each half hour: after a crash it has what it had then. */
test("a broker that comes back with the copy of an episode that has ended keeps it for a minute at most", async () => {
  const world = openWorld([{}, {}]);
  const { board } = await world.start();
  await world.wait(30_000);
  board.press({ board: "aaaaaaaa", number: 1, loop: 0, count: 1, ageMs: 0 });
  await world.wait(2_000);
  const { topic } = world.heard.find((one) => /\/emergency\/[^/]+$/.test(one.topic))!;
  const { broker } = world.brokers[0]!;
  const saved = broker.retained(topic)!;
  broker.publish(`${topic}/ack`, Buffer.from(JSON.stringify({ stage: "cleared", by: "operator" })), {});
  await world.wait(60_000);
  expect(broker.retained(topic)).toBeUndefined();
  broker.restart({ sessions: false, retained: false });
  broker.publish(topic, saved, { retain: true });
  await world.wait(60_000);
  expect(broker.retained(topic)).toBeUndefined();
});
