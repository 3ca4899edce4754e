/**
 * The signals of the COVESA Vehicle Signal Specification that a patrol car could have, and the overlay
 * `Vehicle.Police.*` for signals that are not in VSS. A path that is not in this list is a spelling
 * error. Source: VSS 6.0, https://covesa.global/vehicle-signal-specification; test/recordings/vss.test.ts
 * compares it with the published tree.
 */

/** The version of VSS that paths, units and values follow; `boot` events carry it. */
export const VSS_VERSION = "6.0";

/** VSS's names of the data types that the signals below use. */
type VssDatatype = "boolean" | "string" | "float" | keyof typeof INTEGERS;

/** The least and the greatest value of the integer types. */
const INTEGERS = {
  uint8: [0, 255],
  int8: [-128, 127],
  uint16: [0, 65_535],
  int16: [-32_768, 32_767],
  uint32: [0, 4_294_967_295],
} as const;

export type VssSignal = {
  readonly path: string;
  readonly type: "number" | "boolean" | "string";
  readonly datatype: VssDatatype;
  /** As VSS spells it; absent for numbers without a unit. */
  readonly unit?: string;
  /** A smaller change of a number is not reported. */
  readonly deadband?: number;
  readonly meaning: string;
  /** The only texts that VSS allows. */
  readonly values?: readonly string[];
  /** The limits of a number: those of VSS, else those of its data type. */
  readonly range?: readonly [minimum: number, maximum: number];
};

const numeric =
  (datatype: Exclude<VssDatatype, "boolean" | "string">, range?: readonly [number, number]) =>
  (path: string, unit: string, deadband: number, meaning: string): VssSignal => {
    const limits = range ?? (datatype === "float" ? undefined : INTEGERS[datatype]);
    return {
      path: `Vehicle.${path}`,
      type: "number",
      datatype,
      deadband,
      meaning,
      ...(unit === "" ? {} : { unit }),
      ...(limits === undefined ? {} : { range: limits }),
    };
  };
const float = numeric("float");
const floatPercent = numeric("float", [0, 100]);
const percent = numeric("uint8", [0, 100]);
const int8 = numeric("int8");
const uint16 = numeric("uint16");
const int16 = numeric("int16");
const uint32 = numeric("uint32");

const boolean = (path: string, meaning: string): VssSignal => ({
  path: `Vehicle.${path}`,
  type: "boolean",
  datatype: "boolean",
  meaning,
});
const string = (path: string, values: readonly string[], meaning: string): VssSignal => ({
  path: `Vehicle.${path}`,
  type: "string",
  datatype: "string",
  meaning,
  values,
});

/** Values that mean unknown in VSS. A report leaves an unknown signal out. */
export const UNKNOWN_TEXTS: readonly string[] = ["UNDEFINED", "UNKNOWN"];

/** The path of the ignition's state. */
export const IGNITION = "Vehicle.LowVoltageSystemState";

/** Whether a signal map (by VSS path) has the ignition. Without it the computer is never switched off. */
export const mapsIgnition = (signals: Readonly<Record<string, unknown>>): boolean =>
  Object.hasOwn(signals, IGNITION);

/** Whether a path is an airbag, which opens an emergency when it fires. */
export const isAirbag = (path: string): boolean => path.endsWith(".Airbag.IsDeployed");

const SIDES = ["DriverSide", "PassengerSide"] as const;
const ROWS = [1, 2] as const;
const WHEELS = ["Row1.Wheel.Left", "Row1.Wheel.Right", "Row2.Wheel.Left", "Row2.Wheel.Right"] as const;

export const VSS: readonly VssSignal[] = [
  float("Speed", "km/h", 2, "speed of the vehicle"),
  uint32("TraveledDistance", "m", 1_000, "odometer"),
  string("LowVoltageSystemState", ["UNDEFINED", "LOCK", "OFF", "ACC", "ON", "START"], "the ignition"),
  boolean("IsMoving", "whether it moves"),
  float("Acceleration.Longitudinal", "m/s^2", 0.5, "forward acceleration"),
  float("Acceleration.Lateral", "m/s^2", 0.5, "acceleration to the left"),
  float("AngularVelocity.Yaw", "degrees/s", 5, "turning rate"),
  float("Exterior.AirTemperature", "Celsius", 1, "air outside"),
  float("Powertrain.CombustionEngine.Speed", "rpm", 200, "engine speed"),
  boolean("Powertrain.CombustionEngine.IsRunning", "whether the engine runs"),
  float("Powertrain.CombustionEngine.EngineCoolant.Temperature", "Celsius", 2, "coolant"),
  float("Powertrain.CombustionEngine.EngineOil.Temperature", "Celsius", 2, "engine oil"),
  percent("Powertrain.FuelSystem.RelativeLevel", "percent", 2, "fuel in the tank"),
  float("Powertrain.FuelSystem.AbsoluteLevel", "l", 1, "fuel in the tank"),
  floatPercent(
    "Powertrain.TractionBattery.StateOfCharge.Current",
    "percent",
    1,
    "charge of the drive's battery",
  ),
  boolean("Powertrain.TractionBattery.Charging.IsCharging", "whether it is being charged"),
  uint32("Powertrain.Range", "m", 5_000, "distance it can still go"),
  int8("Powertrain.Transmission.CurrentGear", "", 1, "0 neutral, 1 and up forward, -1 reverse"),
  int8("Powertrain.Transmission.SelectedGear", "", 1, "0 neutral, 126 park, 127 drive, -1 reverse"),
  float("LowVoltageBattery.CurrentVoltage", "V", 0.3, "supply of the car"),
  boolean("Chassis.ParkingBrake.IsEngaged", "handbrake"),
  percent("Chassis.Brake.PedalPosition", "percent", 10, "brake pedal"),
  percent("Chassis.Accelerator.PedalPosition", "percent", 10, "accelerator pedal"),
  int16("Chassis.SteeringWheel.Angle", "degrees", 20, "steering wheel, positive to the left"),
  ...WHEELS.map((wheel) => float(`Chassis.Axle.${wheel}.Speed`, "km/h", 2, "speed of one wheel")),
  ...WHEELS.map((wheel) => uint16(`Chassis.Axle.${wheel}.Tire.Pressure`, "kPa", 10, "pressure of one tyre")),
  boolean("Body.Lights.Hazard.IsSignaling", "hazard lights"),
  boolean("Body.Lights.Beam.Low.IsOn", "low beam"),
  boolean("Body.Lights.Beam.High.IsOn", "high beam"),
  boolean("Body.Lights.DirectionIndicator.Left.IsSignaling", "left indicator"),
  boolean("Body.Lights.DirectionIndicator.Right.IsSignaling", "right indicator"),
  string("Body.Lights.Brake.IsActive", ["INACTIVE", "ACTIVE", "ADAPTIVE"], "brake lights"),
  boolean("Body.Trunk.Rear.IsOpen", "boot"),
  boolean("Body.Trunk.Rear.IsLocked", "boot"),
  boolean("Body.Hood.IsOpen", "bonnet"),
  boolean("Body.Horn.IsActive", "horn"),
  boolean("ADAS.ABS.IsEngaged", "anti-lock brakes at work"),
  boolean("ADAS.ESC.IsEngaged", "stability control at work"),
  boolean("ADAS.TCS.IsEngaged", "traction control at work"),
  ...ROWS.flatMap((row) =>
    SIDES.flatMap((side) => [
      boolean(`Cabin.Door.Row${row}.${side}.IsOpen`, "a door"),
      boolean(`Cabin.Door.Row${row}.${side}.IsLocked`, "a door"),
      boolean(`Cabin.Seat.Row${row}.${side}.IsBelted`, "a seat belt"),
      string(
        `Cabin.Seat.Row${row}.${side}.OccupancyStatus`,
        ["UNKNOWN", "OCCUPIED", "EMPTY"],
        "whether somebody sits there",
      ),
      boolean(`Cabin.Seat.Row${row}.${side}.Airbag.IsDeployed`, "an airbag has fired"),
    ]),
  ),
  boolean("Police.Siren.IsActive", "siren"),
  boolean("Police.BlueLights.IsActive", "blue lights"),
  boolean("Police.Airbag.IsDeployed", "any airbag has fired"),
  boolean("Police.WeaponRack.IsOpen", "weapon rack"),
  boolean("Police.Spotlight.IsOn", "search light"),
];
