import { expect, test } from "vitest";
import { FULL_LIMITS } from "./broker.ts";
import { createFakeDisk } from "./fake/disk.ts";
import { startFakeUnit } from "./fake/unit.ts";
import { NETWORK_FAULTS } from "./faults/network.ts";
import { isHealthy } from "./health.ts";
import { World } from "./world.ts";

/** They are over at once, or leave the broker able to take a press. */
const HARMLESS = new Set([
  "link reset",
  "link half-open",
  "broker restarts",
  "broker crashes",
  "dead address",
  "slow address",
  "useless address",
]);
const HARMFUL = NETWORK_FAULTS.filter(({ kind }) => !HARMLESS.has(kind));

test.each(HARMFUL.map((fault) => [fault.kind, fault] as const))(
  "%s: the broker is not healthy until it ends",
  (_kind, fault) => {
    const world = new World({
      seed: 1,
      start: startFakeUnit,
      createDisk: createFakeDisk,
      limits: FULL_LIMITS,
    });
    const [route] = [...world.network.routes.values()];
    const health = () => isHealthy(route!, world.dispatch.listens(route!.broker));
    const end = fault.begin(world, world.dice.stream("test"), "a");
    expect(health()).toBe(false);
    end?.();
    expect(health()).toBe(true);
  },
);
