import { isAirbag } from "../domain/vss.ts";
import { say, type Saying } from "./saying.ts";
import type { ListWords } from "./words/english.ts";

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
const HOW: readonly (readonly [RegExp, keyof ListWords["says"] & `how-${string}`])[] = [
  [/\.(?:Door|Trunk|Hood|WeaponRack)\b.*\.IsOpen$/, "how-open"],
  [/\.IsLocked$/, "how-lock"],
  [/\.IsBelted$/, "how-belt"],
  [/\.OccupancyStatus$/, "how-seat"],
  [/\.LowVoltageSystemState$/, "how-ignition"],
  [/\.(?:Speed|IsMoving|Longitudinal|Lateral|Yaw)$/, "how-drive"],
  [/\.CombustionEngine\./, "how-engine"],
  [/\.PedalPosition$/, "how-pedal"],
  [/\.Lights\.Brake\./, "how-brake"],
  [/\.SteeringWheel\./, "how-wheel"],
  [/Gear$/, "how-gear"],
  [/\.ParkingBrake\./, "how-handbrake"],
  [/\.IsCharging$/, "how-charger"],
  [/\.CurrentVoltage$/, "how-voltage"],
];

/** What a technician does to see the signal change. */
export const howToChange = (path: string): Saying =>
  say(HOW.find(([pattern]) => pattern.test(path))?.[1] ?? "how-switch");
