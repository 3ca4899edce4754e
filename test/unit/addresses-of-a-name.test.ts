import { describe, expect, test } from "vitest";
import { openWorld } from "./whole-unit.ts";

/** A press is at a broker with a subscriber within this time, if any broker can take it (contract §5). */
const RULE_MS = 10_000;

type World = ReturnType<typeof openWorld>;

const press = { board: "aaaaaaaa", number: 1, loop: 0, count: 1, ageMs: 0 };
const isThere = ({ heard }: World) => heard.some(({ topic }) => /\/emergency\/[^/]+$/.test(topic));

/** The broker's name has one more address, at which nothing answers. */
const openBeside = (where: "first" | "second", limits: { version?: 4 | 5 } = {}): World => {
  const world = openWorld([limits]);
  const { addresses } = world.brokers[0]!.route;
  if (where === "first") addresses.unshift(undefined);
  else addresses.push(undefined);
  return world;
};

describe.each(["first", "second"] as const)(
  "a host that is away, %s of the two addresses of a name",
  (where) => {
    test.each([
      [2_000, 500],
      [5_000, 4_500],
      [15_000, 14_000],
      [15_000, 16_000],
      [40_000, 50_000],
    ])(
      "the broker's port is closed for %i ms, and the press is %i ms after that began",
      async (downMs, afterMs) => {
        const world = openBeside(where);
        const { broker } = world.brokers[0]!;
        const { board } = await world.start();
        await world.wait(60_000);
        broker.faults.down = true;
        broker.restart({ sessions: false, retained: false });
        world.time.after(downMs, () => (broker.faults.down = false));
        await world.wait(afterMs);
        board.press(press);
        await world.wait(Math.max(0, downMs - afterMs) + RULE_MS);
        expect(isThere(world)).toBe(true);
      },
    );

    test("a broker that speaks 3.1.1 only is connected to", async () => {
      const world = openBeside(where, { version: 4 });
      const { board } = await world.start();
      await world.wait(30_000);
      board.press(press);
      await world.wait(RULE_MS);
      expect(isThere(world)).toBe(true);
    });
  },
);

// Each of them took 30 s of patience, because all had failed in the tunnel.
test.each([
  [1, 300_000],
  [2, 25_000],
  [3, 45_000],
])(
  "behind %i brokers whose hosts are away the link is back soon after a tunnel of %i ms",
  async (away, tunnelMs) => {
    const world = openWorld(Array.from({ length: away + 1 }, () => ({})));
    for (const { route } of world.brokers.slice(0, away)) route.addresses[0] = undefined;
    const { route, url } = world.brokers[away]!;
    await world.start();
    await world.wait(180_000);
    route.unreachable = true;
    world.network.reset(route);
    await world.wait(tunnelMs);
    route.unreachable = false;
    const before = world.logs.length;
    // 10 s for each of those that are away, and the pause before them.
    await world.wait(away * 10_000 + 20_000);
    const back = world.logs
      .slice(before)
      .some(({ msg, broker }) => msg === "connected to dispatch" && broker === url);
    expect(back).toBe(true);
    expect(world.lamps.slice(-1)).toEqual(["idle"]);
  },
);
