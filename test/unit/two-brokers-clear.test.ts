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

/**
 * The link was at the second broker before, so a session waits at both. No coverage from `dead` on. By `aheadMs`
 * dispatch's clock is ahead.
 */
const openRoamed = async (aheadMs = 0) => {
  const world = openWorld([{}, {}]);
  const [a, b] = world.brokers;
  const { board, process } = await world.start();
  await world.wait(20_000);
  a!.route.unreachable = true;
  world.network.reset(a!.route);
  await world.wait(30_000);
  a!.route.unreachable = false;
  world.network.reset(b!.route);
  await world.wait(60_000);
  board.press({ board: "aaaaaaaa", number: 1, loop: 0, count: 1, ageMs: 0 });
  await world.wait(800);
  const { topic } = world.heard.find((one) => /\/emergency\/[^/]+$/.test(one.topic))!;
  const say = (stage: string, brokers = world.brokers): void => {
    const text = JSON.stringify({ stage, by: "op", at: new Date(world.time.host() + aheadMs).toISOString() });
    for (const { broker } of brokers) broker.publish(`${topic}/ack`, Buffer.from(text), {});
  };
  say("received");
  await world.wait(1_000);
  say("accepted");
  await world.wait(20_000);
  const dead = (swallowing: boolean): void => {
    for (const { route } of world.brokers) world.network.change(route, { swallowing });
  };
  return { world, board, process, say, dead };
};

/** Who says `cleared`, so long after the one before: at both brokers, or at one. */
type Clear = { readonly afterMs: number; readonly at?: 0 | 1 };
const repeated = (afterMs: number, times: number): readonly Clear[] =>
  Array.from({ length: times }, () => ({ afterMs }));
const twoOperators = (one: 0 | 1, other: 0 | 1, apartMs: number): readonly Clear[] => [
  { afterMs: 3_000, at: one },
  { afterMs: apartMs, at: other },
];

// Exact clocks. Whoever says it knows of one press.
test.each<{ readonly clears: readonly Clear[] }>(
  [
    repeated(5_000, 2),
    repeated(20_000, 2),
    repeated(15_000, 3),
    twoOperators(0, 1, 5_000),
    twoOperators(1, 0, 5_000),
    twoOperators(0, 1, 15_000),
    twoOperators(1, 0, 15_000),
    twoOperators(0, 1, 40_000),
    twoOperators(1, 0, 40_000),
  ].map((clears) => ({ clears })),
)("`cleared`s from before a further press do not end it: %j", async ({ clears }) => {
  const { world, board, say, dead } = await openRoamed();
  dead(true);
  for (const { afterMs, at } of clears) {
    await world.wait(afterMs);
    say("cleared", at === undefined ? world.brokers : [world.brokers[at]!]);
  }
  await world.wait(5_000);
  board.press({ board: "aaaaaaaa", number: 2, loop: 0, count: 1, ageMs: 0 });
  await world.wait(25_000);
  dead(false);
  await world.wait(300_000);
  expect(world.lamps.at(-1)).not.toBe("idle");
  say("cleared");
  await world.wait(20_000);
  expect(world.lamps.at(-1)).toBe("idle");
});

test("a `cleared` from before a press was seen does not end it in the next life", async () => {
  const { world, board, process, say, dead } = await openRoamed();
  const [a] = world.brokers;
  dead(true);
  await world.wait(5_000);
  board.press({ board: "aaaaaaaa", number: 2, loop: 0, count: 1, ageMs: 0 });
  await world.wait(10_000);
  // Dispatch knows of one press. It waits at one broker, which cannot be reached for longer.
  say("cleared", [a!]);
  await world.wait(25_000);
  a!.route.unreachable = true;
  dead(false);
  await world.wait(60_000);
  process.kill();
  world.disk.cut();
  await world.wait(5_000);
  await world.start();
  await world.wait(20_000);
  a!.route.unreachable = false;
  await world.wait(300_000);
  expect(world.lamps.at(-1)).not.toBe("idle");
});

test.each([
  ["on the way", 30_000],
  ["in the session", 0],
])("a `cleared` of a person who has seen the press ends it after a restart, %s", async (_, laterMs) => {
  const { world, board, process, say, dead } = await openRoamed();
  dead(true);
  await world.wait(3_000);
  say("cleared");
  await world.wait(3_000);
  board.press({ board: "aaaaaaaa", number: 2, loop: 0, count: 1, ageMs: 0 });
  await world.wait(5_000);
  dead(false);
  await world.wait(60_000);
  expect(world.lamps.at(-1)).not.toBe("idle");
  process.kill();
  world.disk.cut();
  await world.wait(5_000);
  if (laterMs === 0) say("cleared");
  await world.start();
  await world.wait(laterMs);
  if (laterMs > 0) say("cleared");
  await world.wait(60_000);
  expect(world.lamps.at(-1)).toBe("idle");
});

test.each([0, 60_000])(
  "a `cleared` from before the press does not end it after a restart without coverage (%i ms ahead)",
  async (aheadMs) => {
    const { world, board, process, say, dead } = await openRoamed(aheadMs);
    dead(true);
    await world.wait(5_000);
    say("cleared");
    await world.wait(5_000);
    board.press({ board: "aaaaaaaa", number: 2, loop: 0, count: 1, ageMs: 0 });
    await world.wait(20_000);
    process.kill();
    world.network.processGone(true);
    world.disk.cut();
    await world.wait(5_000);
    await world.start();
    await world.wait(3_000);
    dead(false);
    await world.wait(120_000);
    expect(world.lamps.at(-1)).not.toBe("idle");
  },
);

/** The link is at the first broker, and a session waits at the second one. */
const twoDesks = async (isKnown: boolean, beforeMs: number) => {
  const world = openWorld([{}, {}]);
  const [a, b] = world.brokers;
  a!.route.unreachable = true;
  const { board } = await world.start();
  const press = (number: number) => board.press({ board: "aaaaaaaa", number, loop: 0, count: 1, ageMs: 0 });
  await world.wait(30_000);
  a!.route.unreachable = false;
  world.network.reset(b!.route);
  b!.route.unreachable = true;
  await world.wait(20_000);
  b!.route.unreachable = false;
  await world.wait(120_000);
  board.hello("aaaaaaaa", 0);
  press(1);
  await world.wait(3_000);
  const { topic } = world.heard.find((one) => /\/emergency\/[^/]+$/.test(one.topic))!;
  const say = ({ broker }: (typeof world.brokers)[number], stage: string): void => {
    const text = JSON.stringify({ stage, by: "op", at: new Date(world.time.host()).toISOString() });
    broker.publish(`${topic}/ack`, Buffer.from(text), {});
  };
  say(a!, "accepted");
  await world.wait(20_000);
  const coverage = (is: boolean): void => {
    for (const { route } of world.brokers) {
      if (is || isKnown) world.network.reset(route);
      route.unreachable = isKnown && !is;
      world.network.change(route, { swallowing: !is });
    }
  };
  coverage(false);
  await world.wait(3_000);
  press(2);
  await world.wait(30_000);
  say(a!, "cleared");
  await world.wait(8_000);
  say(b!, "cleared");
  await world.wait(beforeMs);
  coverage(true);
  await world.wait(60_000);
  return world.lamps.at(-1);
};

test.each([
  [true, 0],
  [true, 1_500],
  [false, 0],
  [false, 1_500],
])(
  "a press that could not leave is not ended by two operators at two desks (the unit knows: %s), the second %i ms before it can",
  async (isKnown, beforeMs) => {
    expect(await twoDesks(isKnown, beforeMs)).toBe("sent");
  },
);
