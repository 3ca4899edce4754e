import { expect, test } from "vitest";
import { openEmergency } from "./open-emergency.ts";
import { openWorld } from "./whole-unit.ts";

/**
 * In a dead zone an operator ends the emergency three times, because nothing happens on the screen. Then the officer presses
 * again. NATS sends each of the three again 30 s after the time before: as far apart as they were written.
 */
test.each([
  { apartMs: 11_000, pressedMs: 1_000, deadMs: 2_000, synchronised: true },
  { apartMs: 10_500, pressedMs: 500, deadMs: 3_000, synchronised: true },
  { apartMs: 11_000, pressedMs: 3_000, deadMs: 2_000, synchronised: true },
  { apartMs: 11_000, pressedMs: 1_000, deadMs: 2_000, synchronised: false },
])("three that are sent again end no press after them: %o", async (story) => {
  const { apartMs, pressedMs, deadMs, synchronised } = story;
  const world = openWorld([{ resendsAfterMs: 30_000 }]);
  world.host.synchronised = synchronised;
  const { route, press, say } = await openEmergency(world);
  say("received");
  await world.wait(40_000);
  world.network.change(route, { swallowing: true });
  for (const pauseMs of [500, apartMs, apartMs]) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await world.wait(pauseMs);
    say("cleared");
  }
  await world.wait(pressedMs);
  press(2);
  await world.wait(deadMs);
  world.network.change(route, { swallowing: false });
  await world.wait(120_000);
  expect(world.lamps.at(-1)).toBe("sent");
});
