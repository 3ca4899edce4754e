/** Converts the units of CAN databases, whose spelling follows no standard, to those of VSS. */

/** value in VSS's unit = value × factor + offset. */
type Conversion = { readonly factor: number; readonly offset: number };
const by = (factor: number, offset = 0): Conversion => ({ factor, offset });

const SAME: Readonly<Record<string, readonly string[]>> = {
  "km/h": ["km/h", "kmh", "kph", "kmph", "km/hour", "unit_kilometerperhour"],
  m: ["m", "meter", "metre"],
  "m/s^2": ["m/s^2", "m/s2", "m/s²", "m/s/s"],
  "degrees/s": ["degrees/s", "deg/s", "°/s", "deg/sec"],
  Celsius: ["celsius", "°c", "degc", "deg c", "c", "unit_degrecelsi"],
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
  m: {
    km: by(1_000),
    kilometer: by(1_000),
    kilometre: by(1_000),
    unit_kilometer: by(1_000),
    mi: by(1_609.344),
    mile: by(1_609.344),
    miles: by(1_609.344),
    ft: by(0.3048),
  },
  "m/s^2": { g: by(9.80665) },
  "degrees/s": { "rad/s": by(180 / Math.PI) },
  Celsius: { "°f": by(5 / 9, -160 / 9), degf: by(5 / 9, -160 / 9), k: by(1, -273.15) },
  V: { mv: by(0.001) },
  degrees: { rad: by(180 / Math.PI) },
  kPa: { bar: by(100), psi: by(6.894757), mbar: by(0.1), hpa: by(0.1), pa: by(0.001) },
  l: { ml: by(0.001), gal: by(3.785412) },
};

/**
 * How to convert a value from `unit`, as a database spells it, to `vssUnit`, as VSS spells it. Undefined:
 * the unit is unknown or cannot be converted.
 */
export const conversionTo = (vssUnit: string, unit: string): Conversion | undefined => {
  const written = unit.trim().toLowerCase();
  if (vssUnit === "" || SAME[vssUnit]?.includes(written)) return by(1);
  const known = CONVERSIONS[vssUnit] ?? {};
  return Object.hasOwn(known, written) ? known[written] : undefined;
};
