import { describe, expect, test } from "vitest";
import { FULL_LIMITS } from "./broker.ts";
import { createUnitDisk } from "./real/disk.ts";
import { startRealUnit } from "./real/unit.ts";
import { World, type AnyWorld } from "./world.ts";

/** The unit's process stands still, and then reads what has waited. */

const SETTLE_MS = 20_000;
/** The receiver's model gives each second a second later: the unit's time is behind by as much. */
const RECEIVER_LATE_MS = 1_000;

const openWorld = async (seed: number) => {
  const world = new World({
    seed,
    start: startRealUnit,
    createDisk: createUnitDisk,
    limits: FULL_LIMITS,
  });
  world.start();
  await world.run(SETTLE_MS);
  const reports = () => [...world.dispatch.ledger.reports];
  const emergencies = () => reports().flatMap((report) => (report.kind === "emergency" ? [report] : []));
  const faults = () =>
    reports().flatMap(({ kind, data }) =>
      kind === "event" && "type" in data && data.type === "fault" ? [data] : [],
    );
  return { world, reports, emergencies, faults };
};

/** Stands still for `stoodMs`; a button is pressed after `pressedMs` of that. Returns the true time of the press. */
const standStill = async (world: AnyWorld, stoodMs: number, pressedMs: number) => {
  world.standStill();
  await world.run(pressedMs);
  const pressedAt = world.time.host();
  world.board.press(0, 200);
  await world.run(stoodMs - pressedMs);
  return pressedAt;
};

const LENGTHS = [
  [5, 1],
  [8, 5],
  [15, 10],
  [27, 12],
  [40, 30],
  [60, 5],
  [90, 70],
] as const;

describe.each([1, 2, 3])("a unit that stood still, seed %i", (seed) => {
  test.each(LENGTHS)("for %i s and was pressed after %i s knows when that was", async (stoodS, pressedS) => {
    const { world, reports, emergencies, faults } = await openWorld(seed);
    const pressedAt = await standStill(world, stoodS * 1_000, pressedS * 1_000);
    const wentOnAt = world.time.host();
    world.goOn();
    await world.run(5_000);
    const said = emergencies();
    expect(said.length).toBeGreaterThan(0);
    for (const { data, clock } of said) {
      expect(clock).toBe("gnss");
      const offMs = Date.parse(data.pressedAt!) + RECEIVER_LATE_MS - pressedAt;
      expect(offMs).toBeLessThan(300);
      expect(offMs).toBeGreaterThan(-1_050);
    }
    // What was made after it is not dated back; a position keeps the time of its fix.
    const late = reports().filter(
      ({ kind, mono }) => kind !== "position" && mono >= SETTLE_MS + stoodS * 1_000,
    );
    expect(late.length).toBeGreaterThan(0);
    for (const { at } of late) expect(Date.parse(at) + RECEIVER_LATE_MS - wentOnAt).toBeGreaterThan(-50);
    expect(faults()).toEqual([]);
    expect(world.checker.violation).toBeUndefined();
  });

  test("and whose airbag fired meanwhile knows when that was", async () => {
    const { world, emergencies } = await openWorld(seed);
    world.standStill();
    await world.run(6_000);
    const firedAt = world.time.host();
    world.bus.crashed = true;
    await world.run(24_000);
    world.goOn();
    await world.run(5_000);
    const [first] = emergencies();
    expect(first!.data.button).toBe("airbag");
    const offMs = Date.parse(first!.data.pressedAt!) + RECEIVER_LATE_MS - firedAt;
    // The bus speaks twice a second, and one frame alone does not count.
    expect(offMs).toBeGreaterThan(-50);
    expect(offMs).toBeLessThan(1_600);
  });

  test("and is asked for a drill then does not take an earlier press for it", async () => {
    const { world, emergencies } = await openWorld(seed);
    await standStill(world, 10_000, 6_000);
    world.unit!.drill();
    world.goOn();
    await world.run(5_000);
    expect(emergencies()[0]!.data.test).toBe(false);
  });
});

test.each([1, 5, 10, 20, 40, 80, 120, 200])(
  "a disk that answered while the unit stood still has not failed (%i ms after a press)",
  async (ms) => {
    const { world, reports, faults } = await openWorld(4);
    world.board.press(0, 200);
    await world.run(ms);
    world.standStill();
    await world.run(8_000);
    world.goOn();
    await world.run(30_000);
    expect(faults().filter(({ part }) => part === "outbox")).toEqual([]);
    const gaps = reports().filter(
      ({ kind, data }) => kind === "event" && "type" in data && data.type === "gap",
    );
    expect(gaps).toEqual([]);
  },
);
