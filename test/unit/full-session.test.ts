import { expect, test } from "vitest";
import type { BrokerLimits } from "../simulation/broker.ts";
import { openEmergency } from "./open-emergency.ts";
import { openWorld } from "./whole-unit.ts";

/**
 * Dispatch ends an emergency while the car has no coverage, and then the officer presses again. The `cleared` waits behind
 * other messages. A broker sends only some of them before it answers the unit.
 */
test.each<readonly [what: string, limits: Partial<BrokerLimits>, count: number, skippedBytes: number]>([
  ["0 messages", {}, 0, 0],
  ["12 messages", {}, 12, 0],
  ["17 messages", {}, 17, 0],
  ["40 messages", {}, 40, 0],
  ["100 messages", {}, 100, 0],
  ["one that is skipped, one at a time", { version: 4, inFlight: 1 }, 0, 1.2 * 1024 * 1024],
])(
  "a `cleared` behind %s does not end a press that was made after it",
  async (_what, limits, count, skippedBytes) => {
    const world = openWorld([limits]);
    const { broker, route, press, say, tell, topicOf } = await openEmergency(world);
    say("accepted", { aheadMs: Number.NaN });
    await world.wait(5_000);
    world.network.change(route, { swallowing: true });
    await world.wait(30_000);
    const receipt = { store: "zzzzzzzz", missing: [], by: "recorder", at: "2026-01-01T00:00:00Z" };
    for (let upTo = 0; upTo < count; upTo++) tell(topicOf("receipt"), { ...receipt, upTo });
    if (skippedBytes > 0) broker.publish(topicOf("command"), Buffer.alloc(skippedBytes), {});
    say("cleared", { aheadMs: Number.NaN });
    await world.wait(1_000);
    press(2);
    await world.wait(15_000);
    world.network.change(route, { swallowing: false });
    await world.wait(120_000);
    expect(world.lamps.at(-1)).toBe("sent");
  },
);
