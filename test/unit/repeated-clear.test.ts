import { expect, test } from "vitest";
import type { BrokerLimits } from "../simulation/broker.ts";
import { openEmergency } from "./open-emergency.ts";
import { openWorld } from "./whole-unit.ts";

type Story = {
  readonly limits?: Partial<BrokerLimits>;
  readonly latencyMs: number;
  readonly synchronised?: boolean;
  readonly aheadMs?: number;
};

/**
 * In a tunnel the officer presses again, and dispatch, which has not seen that, ends the emergency. After the tunnel the
 * first connections break before the broker has the acknowledgement of the `cleared`: it comes again and again.
 */
test.each<readonly [what: string, story: Story]>([
  ["no time, 40 ms", { synchronised: false, latencyMs: 40 }],
  ["no time, 150 ms", { synchronised: false, latencyMs: 150 }],
  ["dispatch's clock is ahead", { aheadMs: 60_000, latencyMs: 150 }],
  [
    "the broker repeats after 30 s",
    { synchronised: false, latencyMs: 150, limits: { resendsAfterMs: 30_000 } },
  ],
])("a `cleared` that is repeated ends no press that was made after it: %s", async (_what, story) => {
  const { limits = {}, latencyMs, synchronised = true, aheadMs = 0 } = story;
  const world = openWorld([limits]);
  world.host.synchronised = synchronised;
  world.network.change(world.brokers[0]!.route, { latencyMs });
  const { broker, route, press, say } = await openEmergency(world);
  await world.wait(30_000);
  say("accepted", { aheadMs });
  await world.wait(10_000);
  const cover = (isThere: boolean): void => {
    route.unreachable = !isThere;
    world.network.change(route, { swallowing: !isThere });
  };
  cover(false);
  await world.wait(5_000);
  press(2);
  await world.wait(6_000);
  say("cleared", { aheadMs });
  await world.wait(40_000);
  let breaks = 4;
  broker.faults.hangsUp = (at, deed) =>
    deed === "publish" && at.includes("/emergency/") && breaks-- > 0 ? "after" : undefined;
  cover(true);
  await world.wait(120_000);
  expect(breaks).toBeLessThan(0);
  expect(world.lamps.at(-1)).toBe("sent");
});
