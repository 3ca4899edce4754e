import { describe, expect, test } from "vitest";
import type { SignalMapping } from "../../src/decode/can/map-entry.ts";
import { compileMapping, lineChecker } from "../../src/decode/can/mapping.ts";
import { parseDbc } from "../../src/decode/dbc/parser.ts";
import { mapsIgnition, VSS } from "../../src/domain/vss.ts";

const database = parseDbc(
  `VERSION ""
BO_ 5 Dash: 8 A
 SG_ Speed : 0|8@1+ (1,0) [0|0] "mph" A
 SG_ Gear : 8|8@1+ (1,0) [0|0] "" A
 SG_ Belt : 16|1@1+ (1,0) [0|0] "" A
 SG_ Key : 24|2@1+ (1,0) [0|0] "" A
 SG_ Odometer : 32|16@1+ (0.5,0) [0|0] "km" A
 SG_ Fuel : 48|8@1+ (0.4,0) [0|0] "%" A
 SG_ Seat : 56|2@1+ (1,0) [0|0] "" A
BO_ 6 Twin: 8 A
 SG_ A : 0|8@1+ (1,0) [0|0] "m" A
BO_ 7 Twin: 8 A
 SG_ A : 0|8@1+ (1,0) [0|0] "m" A
BO_ 8 Paged: 8 A
 SG_ Page M : 0|8@1+ (1,0) [0|0] "" A
 SG_ Fast m1 : 8|16@1+ (0.01,0) [0|300] "km/h" A
 SG_ Odo m2 : 8|16@1+ (1,0) [0|0] "km" A
BA_DEF_ BO_ "GenMsgCycleTime" INT 0 65535;
BA_ "GenMsgCycleTime" BO_ 5 500;
BA_ "GenMsgCycleTime" BO_ 8 100;
VAL_ 5 Gear 0 "P" 1 "R" 2 "D" ;
VAL_ 5 Key 0 "LOCK" 1 "ACC" 2 "ON" 3 "undefined" ;
VAL_ 5 Seat 0 "EMPTY" 1 "OCCUPIED" 2 "UNKNOWN" ;
`,
  "car.dbc",
);
const compile = (signals: Record<string, SignalMapping>) => compileMapping(signals, database);
/** What a frame carries, unknown values included. */
const readAll = (signals: Record<string, SignalMapping>, data: readonly number[], id = 5) => {
  const mapping = compile(signals);
  if (!("read" in mapping)) throw new Error(JSON.stringify(mapping));
  return mapping.read({ t: 0, bus: "", id, extended: false, data: Uint8Array.from(data) });
};
/** The known values of a frame. */
const read = (signals: Record<string, SignalMapping>, data: readonly number[]) =>
  Object.fromEntries((readAll(signals, data) ?? []).filter(([, value]) => value !== undefined));

describe("the signal map", () => {
  test("gives VSS values in VSS units: converted, as booleans, by label or raw value", () => {
    expect(
      read(
        {
          "Vehicle.Speed": { from: "Dash.Speed" },
          "Vehicle.Powertrain.Transmission.SelectedGear": {
            from: "Dash.Gear",
            map: { P: 126, R: -1, "2": 127 },
          },
          "Vehicle.Cabin.Seat.Row1.DriverSide.IsBelted": { from: "Dash.Belt" },
          "Vehicle.LowVoltageSystemState": { from: "Dash.Key" },
        },
        [50, 1, 1, 2, 0, 0, 0, 0],
      ),
    ).toEqual({
      "Vehicle.Speed": 80.4672,
      "Vehicle.Powertrain.Transmission.SelectedGear": -1,
      "Vehicle.Cabin.Seat.Row1.DriverSide.IsBelted": true,
      "Vehicle.LowVoltageSystemState": "ON",
    });
  });

  test("converts kilometres to VSS's metres, and rounds what VSS holds as an integer", () => {
    const signals = {
      "Vehicle.TraveledDistance": { from: "Dash.Odometer" },
      "Vehicle.Powertrain.FuelSystem.RelativeLevel": { from: "Dash.Fuel" },
    };
    expect(read(signals, [0, 0, 0, 0, 3, 0, 101, 0])).toEqual({
      "Vehicle.TraveledDistance": 1_500,
      "Vehicle.Powertrain.FuelSystem.RelativeLevel": 40,
    });
  });

  test("has no value beyond the limits of VSS", () => {
    const fuel = { "Vehicle.Powertrain.FuelSystem.RelativeLevel": { from: "Dash.Fuel" } };
    expect(read(fuel, [0, 0, 0, 0, 0, 0, 250, 0])).toEqual({
      "Vehicle.Powertrain.FuelSystem.RelativeLevel": 100,
    });
    expect(read(fuel, [0, 0, 0, 0, 0, 0, 255, 0])).toEqual({});
  });

  test("has no value for a text that says that nothing is known", () => {
    const signals = {
      "Vehicle.LowVoltageSystemState": { from: "Dash.Key" },
      "Vehicle.Cabin.Seat.Row1.DriverSide.OccupancyStatus": { from: "Dash.Seat" },
    };
    expect(read(signals, [0, 0, 0, 3, 0, 0, 0, 1])).toEqual({
      "Vehicle.Cabin.Seat.Row1.DriverSide.OccupancyStatus": "OCCUPIED",
    });
    expect(read(signals, [0, 0, 0, 0, 0, 0, 0, 2])).toEqual({ "Vehicle.LowVoltageSystemState": "LOCK" });
  });

  test("names the VSS 6 path for one that earlier versions had", () => {
    expect(compile({ "Vehicle.Cabin.Seat.Row2.DriverSide.IsOccupied": { from: "Dash.Seat" } })).toEqual([
      {
        path: "Vehicle.Cabin.Seat.Row2.DriverSide.IsOccupied",
        message:
          'there is no VSS signal "Vehicle.Cabin.Seat.Row2.DriverSide.IsOccupied"; did you mean "Vehicle.Cabin.Seat.Row2.DriverSide.OccupancyStatus"?',
      },
    ]);
  });

  test("lists the paths of the police overlay for one that is not among them", () => {
    expect(compile({ "Vehicle.Police.X": { from: "Dash.Belt" } })).toEqual([
      {
        path: "Vehicle.Police.X",
        message:
          'there is no VSS signal "Vehicle.Police.X"; Vehicle.Police.* has Siren.IsActive, BlueLights.IsActive, Airbag.IsDeployed, WeaponRack.IsOpen, Spotlight.IsOn',
      },
    ]);
  });

  test("reports everything that is wrong with a line", () => {
    const messages = (signals: Record<string, SignalMapping>) => {
      const faults = compile(signals);
      return "read" in faults ? [] : faults.map(({ message }) => message);
    };
    expect(messages({ Foo: { from: "Bar.Speed" } })).toEqual([
      'there is no VSS signal "Foo"',
      'there is no message "Bar"',
    ]);
    expect(messages({ "Vehicle.Speed": { from: "Speed", map: { "0": "x", "1": true, "2": 3 } } })).toEqual([
      'from: expected MESSAGE.SIGNAL, found "Speed"',
      'map: 0: Vehicle.Speed is a number, found "x"',
      "map: 1: Vehicle.Speed is a number, found true",
    ]);
  });

  test("refuses a mapped number that VSS cannot hold", () => {
    const messages = (path: string, map: Record<string, number>) => {
      const faults = compile({ [path]: { from: "Dash.Gear", map } });
      return "read" in faults ? [] : faults.map(({ message }) => message);
    };
    const gear = "Vehicle.Powertrain.Transmission.CurrentGear";
    expect(messages(gear, { "1": 1.5, "2": 300, "3": -128, "4": 127 })).toEqual([
      `map: 1: ${gear} is a whole number (int8), found 1.5`,
      `map: 2: ${gear} is from -128 to 127, found 300`,
    ]);
    const brake = "Vehicle.Chassis.Brake.PedalPosition";
    expect(messages(brake, { "1": -7, "2": 400, "3": 0, "4": 100 })).toEqual([
      `map: 1: ${brake} is from 0 to 100, found -7`,
      `map: 2: ${brake} is from 0 to 100, found 400`,
    ]);
    expect(messages("Vehicle.Exterior.AirTemperature", { "1": -7.5, "2": Infinity })).toEqual([
      "map: 2: Vehicle.Exterior.AirTemperature is a finite number, found Infinity",
    ]);
  });

  test("checks the lines of a map whose database cannot be read", () => {
    const check = lineChecker(undefined);
    expect(check("Foo", { from: "A.B" })).toMatchObject([{ message: 'there is no VSS signal "Foo"' }]);
    expect(check("Vehicle.Speed", { map: { "0": true } })).toMatchObject([
      { message: "map: 0: Vehicle.Speed is a number, found true" },
    ]);
  });

  test("refuses a name that two messages have", () => {
    expect(compile({ "Vehicle.TraveledDistance": { from: "Twin.A" } })).toEqual([
      {
        path: "Vehicle.TraveledDistance",
        message: 'there are two messages "Twin": the database must name them differently',
      },
    ]);
  });

  test("warns of a distance without a unit", () => {
    expect(compile({ "Vehicle.Powertrain.Range": { from: "Dash.Gear" } })).toMatchObject({
      warnings: [
        {
          path: "Vehicle.Powertrain.Range",
          message: "Dash.Gear has no unit: read as metres; if it counts kilometres, add unit: km",
        },
      ],
    });
  });

  test("says whether the ignition is mapped", () => {
    expect(mapsIgnition({ "Vehicle.LowVoltageSystemState": { from: "Dash.Key" } })).toBe(true);
    expect(mapsIgnition({ "Vehicle.Speed": { from: "Dash.Speed" } })).toBe(false);
  });

  test("leaves out what the map or the frame does not say", () => {
    const gear = { "Vehicle.Powertrain.Transmission.SelectedGear": { from: "Dash.Gear", map: { P: 126 } } };
    expect(read(gear, [0, 2, 0, 0])).toEqual({});
    expect(read({ "Vehicle.LowVoltageSystemState": { from: "Dash.Key" } }, [0])).toEqual({});
  });

  const GEAR = "Vehicle.Powertrain.Transmission.SelectedGear";
  const FUEL = "Vehicle.Powertrain.FuelSystem.RelativeLevel";
  test.each([
    ["a value that the map does not name", { [GEAR]: { from: "Dash.Gear", map: { P: 126 } } }, [0, 7], GEAR],
    ["a number out of range", { [FUEL]: { from: "Dash.Fuel" } }, [0, 0, 0, 0, 0, 0, 255], FUEL],
    ["a frame that is too short", { [FUEL]: { from: "Dash.Fuel" } }, [0], FUEL],
  ] as const)("says that a signal is unknown: %s", (_, signals, data, path) => {
    expect(readAll(signals, data)).toEqual([[path, undefined]]);
  });

  describe("a code that the database labels as no value", () => {
    const labelled = (line: string, labels: string) =>
      parseDbc(`VERSION ""\nBO_ 5 M: 8 A\n SG_ S : ${line} A\nVAL_ 5 S ${labels} ;\n`, "m.dbc");
    const valueOf = (path: string, dbc: ReturnType<typeof labelled>, ...data: number[]) => {
      const mapping = compileMapping({ [path]: { from: "M.S" } }, dbc);
      if (!("read" in mapping)) throw new Error(JSON.stringify(mapping));
      const frame = { t: 0, bus: "", id: 5, extended: false, data: Uint8Array.of(...data) };
      return mapping.read(frame)![0]![1];
    };
    const HAZARD = "Vehicle.Body.Lights.Hazard.IsSignaling";

    test("is no number, although it is in range", () => {
      const speed = labelled('0|16@1+ (0.01,0) [0|655.35] "km/h"', '65534 "Init" 65535 "SNA" 0 "stopped"');
      expect(valueOf("Vehicle.Speed", speed, 0xff, 0xff)).toBeUndefined();
      expect(valueOf("Vehicle.Speed", speed, 0xfe, 0xff)).toBeUndefined();
      expect(valueOf("Vehicle.Speed", speed, 0xfd, 0xff)).toBe(655.33);
      expect(valueOf("Vehicle.Speed", speed, 0, 0)).toBe(0);
    });

    test("is no flag; a wide flag has only the values that are 0, 1 or labelled with a yes", () => {
      const hazard = labelled('0|3@1+ (1,0) [0|7] ""', '0 "off" 1 "left and right" 2 "on" 3 "open" 7 "SNA"');
      const values = [0, 1, 2, 3, 4, 7].map((raw) => valueOf(HAZARD, hazard, raw));
      expect(values).toEqual([false, true, true, undefined, undefined, undefined]);
    });

    test("is no flag of one bit either, whose other labels mean its two states", () => {
      const states = labelled('0|1@1+ (1,0) [0|1] ""', '0 "nicht_betaetigt" 1 "betaetigt"');
      expect([0, 1].map((raw) => valueOf(HAZARD, states, raw))).toEqual([false, true]);
      const init = labelled('0|1@1+ (1,0) [0|1] ""', '0 "init" 1 "ready"');
      expect([0, 1].map((raw) => valueOf(HAZARD, init, raw))).toEqual([undefined, true]);
    });

    test("is no text", () => {
      const key = labelled('0|2@1+ (1,0) [0|3] ""', '0 "off" 1 "on" 2 "not_available" 3 "UNKNOWN"');
      const values = [0, 1, 2, 3].map((raw) => valueOf("Vehicle.LowVoltageSystemState", key, raw));
      expect(values).toEqual(["OFF", "ON", undefined, undefined]);
    });

    test("must be told apart by a map for an airbag, whose second frame opens an emergency", () => {
      const airbag = labelled('0|2@1+ (1,0) [0|3] ""', '0 "intact" 1 "fired" 3 "SNA"');
      const path = "Vehicle.Police.Airbag.IsDeployed";
      expect(compileMapping({ [path]: { from: "M.S" } }, airbag)).toEqual([
        {
          path,
          message: `map: ${path} opens an emergency, and M.S has 2 bits: state what each value means, such as map: { "0": false, "1": true }; a value that is not mapped is unknown`,
        },
      ]);
      expect(
        compileMapping({ [path]: { from: "M.S", map: { "0": false, "1": true } } }, airbag),
      ).toMatchObject({ warnings: [] });
      expect(compileMapping({ [HAZARD]: { from: "M.S" } }, airbag)).toMatchObject({
        warnings: [{ path: HAZARD, message: expect.stringMatching(/^M\.S has 2 bits: state what/) }],
      });
    });

    test("of which the database's range leaves 0 and 1 needs no map", () => {
      const airbag = labelled('0|2@1+ (1,0) [0|1] ""', '0 "intact" 1 "fired"');
      const path = "Vehicle.Police.Airbag.IsDeployed";
      expect([0, 1, 2, 3].map((raw) => valueOf(path, airbag, raw))).toEqual([
        false,
        true,
        undefined,
        undefined,
      ]);
    });
  });

  test("says nothing of a multiplexed signal that the frame does not carry", () => {
    const paged = {
      "Vehicle.Speed": { from: "Paged.Fast", staleS: 1 },
      "Vehicle.TraveledDistance": { from: "Paged.Odo", staleS: 1 },
    };
    expect(readAll(paged, [1, 0xe8, 3], 8)).toEqual([["Vehicle.Speed", 10]]);
    expect(readAll(paged, [2, 7, 0], 8)).toEqual([["Vehicle.TraveledDistance", 7_000]]);
    expect(readAll(paged, [3, 7, 0], 8)).toEqual([]);
    expect(readAll(paged, [], 8)).toEqual([]);
    expect(readAll(paged, [1, 0xff, 0xff], 8)).toEqual([["Vehicle.Speed", undefined]]);
  });

  test("asks the bus only for what is mapped, and knows from the cycle when a signal is stale", () => {
    const mapping = compile({ "Vehicle.Speed": { from: "Dash.Speed" } });
    expect(mapping).toMatchObject({
      filters: [{ id: 5, extended: false, group: false }],
      signals: [{ path: "Vehicle.Speed", staleMs: 1_500, minIntervalMs: 1_000, deadband: 2 }],
    });
  });

  test("no signal is stale within a second, however short its cycle", () => {
    const dbc = parseDbc(
      `VERSION ""\nBO_ 5 M: 8 A\n SG_ S : 0|8@1+ (1,0) [0|0] "km/h" A\nBA_ "GenMsgCycleTime" BO_ 5 10;\n`,
      "m.dbc",
    );
    const signals = (staleS?: number) =>
      compileMapping({ "Vehicle.Speed": { from: "M.S", ...(staleS === undefined ? {} : { staleS }) } }, dbc);
    expect(signals()).toMatchObject({ signals: [{ staleMs: 1_000 }] });
    expect(signals(0.2)).toMatchObject({ signals: [{ staleMs: 200 }] });
  });

  test("a multiplexed signal has no time limit of its own, and a warning says so", () => {
    const odometer = { "Vehicle.TraveledDistance": { from: "Paged.Odo" } };
    expect(compile(odometer)).toMatchObject({
      signals: [{ path: "Vehicle.TraveledDistance", staleMs: undefined }],
      warnings: [
        {
          path: "Vehicle.TraveledDistance",
          message:
            "Paged.Odo is multiplexed: the database does not say how often it is sent, so it is never stale while the bus is awake; state the longest time without it, such as staleS: 10",
        },
      ],
    });
    expect(compile({ "Vehicle.TraveledDistance": { from: "Paged.Odo", staleS: 10 } })).toMatchObject({
      signals: [{ staleMs: 10_000 }],
      warnings: [],
    });
  });

  test("tells every fault, with what was probably meant", () => {
    expect(
      compile({
        "Vehicle.Sped": { from: "Dash.Speed" },
        "Vehicle.Speed": { from: "Dsh.Speed" },
        "Vehicle.IsMoving": { from: "Dash.Beltt" },
        "Vehicle.Body.Horn.IsActive": { from: "Dash" },
        "Vehicle.Body.Lights.Brake.IsActive": { from: "Dash.Belt" },
      }),
    ).toEqual([
      {
        path: "Vehicle.Sped",
        message: 'there is no VSS signal "Vehicle.Sped"; did you mean "Vehicle.Speed"?',
      },
      { path: "Vehicle.Speed", message: 'there is no message "Dsh"; did you mean "Dash"?' },
      {
        path: "Vehicle.IsMoving",
        message: 'there is no signal in Dash "Beltt"; did you mean "Belt"?',
      },
      {
        path: "Vehicle.Body.Horn.IsActive",
        message: 'from: expected MESSAGE.SIGNAL, found "Dash"',
      },
      {
        path: "Vehicle.Body.Lights.Brake.IsActive",
        message:
          "map: Vehicle.Body.Lights.Brake.IsActive is a text, and Dash.Belt has no value table: map each of its values",
      },
    ]);
  });

  test("the catalogue names each path once", () => {
    expect(new Set(VSS.map(({ path }) => path)).size).toBe(VSS.length);
  });
});

test("a number that overflows is absent", () => {
  const dbc = `VERSION ""
BO_ 5 M: 8 A
 SG_ S : 0|64@1- (1,0) [0|0] "mph" A
SIG_VALTYPE_ 5 S : 2;
`;
  const mapping = compileMapping({ "Vehicle.Speed": { from: "M.S" } }, parseDbc(dbc, "m.dbc"));
  if (!("read" in mapping)) throw new Error(JSON.stringify(mapping));
  const data = Buffer.alloc(8);
  data.writeDoubleLE(1.7e308);
  expect(mapping.read({ t: 0, bus: "", id: 5, extended: false, data })).toEqual([
    ["Vehicle.Speed", undefined],
  ]);
});
