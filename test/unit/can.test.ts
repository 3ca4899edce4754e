import { expect, test } from "vitest";
import { compileMapping } from "../../src/decode/can/mapping.ts";
import type { SignalMapping } from "../../src/decode/can/map-entry.ts";
import { parseDbc } from "../../src/decode/dbc/parser.ts";
import { SourceError } from "../../src/domain/bytes.ts";
import type { CanFrame } from "../../src/domain/can.ts";
import type { EventData } from "../../src/domain/report.ts";
import { createClock } from "../../src/runtime/clock.ts";
import { createLog } from "../../src/runtime/log.ts";
import { CanPart } from "../../src/unit/can.ts";
import { Faults } from "../../src/unit/faults.ts";
import { PowerPart } from "../../src/unit/power.ts";
import { SimulatedTime } from "../simulation/time.ts";

const DATABASE = `VERSION ""
BO_ 1 Key: 1 A
 SG_ Position : 0|4@1+ (1,0) [0|15] "" A
BO_ 2 Other: 1 A
 SG_ Door : 0|1@1+ (1,0) [0|1] "" A
`;
const SIGNALS: Readonly<Record<string, SignalMapping>> = {
  "Vehicle.LowVoltageSystemState": { from: "Key.Position", map: { "0": "OFF", "2": "ON" } },
  "Vehicle.Cabin.Door.Row1.DriverSide.IsOpen": { from: "Other.Door" },
};
const MINUTE_MS = 60_000;

/** A bus on simulated time that carries what the test sends. `failures`: of the first times that it is opened. */
const openCan = (...failures: SourceError[]) => {
  const time = new SimulatedTime(0);
  const events: EventData[] = [];
  const orders: string[] = [];
  const waiting: CanFrame[] = [];
  let wake: () => void = () => undefined;
  const clock = createClock({
    mono: () => time.mono(),
    hostNow: () => 0,
    ntpSynchronised: () => false,
    builtMs: 0,
  });
  const log = createLog(() => undefined);
  const event = (data: EventData) => void events.push(data);
  const faults = new Faults({ log, event, mono: () => clock.mono() });
  const mapping = compileMapping(SIGNALS, parseDbc(DATABASE, "car.dbc"));
  if (!("read" in mapping)) throw new Error(JSON.stringify(mapping));
  const can = new CanPart(
    {
      source: {
        dropped: 0,
        errors: 0,
        async *listen(_, signal) {
          const failure = failures.shift();
          if (failure) throw failure;
          signal.addEventListener("abort", () => wake());
          while (!signal.aborted) {
            yield waiting.splice(0);
            // oxlint-disable-next-line no-await-in-loop -- a bus is read in order
            await new Promise<void>((resolve) => (wake = resolve));
          }
        },
      },
      mapping,
      recorded: false,
      clock,
      time,
      random: () => 0.5,
      log,
      faults,
      report: () => undefined,
      pressure: () => undefined,
    },
    () => false,
  );
  const power = new PowerPart({
    settings: { offAfterS: 300 },
    circumstances: () => ({ ignition: can.motion().ignition, moving: false, emergency: false }),
    mono: () => clock.mono(),
    event,
    log,
    faults,
    power: {
      schedule: async () => void orders.push("schedule"),
      cancel: async () => void orders.push("cancel"),
    },
  });
  time.every(1_000, () => power.look());
  /** The bus carries these frames each 100 ms. */
  const carry = async (forMs: number, ...frames: readonly (readonly [id: number, byte: number])[]) => {
    const t = () => time.host() / 1_000;
    for (const end = time.mono() + forMs; time.mono() < end;) {
      for (const [id, byte] of frames)
        waiting.push({ t: t(), bus: "", id, extended: false, data: Uint8Array.of(byte) });
      wake();
      // oxlint-disable-next-line no-await-in-loop -- time passes in order
      await time.run(time.mono() + 100);
    }
  };
  return { can, power, orders, events, carry, silence: (ms: number) => time.run(time.mono() + ms) };
};

test.each([3, 15])(
  "the computer stays on when the key leaves OFF for a position that the map does not name (%i)",
  async (position) => {
    const { can, orders, carry, silence } = openCan();
    await carry(2 * MINUTE_MS, [1, 0], [2, 0]);
    expect(can.motion().ignition).toBe("off");
    await carry(10 * MINUTE_MS, [1, position], [2, 0]);
    expect(can.motion().ignition).toBeUndefined();
    await silence(60 * MINUTE_MS); // the plug is pulled
    expect(can.motion().ignition).toBeUndefined();
    expect(orders).not.toContain("schedule");
    await can[Symbol.asyncDispose]();
  },
);

test("a power-off that is still to come does not outlive the unit: its next configuration may have none", async () => {
  const { can, power, orders, carry } = openCan();
  await carry(6 * MINUTE_MS, [1, 0]);
  expect(orders).toEqual(["cancel", "schedule"]);
  await power[Symbol.asyncDispose]();
  expect(orders).toEqual(["cancel", "schedule", "cancel"]);
  await can[Symbol.asyncDispose]();
});

test("health says that the bus is silent once no frame has come for five seconds, until the next one", async () => {
  const { can, carry, silence } = openCan();
  await carry(1_000);
  expect(can.health().state).toBe("silent");
  await carry(1_000, [2, 0]);
  expect(can.health().state).toBe("heard");
  await silence(5_000);
  expect(can.health().state).toBe("silent");
  await carry(100, [2, 0]);
  expect(can.health().state).toBe("heard");
  await can[Symbol.asyncDispose]();
});

test("a fault of the interface ends when that can be opened, however silent the bus is", async () => {
  const { can, events, silence } = openCan(new SourceError("absent", "can0 is not there"));
  await silence(100);
  expect(can.health().state).toBe("absent");
  await silence(10_000);
  expect(can.health().state).toBe("silent");
  expect(events.map(({ type }) => type)).toEqual(["fault", "recovered"]);
  await can[Symbol.asyncDispose]();
});

test("a controller that has left the bus is back when a frame comes, not when the interface is opened", async () => {
  const { can, carry, silence } = openCan(new SourceError("bus-off", "can0 is off the bus"));
  await silence(10_000);
  expect(can.health().state).toBe("bus-off");
  await carry(100, [2, 0]);
  expect(can.health().state).toBe("heard");
  await can[Symbol.asyncDispose]();
});

test("each mapped signal is shown with its value, age and source, and whether it is stale", async () => {
  const { can, carry, silence } = openCan();
  const source = { message: "Key", frameId: 1, extended: false, signal: "Position" };
  const path = "Vehicle.LowVoltageSystemState";
  expect(can.signals()).toEqual([
    { path, stale: true, ...source },
    {
      path: "Vehicle.Cabin.Door.Row1.DriverSide.IsOpen",
      stale: true,
      message: "Other",
      frameId: 2,
      extended: false,
      signal: "Door",
    },
  ]);
  await carry(1_000, [1, 2]);
  expect(can.signals()[0]).toEqual({ path, value: "ON", ageMs: expect.any(Number), stale: false, ...source });
  await silence(10_000);
  const [quiet] = can.signals();
  expect(quiet).toMatchObject({ value: "ON", stale: true });
  expect(quiet?.ageMs).toBeGreaterThanOrEqual(10_000);
  await carry(1_000, [1, 15]);
  expect(can.signals()[0]).not.toHaveProperty("value");
  await can[Symbol.asyncDispose]();
});
