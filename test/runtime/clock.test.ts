import { expect, test } from "vitest";
import { createClock } from "../../src/runtime/clock.ts";

const BUILT = Date.UTC(2026, 10, 1);
const BOOT = Date.UTC(2026, 10, 24, 8);

const openClock = () => {
  const world = { mono: 0, looks: 0, synchronised: false };
  const clock = createClock({
    mono: () => world.mono,
    hostNow: () => BOOT + world.mono,
    ntpSynchronised() {
      world.looks++;
      return world.synchronised;
    },
    builtMs: BUILT,
  });
  return { world, clock };
};

test("NTP's state is looked at once a second, however often the time is asked for", () => {
  const { world, clock } = openClock();
  for (world.mono = 0; world.mono < 3_000; world.mono++) clock.now();
  expect(world.looks).toBe(3);
});

test("a host that becomes synchronised is believed within a second", () => {
  const { world, clock } = openClock();
  expect(clock.now().clock).toBe("unset");
  world.synchronised = true;
  world.mono = 1_000;
  expect(clock.now()).toEqual({ at: BOOT + 1_000, clock: "ntp" });
});

test("a receiver disciplines the clock by when its fixes arrived, not by when they are given in", () => {
  const { world, clock } = openClock();
  const verdicts = [0, 1_000, 2_000].map((arrived) => {
    world.mono = arrived + 700;
    return clock.discipline(BOOT + 5_000 + arrived, arrived, true);
  });
  expect(verdicts).toEqual(["unconfirmed", "unconfirmed", "trusted"]);
  expect(clock.now()).toEqual({ at: BOOT + 5_000 + world.mono, clock: "gnss" });
  expect(clock.when(100)).toEqual({ at: BOOT + 5_100, clock: "gnss" });
});

test("mono is whole milliseconds", () => {
  const { world, clock } = openClock();
  world.mono = 12.9;
  expect(clock.mono()).toBe(12);
});
