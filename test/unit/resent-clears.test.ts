import { expect, test } from "vitest";
import { openEmergency } from "./open-emergency.ts";
import { openWorld } from "./whole-unit.ts";

type Story = {
  /** When the operator ends it, and when the officer presses again: ms since the dead zone began. */
  readonly ends: readonly number[];
  readonly pressed: number;
  /** When there is no coverage, from and to. */
  readonly dead: readonly (readonly [from: number, to: number])[];
  readonly synchronised?: boolean;
};

/**
 * In a dead zone an operator ends the emergency several times, because nothing happens on the screen. Then the officer presses
 * again. NATS sends each of them again 30 s after the time before: as far apart as they were written.
 */
test.each<Story>([
  { ends: [500, 11_500, 22_500], pressed: 23_500, dead: [[0, 25_500]] },
  { ends: [500, 11_000, 21_500], pressed: 22_000, dead: [[0, 25_000]] },
  { ends: [500, 11_500, 22_500], pressed: 25_500, dead: [[0, 27_500]] },
  { ends: [500, 11_500, 22_500], pressed: 23_500, dead: [[0, 25_500]], synchronised: false },
  // The second time they are lost again.
  {
    ends: [500, 12_500, 15_900],
    pressed: 17_000,
    dead: [
      [0, 18_000],
      [28_500, 48_000],
    ],
  },
  {
    ends: [500, 4_500, 8_500, 12_500, 16_500],
    pressed: 18_000,
    dead: [
      [0, 19_000],
      [28_500, 48_000],
      [58_500, 78_000],
    ],
  },
])("what is sent again ends no press after it: %o", async ({ ends, pressed, dead, synchronised = true }) => {
  const world = openWorld([{ resendsAfterMs: 30_000 }]);
  world.host.synchronised = synchronised;
  const { route, press, say } = await openEmergency(world);
  say("received");
  await world.wait(40_000);
  for (const at of ends) world.time.after(at, () => say("cleared"));
  world.time.after(pressed, () => press(2));
  for (const [from, to] of dead) {
    world.time.after(from, () => world.network.change(route, { swallowing: true }));
    world.time.after(to, () => world.network.change(route, { swallowing: false }));
  }
  await world.wait(180_000);
  expect(world.lamps.at(-1)).toBe("sent");
});
