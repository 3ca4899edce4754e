import { expect, test } from "vitest";
import { openWorld } from "./whole-unit.ts";

/** A press is at a broker with a subscriber within this time, if any broker can take it (contract §5). */
const RULE_MS = 10_000;
/** Seven handshakes, the link's too, take the modem 10 s by themselves. */
const SIX_MS = 12_000;
const TUNNEL_MS = 20_000;
/** 2G: what all connections share, and one way. */
const UP_BYTES_PER_S = 1_500;
const DOWN_BYTES_PER_S = 3_000;
const LATENCY_MS = 400;

test.each([
  [1, RULE_MS],
  [2, RULE_MS],
  [3, RULE_MS],
  [4, RULE_MS],
  [6, SIX_MS],
])(
  "pressed in a tunnel behind which all connections share one modem of 2G: at one of %i brokers within %i ms",
  async (n, limitMs) => {
    const world = openWorld(Array.from({ length: n }, () => ({})));
    const { network, time, heard } = world;
    const { board } = await world.start();
    await world.wait(3_000);
    for (const { route } of world.brokers) {
      network.halfOpen(route);
      route.unreachable = true;
    }
    await world.wait(TUNNEL_MS / 2);
    board.press({ board: "aaaaaaaa", number: 1, loop: 0, count: 1, ageMs: 0 });
    await world.wait(TUNNEL_MS / 2);
    network.modem.up.bytesPerS = UP_BYTES_PER_S;
    network.modem.down.bytesPerS = DOWN_BYTES_PER_S;
    for (const { route } of world.brokers) {
      route.unreachable = false;
      network.change(route, { latencyMs: LATENCY_MS });
    }
    const coverageAt = time.mono();
    const press = () => heard.find(({ topic }) => topic.includes("/emergency/"));
    await world.wait(120_000, () => press() !== undefined);
    expect(press()!.at - coverageAt).toBeLessThan(limitMs);
  },
);

test("a link of 500 B/s with 2 s each way: connected, and a press at its broker within a minute", async () => {
  const world = openWorld([{}]);
  const { route } = world.brokers[0]!;
  world.network.change(route, { bytesPerS: 500, latencyMs: 2_000 });
  const { board } = await world.start();
  const isConnected = () => world.logs.some(({ msg }) => msg === "connected to dispatch");
  await world.wait(60_000, isConnected);
  expect(isConnected()).toBe(true);
  route.unreachable = true;
  world.network.reset(route);
  board.press({ board: "aaaaaaaa", number: 1, loop: 0, count: 1, ageMs: 0 });
  await world.wait(20_000);
  route.unreachable = false;
  const press = () => world.heard.some(({ topic }) => topic.includes("/emergency/"));
  await world.wait(60_000, press);
  expect(press()).toBe(true);
});
