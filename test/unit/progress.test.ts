import { describe, expect, test } from "vitest";
import { DISK_STUCK_MS, LINK_STUCK_MS } from "../../src/policy/progress.ts";
import { openWorld } from "./whole-unit.ts";

type World = ReturnType<typeof openWorld>;

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** Until an idle unit writes something, and has waited for the answer. */
const NOTICED_MS = 75_000;

/** Asks as the watchdog does; the first reason not to feed it, within `ms`. */
const firstReason = async (
  world: World,
  stuck: () => string | undefined,
  ms: number,
): Promise<string | undefined> => {
  const asked = world.time.every(10_000, () => (reason ??= stuck()));
  let reason: string | undefined;
  await world.wait(ms, () => reason !== undefined);
  asked[Symbol.dispose]();
  return reason;
};

describe("the watchdog of a unit", () => {
  test("is not fed any more when the disk does not answer", async () => {
    const world = openWorld([{}]);
    const { unit } = await world.start();
    world.disk.fault = { kind: "hangs" };
    const reason = await firstReason(world, () => unit.stuck(), NOTICED_MS + DISK_STUCK_MS + 10_000);
    expect(reason).toBe("the disk has not answered for 60 s");
  });

  test.each(["full", "read-only", "refuses"] as const)(
    "is fed while the disk is of the kind %s",
    async (kind) => {
      const world = openWorld([{}]);
      const { unit } = await world.start();
      world.disk.fault = { kind };
      expect(await firstReason(world, () => unit.stuck(), 10 * MINUTE_MS)).toBeUndefined();
    },
  );

  test("is fed while nothing happens for an hour", async () => {
    const world = openWorld([{}]);
    const { unit } = await world.start();
    expect(await firstReason(world, () => unit.stuck(), HOUR_MS)).toBeUndefined();
  });

  test("is fed while no broker can be reached for an hour", async () => {
    const world = openWorld([{}, {}]);
    for (const { route } of world.brokers) route.unreachable = true;
    const { unit } = await world.start();
    expect(await firstReason(world, () => unit.stuck(), HOUR_MS)).toBeUndefined();
  });

  test("is not fed any more when an attempt to connect never ends", async () => {
    const world = openWorld([{}]);
    Object.assign(world.network, { connect: () => Promise.withResolvers<never>().promise });
    const { unit } = await world.start();
    const reason = await firstReason(world, () => unit.stuck(), LINK_STUCK_MS + 20_000);
    expect(reason).toBe("the link has done nothing for 300 s");
  });

  test("is fed while the unit stops", async () => {
    const world = openWorld([{}]);
    Object.assign(world.network, { connect: () => Promise.withResolvers<never>().promise });
    const { unit } = await world.start();
    await world.wait(LINK_STUCK_MS + 10_000);
    void unit[Symbol.asyncDispose]();
    expect(unit.stuck()).toBeUndefined();
  });
});
