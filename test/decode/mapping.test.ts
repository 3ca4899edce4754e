import { describe, expect, test } from "vitest";
import { compileMapping, type SignalMapping } from "../../src/decode/can/mapping.ts";
import { parseDbc } from "../../src/decode/dbc/parser.ts";
import { VSS } from "../../src/domain/vss.ts";

const database = parseDbc(
  `VERSION ""
BO_ 5 Dash: 8 A
 SG_ Speed : 0|8@1+ (1,0) [0|0] "mph" A
 SG_ Gear : 8|8@1+ (1,0) [0|0] "" A
 SG_ Belt : 16|1@1+ (1,0) [0|0] "" A
 SG_ Key : 24|2@1+ (1,0) [0|0] "" A
BA_DEF_ BO_ "GenMsgCycleTime" INT 0 65535;
BA_ "GenMsgCycleTime" BO_ 5 100;
VAL_ 5 Gear 0 "P" 1 "R" 2 "D" ;
VAL_ 5 Key 0 "LOCK" 1 "ACC" 2 "ON" ;
`,
  "car.dbc",
);
const compile = (signals: Record<string, SignalMapping>) => compileMapping(signals, database);
const read = (signals: Record<string, SignalMapping>, data: readonly number[]) => {
  const mapping = compile(signals);
  if (!("read" in mapping)) throw new Error(JSON.stringify(mapping));
  const frame = { t: 0, bus: "", id: 5, extended: false, data: Uint8Array.from(data) };
  return Object.fromEntries(mapping.read(frame) ?? []);
};

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

  test("leaves out what the map or the frame does not say", () => {
    const gear = { "Vehicle.Powertrain.Transmission.SelectedGear": { from: "Dash.Gear", map: { P: 126 } } };
    expect(read(gear, [0, 2, 0, 0])).toEqual({});
    expect(read({ "Vehicle.LowVoltageSystemState": { from: "Dash.Key" } }, [0])).toEqual({});
  });

  test("asks the bus only for what is mapped, and knows from the cycle when a signal is stale", () => {
    const mapping = compile({ "Vehicle.Speed": { from: "Dash.Speed" } });
    expect(mapping).toMatchObject({
      filters: [{ id: 5, extended: false, group: false }],
      signals: [{ path: "Vehicle.Speed", staleMs: 300, minIntervalMs: 1_000, deadband: 2 }],
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
          "map: Vehicle.Body.Lights.Brake.IsActive is a text, and Dash.Belt has no value table: say which value means what",
      },
    ]);
  });

  test("the catalogue names each path once", () => {
    expect(new Set(VSS.map(({ path }) => path)).size).toBe(VSS.length);
  });
});
