import { describe, expect, test } from "vitest";
import type { Fix } from "../../src/domain/fix.ts";
import { createPositionPolicy } from "../../src/policy/position.ts";
import type { VehicleMotion } from "../../src/policy/vehicle.ts";
import { createRandom, normal } from "../../src/demo/random.ts";

const settings = { movingS: 5, distanceM: 150, headingDeg: 20, standingS: 300, parkedS: 900, emergencyS: 1 };
const M = 1 / 111_195;

/** A car driven north or east, one fix a second. */
const drive = (steps: readonly { kmh: number; course?: number; seconds: number }[]): Fix[] => {
  const fixes: Fix[] = [];
  let [lat, lon, at] = [45, 20, Date.UTC(2026, 10, 24)];
  for (const { kmh, course = 0, seconds } of steps) {
    for (let i = 0; i < seconds; i++) {
      const r = (course * Math.PI) / 180;
      lat += (kmh / 3.6) * M * Math.cos(r);
      lon += ((kmh / 3.6) * M * Math.sin(r)) / Math.cos(Math.PI / 4);
      at += 1000;
      fixes.push({ at, lat, lon, fix: "3d", speedKmh: kmh, ...(kmh > 2 ? { courseDeg: course } : {}) });
    }
  }
  return fixes;
};
const reasons = (fixes: readonly Fix[], given = settings) => {
  const policy = createPositionPolicy(() => given);
  return fixes.map((fix) => policy.decide(fix, { emergency: false }));
};
const said = (fixes: readonly Fix[], given = settings) =>
  reasons(fixes, given).filter((r) => r !== undefined);

describe("position policy", () => {
  test("movingS 0 reports every fix", () => {
    const fixes = drive([
      { kmh: 0, seconds: 20 },
      { kmh: 50, seconds: 20 },
      { kmh: 0, seconds: 20 },
    ]);
    expect(said(fixes, { ...settings, movingS: 0 })).toHaveLength(60);
  });

  test("moving: every interval", () => {
    const all = reasons(drive([{ kmh: 36, seconds: 31 }]));
    expect(all.map((r, i) => (r ? i : -1)).filter((i) => i >= 0)).toEqual([0, 5, 10, 15, 20, 25, 30]);
  });

  test("fast: distance before the interval", () => {
    expect(said(drive([{ kmh: 180, seconds: 7 }]))).toEqual(["interval", "distance", "distance"]);
  });

  test("a turn is reported with the fix that completes it", () => {
    expect(
      reasons(
        drive([
          { kmh: 36, seconds: 4 },
          { kmh: 36, course: 30, seconds: 1 },
        ]),
      ),
    ).toEqual(["interval", undefined, undefined, undefined, "heading"]);
  });

  test("through north: 350 to 10 degrees is a turn of 20", () => {
    expect(
      said(
        drive([
          { kmh: 36, course: 350, seconds: 2 },
          { kmh: 36, course: 10, seconds: 1 },
        ]),
      ),
    ).toEqual(["interval", "heading"]);
  });

  test("start and stop are said once each", () => {
    const all = said(
      drive([
        { kmh: 0, seconds: 30 },
        { kmh: 50, seconds: 3 },
        { kmh: 0, seconds: 30 },
      ]),
    );
    expect(all.filter((r) => r === "start")).toHaveLength(1);
    expect(all.filter((r) => r === "stop")).toHaveLength(1);
  });

  test("a short halt at a junction is no stop", () => {
    expect(
      said(
        drive([
          { kmh: 50, seconds: 10 },
          { kmh: 0, seconds: 3 },
          { kmh: 50, seconds: 10 },
        ]),
      ),
    ).not.toContain("stop");
  });

  test("a parked car with drift is silent but for its interval", () => {
    const random = createRandom(7);
    let [north, east] = [0, 0];
    const fixes = Array.from({ length: 3600 }, (_, i): Fix => {
      north = north * 0.99 + normal(random) * 2;
      east = east * 0.99 + normal(random) * 2;
      const speedKmh = Math.abs(normal(random)) * 1.2;
      return { at: i * 1000, lat: 45 + north * M, lon: 20 + east * M, fix: "3d", speedKmh, accuracyM: 5 };
    });
    expect(said(fixes)).toEqual(Array.from({ length: 12 }, () => "interval"));
  });

  test("a receiver's date that steps back while the car stands delays its stop by no more than the usual time", () => {
    const driven = drive([
      { kmh: 50, seconds: 5 },
      { kmh: 0, seconds: 2 },
    ]);
    const { lat, lon } = driven.at(-1)!;
    const back = driven.at(-1)!.at - 19.7 * 365 * 86_400_000; // a week number that rolled over
    const after = Array.from({ length: 7 }, (_, n): Fix => ({
      at: back + n * 1_000,
      lat,
      lon,
      fix: "3d",
      speedKmh: 0,
    }));
    expect(said([...driven, ...after])).toContain("stop");
  });

  test("a slow roll out of the yard is movement", () => {
    expect(
      said(
        drive([
          { kmh: 0, seconds: 5 },
          { kmh: 5, seconds: 60 },
        ]),
      ),
    ).toContain("start");
  });

  test("with the ignition off a receiver's drift is no start, a car that is towed is one, and the interval is longer", () => {
    const decide = (fixes: readonly Fix[], vehicle: VehicleMotion) => {
      const policy = createPositionPolicy(() => settings);
      return fixes.map((fix) => policy.decide(fix, { emergency: false, vehicle })).filter(Boolean);
    };
    const drifting = drive([
      { kmh: 0, seconds: 2 },
      { kmh: 12, seconds: 4 },
      { kmh: 0, seconds: 1_000 },
    ]);
    expect(decide(drifting, { ignition: "on" })).toContain("start");
    expect(decide(drifting, { ignition: "off" })).toEqual(["interval", "interval"]);
    const towed = drive([
      { kmh: 0, seconds: 2 },
      { kmh: 12, seconds: 60 },
    ]);
    expect(decide(towed, { ignition: "off" })).toContain("start");
  });

  test("the vehicle's own speed counts before the receiver's", () => {
    const policy = createPositionPolicy(() => settings);
    const decide = (kmh: number, speedKmh: number) =>
      drive([{ kmh, seconds: 3 }]).map((fix) =>
        policy.decide(fix, { emergency: false, vehicle: { ignition: "on", speedKmh } }),
      );
    expect(decide(30, 0)).not.toContain("start");
    expect(decide(0, 30)).toContain("start");
  });

  test("a bus that says zero for ever blinds nobody: who leaves the place moves", () => {
    const policy = createPositionPolicy(() => settings);
    const decided = drive([{ kmh: 60, seconds: 100 }]).map((fix) =>
      policy.decide(fix, { emergency: false, vehicle: { ignition: "off", speedKmh: 0 } }),
    );
    expect(decided.filter(Boolean).length).toBeGreaterThan(15);
  });
});
