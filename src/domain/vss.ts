/**
 * The signals of the COVESA Vehicle Signal Specification 6 that a patrol car could have, and the
 * overlay `Vehicle.Police.*` for what VSS lacks. A path that is not here is a misspelt one.
 */
export type VssSignal = {
  readonly path: string;
  readonly type: "number" | "boolean" | "string";
  /** As VSS writes it. */
  readonly unit?: string;
  /** A change of a number by less is not worth a report. */
  readonly deadband?: number;
  readonly meaning: string;
  /** The only texts that VSS knows here. */
  readonly values?: readonly string[];
};

const number = (path: string, unit: string, deadband: number, meaning: string): VssSignal => ({
  path: `Vehicle.${path}`,
  type: "number",
  unit,
  deadband,
  meaning,
});
const boolean = (path: string, meaning: string): VssSignal => ({
  path: `Vehicle.${path}`,
  type: "boolean",
  meaning,
});
const string = (path: string, values: readonly string[], meaning: string): VssSignal => ({
  path: `Vehicle.${path}`,
  type: "string",
  meaning,
  values,
});

const SIDES = ["DriverSide", "PassengerSide"] as const;
const ROWS = [1, 2] as const;
const WHEELS = ["Row1.Wheel.Left", "Row1.Wheel.Right", "Row2.Wheel.Left", "Row2.Wheel.Right"] as const;

export const VSS: readonly VssSignal[] = [
  number("Speed", "km/h", 2, "speed of the vehicle"),
  number("TraveledDistance", "km", 1, "odometer"),
  string("LowVoltageSystemState", ["LOCK", "OFF", "ACC", "ON", "START"], "the ignition"),
  boolean("IsMoving", "whether it moves"),
  number("Acceleration.Longitudinal", "m/s^2", 0.5, "forward acceleration"),
  number("Acceleration.Lateral", "m/s^2", 0.5, "acceleration to the left"),
  number("AngularVelocity.Yaw", "degrees/s", 5, "turning rate"),
  number("Exterior.AirTemperature", "celsius", 1, "air outside"),
  number("Powertrain.CombustionEngine.Speed", "rpm", 200, "engine speed"),
  boolean("Powertrain.CombustionEngine.IsRunning", "whether the engine runs"),
  number("Powertrain.CombustionEngine.EngineCoolant.Temperature", "celsius", 2, "coolant"),
  number("Powertrain.CombustionEngine.EngineOil.Temperature", "celsius", 2, "engine oil"),
  number("Powertrain.FuelSystem.RelativeLevel", "percent", 2, "fuel in the tank"),
  number("Powertrain.FuelSystem.AbsoluteLevel", "l", 1, "fuel in the tank"),
  number("Powertrain.TractionBattery.StateOfCharge.Current", "percent", 1, "charge of the drive's battery"),
  boolean("Powertrain.TractionBattery.Charging.IsCharging", "whether it is being charged"),
  number("Powertrain.Range", "m", 5_000, "distance it can still go"),
  number("Powertrain.Transmission.CurrentGear", "", 1, "0 neutral, 1 and up forward, -1 reverse"),
  number("Powertrain.Transmission.SelectedGear", "", 1, "0 neutral, 126 park, 127 drive, -1 reverse"),
  number("LowVoltageBattery.CurrentVoltage", "V", 0.3, "supply of the car"),
  boolean("Chassis.ParkingBrake.IsEngaged", "handbrake"),
  number("Chassis.Brake.PedalPosition", "percent", 10, "brake pedal"),
  number("Chassis.Accelerator.PedalPosition", "percent", 10, "accelerator pedal"),
  number("Chassis.SteeringWheel.Angle", "degrees", 20, "steering wheel, positive to the left"),
  ...WHEELS.map((wheel) => number(`Chassis.Axle.${wheel}.Speed`, "km/h", 2, "speed of one wheel")),
  ...WHEELS.map((wheel) => number(`Chassis.Axle.${wheel}.Tire.Pressure`, "kPa", 10, "pressure of one tyre")),
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
      boolean(`Cabin.Seat.Row${row}.${side}.IsOccupied`, "somebody sits there"),
      boolean(`Cabin.Seat.Row${row}.${side}.Airbag.IsDeployed`, "an airbag has fired"),
    ]),
  ),
  boolean("Police.Siren.IsActive", "siren"),
  boolean("Police.BlueLights.IsActive", "blue lights"),
  boolean("Police.Airbag.IsDeployed", "any airbag has fired"),
  boolean("Police.WeaponRack.IsOpen", "weapon rack"),
  boolean("Police.Spotlight.IsOn", "search light"),
];

/** Factor and offset from a unit as databases write it to a unit of VSS. */
type Conversion = { readonly factor: number; readonly offset: number };
const by = (factor: number, offset = 0): Conversion => ({ factor, offset });

const SAME: Readonly<Record<string, readonly string[]>> = {
  "km/h": ["km/h", "kmh", "kph", "kmph", "km/hour", "unit_kilometerperhour"],
  km: ["km", "unit_kilometer"],
  m: ["m", "meter", "metre"],
  "m/s^2": ["m/s^2", "m/s2", "m/s²", "m/s/s"],
  "degrees/s": ["degrees/s", "deg/s", "°/s", "deg/sec"],
  celsius: ["celsius", "°c", "degc", "deg c", "c", "unit_degrecelsi"],
  rpm: ["rpm", "1/min", "u/min", "/min", "min-1", "r/min", "rev/min", "unit_minutinver"],
  percent: ["percent", "%", "unit_percent"],
  l: ["l", "liter", "litre", "unit_liter"],
  V: ["v", "volt", "volts", "unit_volt"],
  degrees: ["degrees", "deg", "°", "degree"],
  kPa: ["kpa"],
};
const CONVERSIONS: Readonly<Record<string, Readonly<Record<string, Conversion>>>> = {
  "km/h": {
    mph: by(1.609344),
    "mi/h": by(1.609344),
    "m/s": by(3.6),
    kn: by(1.852),
    knot: by(1.852),
    knots: by(1.852),
  },
  km: { m: by(0.001), mi: by(1.609344), miles: by(1.609344) },
  m: { km: by(1_000) },
  "m/s^2": { g: by(9.80665) },
  "degrees/s": { "rad/s": by(180 / Math.PI) },
  celsius: { "°f": by(5 / 9, -160 / 9), degf: by(5 / 9, -160 / 9), k: by(1, -273.15) },
  V: { mv: by(0.001) },
  degrees: { rad: by(180 / Math.PI) },
  kPa: { bar: by(100), psi: by(6.894757), mbar: by(0.1), hpa: by(0.1), pa: by(0.001) },
  l: { ml: by(0.001), gal: by(3.785412) },
};

/** How to come from a database's unit to that of VSS; undefined where nothing is known of it. */
export const conversionTo = (vssUnit: string, unit: string): Conversion | undefined => {
  const written = unit.trim().toLowerCase();
  if (vssUnit === "" || SAME[vssUnit]?.includes(written)) return by(1);
  return CONVERSIONS[vssUnit]?.[written];
};
