import { describe, expect, test } from "vitest";
import { createVehiclePolicy, type VehicleSignal } from "../../src/policy/vehicle.ts";

const SPEED = "Vehicle.Speed";
const DOOR = "Vehicle.Cabin.Door.Row1.DriverSide.IsOpen";
const IGNITION = "Vehicle.LowVoltageSystemState";
const signals: VehicleSignal[] = [
  { path: SPEED, deadband: 2, minIntervalMs: 1_000, staleMs: 300 },
  { path: DOOR, deadband: 0, minIntervalMs: 0, staleMs: undefined },
];
/** With a mapped ignition that is not heard here: nothing is derived. */
const fresh = () => {
  const ignition = { path: IGNITION, deadband: 0, minIntervalMs: 0, staleMs: Infinity };
  const policy = createVehiclePolicy([...signals, ignition]);
  policy.alive(0);
  policy.hear(SPEED, 50, 0);
  policy.hear(DOOR, false, 0);
  return policy;
};

describe("vehicle reports", () => {
  test("begin with everything that is known; nothing known is no report", () => {
    expect(createVehiclePolicy(signals).due(0)).toBeUndefined();
    expect(fresh().due(0)).toEqual({ signals: { [SPEED]: 50, [DOOR]: false } });
  });

  test("then tell what changed beyond its deadband, not more often than its interval", () => {
    const policy = fresh();
    policy.due(0);
    const drive = (at: number, kmh: number) => {
      policy.hear(SPEED, kmh, at);
      return policy.due(at);
    };
    expect(drive(500, 55)).toBeUndefined();
    expect(drive(1_000, 51)).toBeUndefined();
    expect(drive(1_200, 53)).toEqual({ signals: { [SPEED]: 53 } });
    policy.hear(DOOR, true, 1_250);
    expect(policy.due(1_250)).toBeUndefined(); // a report has just been made
    policy.hear(SPEED, 53, 1_400);
    expect(policy.due(1_400)).toEqual({ signals: { [DOOR]: true } });
  });

  test("name what has fallen silent, once, and its return", () => {
    const policy = fresh();
    policy.due(0);
    expect(policy.due(400)).toEqual({ signals: {}, stale: [SPEED] });
    expect(policy.due(700)).toBeUndefined();
    expect(policy.snapshot(700)).toEqual({ signals: { [DOOR]: false }, stale: [SPEED] });
    policy.hear(SPEED, 50, 1_500);
    expect(policy.due(1_500)).toEqual({ signals: { [SPEED]: 50 } });
  });

  test("tell everything again after ten minutes, and when dispatch may have missed something", () => {
    const policy = fresh();
    policy.due(0);
    policy.alive(300_000);
    policy.hear(SPEED, 50, 300_000);
    policy.hear(DOOR, false, 300_000);
    policy.refresh();
    expect(policy.due(300_000)).toEqual({ signals: { [SPEED]: 50, [DOOR]: false } });
    policy.alive(899_999);
    policy.hear(SPEED, 50, 899_999);
    policy.hear(DOOR, false, 899_999);
    expect(policy.due(899_999)).toBeUndefined();
    policy.hear(SPEED, 50, 900_000);
    expect(policy.due(900_000)).toEqual({ signals: { [SPEED]: 50, [DOOR]: false } });
  });

  test("derive the ignition from the bus where the car does not say it", () => {
    const policy = createVehiclePolicy([]);
    expect(policy.due(0)).toBeUndefined();
    policy.alive(100);
    expect(policy.due(100)).toEqual({ signals: { [IGNITION]: "ON" } });
    expect(policy.due(5_100)).toBeUndefined();
    expect(policy.due(5_101)).toEqual({ signals: { [IGNITION]: "OFF" } });
  });

  test("tell of movement only what is fresh; a bus asleep behind a mapped ignition leaves its last word, if that was off", () => {
    const policy = createVehiclePolicy([
      ...signals,
      { path: IGNITION, deadband: 0, minIntervalMs: 0, staleMs: 5_000 },
    ]);
    expect(policy.motion(0)).toEqual({});
    policy.hear(SPEED, 50, 0);
    policy.hear(IGNITION, "START", 0);
    expect(policy.motion(300)).toEqual({ ignition: "on", speedKmh: 50 });
    expect(policy.motion(5_000)).toEqual({ ignition: "on" });
    expect(policy.motion(5_001)).toEqual({});
    policy.hear(IGNITION, "LOCK", 6_000);
    expect(policy.motion(60_000)).toEqual({ ignition: "off" });
  });

  test("a bus that cannot be listened to says nothing; one that is silent makes everything stale", () => {
    const policy = createVehiclePolicy(signals);
    policy.alive(0);
    policy.hear(DOOR, true, 0);
    policy.due(0);
    expect(policy.snapshot(4_000)!.signals).toEqual({ [DOOR]: true, [IGNITION]: "ON" });
    policy.lost();
    expect(policy.snapshot(60_000)).toEqual({ signals: {}, stale: [DOOR, SPEED] });
    expect(policy.motion(60_000)).toEqual({});
  });

  test("a signal that never comes is stale, once its time has passed since the bus is heard", () => {
    const policy = createVehiclePolicy(signals);
    expect(policy.due(10_000)).toBeUndefined();
    policy.alive(10_000);
    policy.hear(DOOR, false, 10_000);
    expect(policy.due(10_000)).toEqual({ signals: { [DOOR]: false, [IGNITION]: "ON" } });
    expect(policy.due(10_300)).toBeUndefined();
    expect(policy.due(10_301)).toEqual({ signals: {}, stale: [SPEED] });
    expect(policy.due(10_900)).toBeUndefined();
  });

  test("that the car has come to rest is told however small the last step", () => {
    const policy = fresh();
    policy.due(0);
    policy.hear(SPEED, 1.5, 1_000);
    expect(policy.due(1_000)).toMatchObject({ signals: { [SPEED]: 1.5 } });
    policy.hear(SPEED, 0, 2_000);
    expect(policy.due(2_000)).toEqual({ signals: { [SPEED]: 0 } });
  });

  test("what was heard before a night's silence is not told as new when the bus wakes", () => {
    const policy = fresh();
    policy.due(0);
    expect(policy.due(6_000)).toEqual({ signals: {}, stale: [SPEED, DOOR] });
    policy.alive(7_200_000);
    policy.hear(SPEED, 0, 7_200_000);
    expect(policy.due(7_200_000)!.signals).toEqual({ [SPEED]: 0 });
    policy.hear(DOOR, false, 7_201_000);
    expect(policy.due(7_201_000)!.signals).toEqual({ [DOOR]: false });
  });
});
