import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseCandumpLine } from "../../src/decode/can/candump.ts";
import { busLines } from "../../src/demo/bus.ts";
import { BUS, settingsFile, writeCarSettings } from "../../src/demo/car-settings.ts";
import { drive, type Moment } from "../../src/demo/drive.ts";
import { ZRENJANIN_AT_ONCE } from "../../src/demo/route.ts";
import { loadConfiguration, type Configuration } from "../../src/settings/load.ts";

const START = Date.UTC(2026, 10, 26, 12);
const SECONDS = 420;

let folder: string;
let loaded: Configuration;
let moments: Moment[];
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "demo-bus-"));
  writeCarSettings(folder, 1883, 0);
  loaded = loadConfiguration(settingsFile(folder));
  const all = drive(ZRENJANIN_AT_ONCE, START);
  moments = Array.from({ length: SECONDS }, () => all.next().value);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What the unit reads in one second of the drive: the last value of each signal. */
const signalsAt = (moment: Moment): Map<string, unknown> => {
  const values = new Map<string, unknown>();
  for (let tenth = 0; tenth < 10; tenth++)
    for (const line of busLines(moment, tenth, BUS, moment.at)) {
      const frame = parseCandumpLine(line);
      if (typeof frame === "string") throw new Error(`${line}: ${frame}`);
      for (const [path, value] of loaded.mapping?.read(frame) ?? []) values.set(path, value);
    }
  return values;
};

describe("the bus of the demo's car", () => {
  test("its configuration has no fault, and its map no doubt", () => {
    expect(loaded.faults).toEqual([]);
    expect(loaded.doubts).toEqual([]);
    expect(loaded.mapping?.signals.length).toBe(23);
  });

  test("every mapped signal is on the bus within a second, with a value", () => {
    const values = signalsAt(moments[30]!);
    for (const { path } of loaded.mapping?.signals ?? []) expect(values.get(path), path).not.toBeUndefined();
  });

  test("its speed is the car's, to the hundredth", () => {
    for (const moment of moments) expect(signalsAt(moment).get("Vehicle.Speed")).toBeCloseTo(moment.kmh, 2);
  });

  test("the speed between two seconds lies between those of the seconds", () => {
    const [before, moment] = moments.flatMap((one, n) => (one.gainedKmh > 3 ? [moments[n - 1]!, one] : []));
    const line = busLines(moment!, 4, BUS, moment!.at)[0]!;
    const frame = parseCandumpLine(line);
    const kmh = typeof frame === "string" ? NaN : Buffer.from(frame.data).readUInt16LE(0) / 100;
    expect(kmh).toBeGreaterThan(before!.kmh);
    expect(kmh).toBeLessThan(moment!.kmh);
  });

  test("doors open only while the car stands, and belts are off then", () => {
    const open = moments.filter((moment) =>
      signalsAt(moment).get("Vehicle.Cabin.Door.Row1.DriverSide.IsOpen"),
    );
    expect(open.length).toBeGreaterThan(2);
    expect(open.filter(({ kmh }) => kmh > 0)).toEqual([]);
    const unbelted = moments.filter(
      (moment) => signalsAt(moment).get("Vehicle.Cabin.Seat.Row1.DriverSide.IsBelted") === false,
    );
    expect(unbelted.filter(({ kmh }) => kmh > 0)).toEqual([]);
  });

  test("siren and blue lights are on for a part of the drive, and only together", () => {
    const on = moments.map((moment) => {
      const values = signalsAt(moment);
      return [values.get("Vehicle.Police.Siren.IsActive"), values.get("Vehicle.Police.BlueLights.IsActive")];
    });
    expect(on.filter(([siren]) => siren === true).length).toBeGreaterThan(10);
    expect(on.filter(([siren]) => siren === false).length).toBeGreaterThan(100);
    expect(on.filter(([siren, blue]) => siren !== blue)).toEqual([]);
  });

  test("the ignition is on all the time, and the odometer never goes back", () => {
    const odometer = moments.map((moment) => {
      const values = signalsAt(moment);
      expect(values.get("Vehicle.LowVoltageSystemState")).toBe("ON");
      return Number(values.get("Vehicle.TraveledDistance"));
    });
    expect(odometer).toEqual(odometer.toSorted((a, b) => a - b));
    expect(odometer.at(-1)! - odometer[0]!).toBeGreaterThan(1_000);
  });
});
