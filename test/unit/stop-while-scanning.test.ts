import { expect, test } from "vitest";
import { openWorld } from "./whole-unit.ts";

/** The first byte of the keys of telemetry. */
const TELEMETRY = "t".charCodeAt(0);
const PAGES = 30;

test.each([
  [true, false],
  [false, false],
  [true, true],
])(
  "a stop while a large store is scanned takes no longer than another one (connected: %s, the vital file refuses: %s)",
  async (connected, away) => {
    const world = openWorld([{}]);
    const first = await world.start();
    await world.wait(5_000);
    await world.settle(Promise.resolve(first.unit[Symbol.asyncDispose]()));
    const openStore = world.disk.openStore.bind(world.disk);
    world.disk.openStore = async (how) => {
      const store = await openStore(how);
      const keys: typeof store.keys = async function* (from, to) {
        for (let n = 0; from[0] === TELEMETRY && n < PAGES; n++) {
          await new Promise<void>((resolve) => world.time.after(1_000, resolve));
          yield [];
        }
        yield* store.keys(from, to);
      };
      return { ...store, keys };
    };
    world.brokers[0]!.broker.faults.down = !connected;
    if (away) world.disk.fault = { kind: "vital-refuses", spare: "refuses" };
    const { unit } = await world.start();
    await world.wait(3_000);
    const begunAt = world.time.mono();
    unit.stopBecause("SIGTERM");
    await world.settle(Promise.resolve(unit[Symbol.asyncDispose]()));
    expect(world.time.mono() - begunAt).toBeLessThan(5_000);
    const said = world.heard
      .filter(({ topic }) => topic.endsWith("/state"))
      .map(({ report }) => report["reason"]);
    if (connected) expect(said.at(-1)).toBe("SIGTERM");
  },
);
