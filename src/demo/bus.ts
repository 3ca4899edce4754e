import type { Moment } from "./drive.ts";

/**
 * The demo's car on its bus: what its control units would send while it is driven, as `patrol-car.dbc` describes it.
 * A model of our own, not a recording of a car. Pure: each tenth of a second follows from the moment of the drive.
 */

/** Tenths of a second between two frames of a message, by its id. */
const CYCLES = { DRIVE: 1, BODY: 2, IGNITION: 5, POLICE: 2, CLUSTER: 10 } as const;
const IDS = { DRIVE: 0x110, BODY: 0x220, IGNITION: 0x300, POLICE: 0x330, CLUSTER: 0x440 } as const;
type Message = keyof typeof IDS;

const KEY_ON = 3;
const IDLE_RPM = 820;
/** Speeds at which the gearbox shifts up, km/h, and revolutions a minute for each km/h in that gear. */
const GEARS: readonly (readonly [upTo: number, rpmPerKmh: number])[] = [
  [16, 115],
  [34, 66],
  [52, 45],
  [72, 33],
  [Infinity, 26],
];
const FULL_PEDAL_KMH_S = 9;
/** The odometer at the start of the demo, metres, and what the tank loses over a drive, percent each metre. */
const ODOMETER_M = 48_213_000;
const FUEL_PERCENT = 71;
const FUEL_PERCENT_M = 0.000_15;
/** Driven metres after which the engine is warm, and its temperatures, °C. */
const WARM_M = 3_000;
const COLD_C = 42;
const HOT_C = 90;
/** The crew leaves the car if it stands for longer than this, and is back this long before it goes on. */
const OUT_S = 4;

/** What the crew does at a moment. */
const crewOf = ({ kmh, parkedS, leg }: Moment) => ({
  doors: kmh === 0 && parkedS > OUT_S && parkedS <= OUT_S + 4,
  belted: !(kmh === 0 && parkedS > OUT_S),
  parked: kmh === 0 && parkedS > 0,
  call: leg.call === true && kmh > 0,
});

const gearOf = (kmh: number): number => (kmh < 1 ? 0 : GEARS.findIndex(([upTo]) => kmh <= upTo) + 1);

const rpmOf = (kmh: number): number => Math.max(IDLE_RPM, kmh * (GEARS[gearOf(kmh) - 1]?.[1] ?? 0));

/** Half percent: a pedal's unit. */
const pedal = (kmhPerS: number): number =>
  Math.round(Math.min(1, Math.max(0, kmhPerS / FULL_PEDAL_KMH_S)) * 200);

const bits = (...flags: readonly boolean[]): number =>
  flags.reduce((sum, flag, n) => sum + (flag ? 1 << n : 0), 0);

const MESSAGES: Readonly<Record<Message, (moment: Moment, kmh: number) => Buffer>> = {
  DRIVE: ({ gainedKmh }, kmh) => {
    const data = Buffer.alloc(8);
    data.writeUInt16LE(Math.round(kmh * 100), 0);
    data.writeUInt16LE(Math.round(rpmOf(kmh) * 4), 2);
    data[4] = pedal(gainedKmh + (kmh > 0 ? 1 : 0));
    data[5] = pedal(-gainedKmh);
    data[6] = gearOf(kmh);
    return data;
  },
  BODY: (moment) => {
    const { doors, belted, parked } = crewOf(moment);
    return Buffer.from([bits(doors, doors, false, false, false), bits(belted, belted, parked), 1, 0]);
  },
  IGNITION: () => Buffer.from([KEY_ON]),
  POLICE: (moment) => {
    const { call } = crewOf(moment);
    return Buffer.from([bits(call, call, false, false)]);
  },
  CLUSTER: ({ drivenM }) => {
    const data = Buffer.alloc(8);
    data.writeUInt32LE(Math.round(ODOMETER_M + drivenM), 0);
    data[4] = Math.round((FUEL_PERCENT - ((drivenM * FUEL_PERCENT_M) % FUEL_PERCENT)) * 2);
    data[5] = Math.round(COLD_C + (HOT_C - COLD_C) * Math.min(1, drivenM / WARM_M)) + 40;
    data.writeUInt16LE(1_412, 6);
    return data;
  },
};

/**
 * The frames of one tenth of a second, as lines of `candump -L`. `tenth`: 0 to 9 within the moment's second. The
 * speed follows the drive from second to second. `atMs`: when they are on the bus, UTC milliseconds.
 */
export const busLines = (moment: Moment, tenth: number, bus: string, atMs: number): string[] => {
  const kmh = Math.max(0, moment.kmh - moment.gainedKmh * (1 - (tenth + 1) / 10));
  const stamp = `(${(atMs / 1_000).toFixed(6)}) ${bus}`;
  return (Object.keys(IDS) as Message[])
    .filter((message) => tenth % CYCLES[message] === 0)
    .map((message) => {
      const data = MESSAGES[message](moment, kmh).toString("hex").toUpperCase();
      return `${stamp} ${IDS[message].toString(16).toUpperCase().padStart(3, "0")}#${data}`;
    });
};

/** The mapping of the car's signals, as a `can` block has it. */
export const BUS_SIGNALS = `
    Vehicle.Speed: { from: DRIVE.Speed }
    Vehicle.Powertrain.CombustionEngine.Speed: { from: DRIVE.EngineSpeed }
    Vehicle.Chassis.Accelerator.PedalPosition: { from: DRIVE.AcceleratorPedal }
    Vehicle.Chassis.Brake.PedalPosition: { from: DRIVE.BrakePedal }
    Vehicle.Powertrain.Transmission.CurrentGear: { from: DRIVE.Gear }
    Vehicle.Cabin.Door.Row1.DriverSide.IsOpen: { from: BODY.DoorDriver }
    Vehicle.Cabin.Door.Row1.PassengerSide.IsOpen: { from: BODY.DoorPassenger }
    Vehicle.Cabin.Door.Row2.DriverSide.IsOpen: { from: BODY.DoorRearLeft }
    Vehicle.Cabin.Door.Row2.PassengerSide.IsOpen: { from: BODY.DoorRearRight }
    Vehicle.Body.Trunk.Rear.IsOpen: { from: BODY.Boot }
    Vehicle.Cabin.Seat.Row1.DriverSide.IsBelted: { from: BODY.BeltDriver }
    Vehicle.Cabin.Seat.Row1.PassengerSide.IsBelted: { from: BODY.BeltPassenger }
    Vehicle.Chassis.ParkingBrake.IsEngaged: { from: BODY.Handbrake }
    Vehicle.Body.Lights.Beam.Low.IsOn: { from: BODY.LowBeam }
    Vehicle.LowVoltageSystemState: { from: IGNITION.Key, map: { LOCK: LOCK, OFF: "OFF", ACC: ACC, "ON": "ON", START: START } }
    Vehicle.Police.Siren.IsActive: { from: POLICE.Siren }
    Vehicle.Police.BlueLights.IsActive: { from: POLICE.BlueLights }
    Vehicle.Police.WeaponRack.IsOpen: { from: POLICE.WeaponRack }
    Vehicle.Police.Spotlight.IsOn: { from: POLICE.Spotlight }
    Vehicle.TraveledDistance: { from: CLUSTER.Odometer }
    Vehicle.Powertrain.FuelSystem.RelativeLevel: { from: CLUSTER.Fuel }
    Vehicle.Powertrain.CombustionEngine.EngineCoolant.Temperature: { from: CLUSTER.Coolant }
    Vehicle.LowVoltageBattery.CurrentVoltage: { from: CLUSTER.Supply }`;
