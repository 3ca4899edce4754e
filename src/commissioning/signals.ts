import { isAirbag } from "../domain/vss.ts";

/** What a technician can do to change a signal of the vehicle. */

/** Nobody changes these in a workshop: they would need an accident, an emergency braking, or hours. */
const UNTRIABLE: readonly RegExp[] = [
  /^Vehicle\.ADAS\./,
  /\.Tire\.Pressure$/,
  /\.TraveledDistance$/,
  /\.(?:RelativeLevel|AbsoluteLevel|StateOfCharge\.Current|Powertrain\.Range)$/,
  /Temperature$/,
];

/** Whether a technician can change it: decided by its path, unless the configuration says `triable`. */
export const isTriable = (path: string): boolean =>
  !isAirbag(path) && !UNTRIABLE.some((pattern) => pattern.test(path));

/** What to do, by path; the first that fits. */
const HOW: readonly (readonly [RegExp, string])[] = [
  [/\.(?:Door|Trunk|Hood|WeaponRack)\b.*\.IsOpen$/, "open it, or close it"],
  [/\.IsLocked$/, "lock it, or unlock it"],
  [/\.IsBelted$/, "fasten the belt, or unfasten it"],
  [/\.OccupancyStatus$/, "sit down on it, or get up"],
  [/\.LowVoltageSystemState$/, "turn the ignition"],
  [/\.(?:Speed|IsMoving|Longitudinal|Lateral|Yaw)$/, "drive some metres"],
  [/\.CombustionEngine\./, "start the engine, or stop it"],
  [/\.PedalPosition$/, "press the pedal"],
  [/\.Lights\.Brake\./, "press the brake pedal"],
  [/\.SteeringWheel\./, "turn the steering wheel"],
  [/Gear$/, "change the gear"],
  [/\.ParkingBrake\./, "put the handbrake on, or release it"],
  [/\.IsCharging$/, "plug the charger in, or out"],
  [/\.CurrentVoltage$/, "start the engine, or switch on the lights"],
];

/** What a technician does to see the signal change. */
export const howToChange = (path: string): string =>
  HOW.find(([pattern]) => pattern.test(path))?.[1] ?? "switch it on, or off";
