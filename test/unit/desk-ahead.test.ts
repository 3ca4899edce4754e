import { expect, test } from "vitest";
import { openEmergency } from "./open-emergency.ts";
import { openWorld } from "./whole-unit.ts";

/**
 * Two desks end an emergency while the car is in a dead zone, in which the officer presses again. The clock of one desk is
 * ahead: by its time it has seen the press. The broker sends again only after 30 s, as NATS does.
 */
test.each([
  [10_000, 9_000],
  [20_000, 12_000],
  [26_000, 18_000],
])(
  "no desk ends a press that it cannot have seen: %i ms ahead, %i ms more in the dead zone",
  async (aheadMs, deadMs) => {
    const world = openWorld([{ resendsAfterMs: 30_000 }]);
    const { route, press, say } = await openEmergency(world);
    say("received");
    await world.wait(40_000);
    world.network.change(route, { swallowing: true });
    await world.wait(2_000);
    press(2);
    await world.wait(4_000);
    say("cleared", { by: "one desk" });
    await world.wait(3_000);
    say("cleared", { by: "another desk", aheadMs });
    await world.wait(deadMs);
    world.network.change(route, { swallowing: false });
    await world.wait(120_000);
    expect(world.lamps.at(-1)).not.toBe("idle");
  },
);
