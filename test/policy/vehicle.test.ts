import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createVehiclePolicy, type VehicleSignal } from "../../src/policy/vehicle.ts";

const SPEED = "Vehicle.Speed";
const DOOR = "Vehicle.Cabin.Door.Row1.DriverSide.IsOpen";
const IGNITION = "Vehicle.LowVoltageSystemState";
const signals: VehicleSignal[] = [
  { path: SPEED, deadband: 2, minIntervalMs: 1_000, staleMs: 300 },
  { path: DOOR, deadband: 0, minIntervalMs: 0, staleMs: undefined },
];
const fresh = () => {
  const policy = createVehiclePolicy(signals);
  policy.alive(0);
  policy.receive(SPEED, 50, 0);
  policy.receive(DOOR, false, 0);
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
      policy.receive(SPEED, kmh, at);
      return policy.due(at);
    };
    expect(drive(500, 55)).toBeUndefined();
    expect(drive(1_000, 51)).toBeUndefined();
    expect(drive(1_200, 53)).toEqual({ signals: { [SPEED]: 53 } });
    policy.receive(DOOR, true, 1_250);
    expect(policy.due(1_250)).toBeUndefined(); // a report has just been made
    policy.receive(SPEED, 53, 1_400);
    expect(policy.due(1_400)).toEqual({ signals: { [DOOR]: true } });
  });

  test("name what has fallen silent, once, and its return", () => {
    const policy = fresh();
    policy.due(0);
    expect(policy.due(400)).toEqual({ signals: {}, stale: [SPEED] });
    expect(policy.due(700)).toBeUndefined();
    expect(policy.snapshot(700)).toEqual({ signals: { [DOOR]: false }, stale: [SPEED] });
    policy.receive(SPEED, 50, 1_500);
    expect(policy.due(1_500)).toEqual({ signals: { [SPEED]: 50 } });
  });

  test("tell everything again after ten minutes, and when dispatch may have missed something", () => {
    const policy = fresh();
    policy.due(0);
    policy.alive(300_000);
    policy.receive(SPEED, 50, 300_000);
    policy.receive(DOOR, false, 300_000);
    policy.refresh();
    expect(policy.due(300_000)).toEqual({ signals: { [SPEED]: 50, [DOOR]: false } });
    policy.alive(899_999);
    policy.receive(SPEED, 50, 899_999);
    policy.receive(DOOR, false, 899_999);
    expect(policy.due(899_999)).toBeUndefined();
    policy.receive(SPEED, 50, 900_000);
    expect(policy.due(900_000)).toEqual({ signals: { [SPEED]: 50, [DOOR]: false } });
  });

  test("say nothing about an ignition that is not mapped, whether the bus is awake or silent", () => {
    const policy = fresh();
    for (const atMs of [0, 5_001, 86_400_000]) {
      expect(policy.motion(atMs).ignition).toBeUndefined();
      expect(policy.snapshot(atMs)!.signals).not.toHaveProperty([IGNITION]);
      expect(policy.due(atMs)?.signals ?? {}).not.toHaveProperty([IGNITION]);
    }
  });

  test("a bus that cannot be listened to says nothing; one that is silent makes everything stale", () => {
    const policy = createVehiclePolicy(signals);
    policy.alive(0);
    policy.receive(DOOR, true, 0);
    policy.due(0);
    expect(policy.snapshot(4_000)!.signals).toEqual({ [DOOR]: true });
    policy.lost();
    expect(policy.snapshot(60_000)).toEqual({ signals: {}, stale: [DOOR, SPEED] });
    expect(policy.motion(60_000)).toEqual({});
  });

  test("a signal that never comes is stale, once its time has passed since the bus is heard", () => {
    const policy = createVehiclePolicy(signals);
    expect(policy.due(10_000)).toBeUndefined();
    policy.alive(10_000);
    policy.receive(DOOR, false, 10_000);
    expect(policy.due(10_000)).toEqual({ signals: { [DOOR]: false } });
    expect(policy.due(10_300)).toBeUndefined();
    expect(policy.due(10_301)).toEqual({ signals: {}, stale: [SPEED] });
    expect(policy.due(10_900)).toBeUndefined();
  });

  test("that the car has come to rest is told however small the last step", () => {
    const policy = fresh();
    policy.due(0);
    policy.receive(SPEED, 1.5, 1_000);
    expect(policy.due(1_000)).toMatchObject({ signals: { [SPEED]: 1.5 } });
    policy.receive(SPEED, 0, 2_000);
    expect(policy.due(2_000)).toEqual({ signals: { [SPEED]: 0 } });
  });

  test("values from before a night's silence are not reported as new when the bus wakes", () => {
    const policy = fresh();
    policy.due(0);
    expect(policy.due(6_000)).toEqual({ signals: {}, stale: [SPEED, DOOR] });
    policy.alive(7_200_000);
    policy.receive(SPEED, 0, 7_200_000);
    expect(policy.due(7_200_000)!.signals).toEqual({ [SPEED]: 0 });
    policy.receive(DOOR, false, 7_201_000);
    expect(policy.due(7_201_000)!.signals).toEqual({ [DOOR]: false });
  });
});

describe("a value that becomes unknown", () => {
  test("is forgotten at once, and reported as stale if it stays unknown for a second", () => {
    const policy = fresh();
    policy.due(0);
    policy.receive(DOOR, undefined, 1_000);
    policy.receive(SPEED, 50, 1_000);
    expect(policy.snapshot(1_000)).toEqual({ signals: { [SPEED]: 50 }, stale: [DOOR] });
    expect(policy.due(1_000)).toBeUndefined();
    policy.alive(2_000);
    policy.receive(DOOR, undefined, 2_000);
    policy.receive(SPEED, 50, 2_000);
    expect(policy.due(2_000)).toEqual({ signals: {}, stale: [DOOR] });
    policy.receive(DOOR, false, 2_300);
    expect(policy.due(2_300)).toEqual({ signals: { [DOOR]: false } });
  });

  test("for a moment makes no report", () => {
    const policy = fresh();
    policy.due(0);
    for (let atMs = 100; atMs <= 10_000; atMs += 100) {
      policy.alive(atMs);
      policy.receive(SPEED, 50, atMs);
      policy.receive(DOOR, atMs % 300 === 0 ? false : undefined, atMs);
      expect(policy.due(atMs)).toBeUndefined();
    }
  });

  test("is no signal of a bus that has not given it a value yet", () => {
    const policy = createVehiclePolicy(signals);
    policy.alive(0);
    policy.receive(DOOR, undefined, 0);
    expect(policy.snapshot(0)).toBeUndefined();
    policy.receive(SPEED, 50, 0);
    expect(policy.due(0)).toEqual({ signals: { [SPEED]: 50 } });
  });

  test("is known no longer as the vehicle's speed", () => {
    const policy = fresh();
    expect(policy.motion(0)).toEqual({ speedKmh: 50 });
    policy.receive(SPEED, undefined, 100);
    expect(policy.motion(100)).toEqual({});
  });

  test("is still known if it is another control unit that lacks it", () => {
    const policy = createVehiclePolicy(signals);
    policy.alive(0);
    policy.receive(DOOR, true, 0, 0x18f0_0100);
    policy.receive(DOOR, undefined, 100, 0x18f0_0127);
    expect(policy.snapshot(100)).toEqual({ signals: { [DOOR]: true } });
    policy.receive(DOOR, undefined, 200, 0x18f0_0100);
    expect(policy.snapshot(200)).toEqual({ signals: {}, stale: [DOOR] });
  });
});

describe("a mapped ignition", () => {
  const withIgnition = (staleMs: number | undefined) =>
    createVehiclePolicy([...signals, { path: IGNITION, deadband: 0, minIntervalMs: 0, staleMs }]);
  type Policy = ReturnType<typeof createVehiclePolicy>;
  const frame = (policy: Policy, atMs: number, ignition?: string) => {
    policy.alive(atMs);
    if (ignition !== undefined) policy.receive(IGNITION, ignition, atMs);
  };

  test.each([
    ["LOCK", "off"],
    ["OFF", "off"],
    ["ACC", "on"],
    ["ON", "on"],
    ["START", "on"],
    ["KEY_LOST", undefined],
  ])("%s is %s", (text, expected) => {
    const policy = withIgnition(5_000);
    frame(policy, 0, text);
    expect(policy.motion(0).ignition).toBe(expected);
  });

  test.each([5_000, undefined])(
    "that was OFF when the bus fell asleep is still off a night later (stale after %s ms)",
    (staleMs) => {
      const policy = withIgnition(staleMs);
      frame(policy, 0, "OFF");
      frame(policy, 2_000); // other signals end a little later
      expect(policy.motion(36_000_000).ignition).toBe("off");
    },
  );

  test.each([5_000, undefined])(
    "that was ON when the bus went silent is not known: it may be a pulled plug (stale after %s ms)",
    (staleMs) => {
      const policy = withIgnition(staleMs);
      frame(policy, 0, "ON");
      expect(policy.motion(5_000).ignition).toBe("on");
      expect(policy.motion(5_001).ignition).toBeUndefined();
      expect(policy.motion(36_000_000).ignition).toBeUndefined();
    },
  );

  test("that is missing on a bus that is awake is not known", () => {
    const policy = withIgnition(5_000);
    frame(policy, 0, "OFF");
    for (let atMs = 0; atMs <= 60_000; atMs += 1_000) frame(policy, atMs);
    expect(policy.motion(60_000).ignition).toBeUndefined();
  });

  test("that was missing for minutes on a bus that was awake stays unknown when the bus falls silent", () => {
    const policy = withIgnition(5_000);
    frame(policy, 0, "OFF");
    for (let atMs = 0; atMs <= 600_000; atMs += 1_000) frame(policy, atMs);
    for (const atMs of [600_000, 605_001, 36_000_000]) expect(policy.motion(atMs).ignition).toBeUndefined();
  });

  test("that was OFF half a minute before the last control unit fell asleep is off", () => {
    const policy = withIgnition(1_000);
    frame(policy, 0, "OFF");
    for (let atMs = 0; atMs <= 30_000; atMs += 1_000) frame(policy, atMs);
    expect(policy.motion(30_000).ignition).toBeUndefined();
    expect(policy.motion(36_000_000).ignition).toBe("off");
  });

  test("that was OFF before a silence is not known once the bus wakes without it", () => {
    const policy = withIgnition(undefined);
    frame(policy, 0, "OFF");
    frame(policy, 3_600_000);
    expect(policy.motion(3_600_000).ignition).toBeUndefined();
    expect(policy.motion(7_200_000).ignition).toBeUndefined(); // nor when it sleeps again
    frame(policy, 7_300_000, "OFF");
    expect(policy.motion(7_300_000).ignition).toBe("off");
  });

  test("is not known while the bus cannot be listened to, nor before the ignition is heard again", () => {
    const policy = withIgnition(undefined);
    frame(policy, 0, "OFF");
    policy.lost();
    expect(policy.motion(1_000).ignition).toBeUndefined();
    expect(policy.motion(60_000).ignition).toBeUndefined();
    frame(policy, 60_000);
    expect(policy.motion(60_000).ignition).toBeUndefined();
    frame(policy, 61_000, "OFF");
    expect(policy.motion(61_000).ignition).toBe("off");
  });

  test.each([5_000, undefined])(
    "that was OFF and is unknown since is not known, nor when the bus falls silent (stale after %s ms)",
    (staleMs) => {
      const policy = withIgnition(staleMs);
      frame(policy, 0, "OFF");
      for (let atMs = 100; atMs <= 600_000; atMs += 100) {
        policy.alive(atMs);
        policy.receive(IGNITION, undefined, atMs);
        expect(policy.motion(atMs).ignition).toBeUndefined();
      }
      for (const atMs of [600_000, 605_001, 36_000_000]) expect(policy.motion(atMs).ignition).toBeUndefined();
      frame(policy, 36_001_000, "OFF");
      expect(policy.motion(36_001_000).ignition).toBe("off");
    },
  );

  test("is off only if OFF or LOCK was the last that the car said", () => {
    const step = fc.record({
      afterMs: fc.integer({ min: 1, max: 20_000 }),
      what: fc.constantFrom("OFF", "LOCK", "ON", "START", "unknown", "frame", "lost", "silence"),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), fc.constantFrom(5_000, undefined), (steps, staleMs) => {
        const policy = withIgnition(staleMs);
        let atMs = 0;
        let said: string | undefined;
        for (const { afterMs, what } of steps) {
          atMs += afterMs;
          if (what === "lost") policy.lost();
          else if (what === "frame") frame(policy, atMs);
          else if (what === "unknown") {
            said = what;
            policy.alive(atMs);
            policy.receive(IGNITION, undefined, atMs);
          } else if (what !== "silence") {
            said = what;
            frame(policy, atMs, what);
          }
          const { ignition } = policy.motion(atMs);
          if (ignition === "off") expect(["OFF", "LOCK"]).toContain(said);
          if (ignition === "on") expect(["ON", "START"]).toContain(said);
          if (what === "lost") expect(ignition).toBeUndefined();
        }
      }),
    );
  });
});
