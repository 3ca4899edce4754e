import type { SignalValue } from "../../domain/can.ts";
import { conversionTo } from "../../domain/units.ts";
import { UNKNOWN_TEXTS, type VssSignal } from "../../domain/vss.ts";
import type { DbcSignal } from "../dbc/database.ts";
import { readingsOfFlag, readingsOfNumber, saysUnavailable } from "./labels.ts";
import { spelledAsVss, unitOf, type SignalMapping, type VssValue } from "./map-entry.ts";
import type { CompiledSignal } from "./message.ts";

/** Decimals beyond these are rounding noise of a factor. */
const PLACES = 1e6;

/** A text in VSS's spelling; undefined if it means unknown. */
const knownText = (vss: VssSignal, text: string): string | undefined => {
  const spelled = spelledAsVss(vss, text);
  return UNKNOWN_TEXTS.includes(spelled) ? undefined : spelled;
};

/** The text of a label, as `knownText`; undefined also if the label says that there is no value. */
const labelText = (vss: VssSignal, label: string): string | undefined => {
  const text = knownText(vss, label);
  return text === undefined || vss.values?.includes(text) || !saysUnavailable(label) ? text : undefined;
};

/** Values outside the database's range are not readings but codes, such as "error" or "not known". */
const inRange = ({ minimum, maximum, factor }: DbcSignal, value: SignalValue): boolean => {
  const slack = Math.abs(factor) / 2;
  return minimum >= maximum || (Number(value) >= minimum - slack && Number(value) <= maximum + slack);
};

/**
 * Converts a number to VSS's data type: integers are rounded; a number outside VSS's limits, and one
 * that is not finite, becomes undefined.
 */
const toVssNumber = ({ datatype, range }: VssSignal): ((value: number) => number | undefined) => {
  const rounded = datatype === "float" ? (value: number) => Math.round(value * PLACES) / PLACES : Math.round;
  const [minimum, maximum] = range ?? [-Infinity, Infinity];
  return (value) => {
    const result = rounded(value);
    // `+ 0` turns -0 into 0: VSS's integers have no -0.
    return Number.isFinite(result) && result >= minimum && result <= maximum ? result + 0 : undefined;
  };
};

/** The physical value of a frame, if it is in range and the raw value is a reading. */
const readingOf = (
  { signal, raw, physical }: CompiledSignal,
  isReading: ((raw: string) => boolean) | undefined,
): ((data: Uint8Array) => SignalValue | undefined) => {
  const inBounds = (data: Uint8Array): SignalValue | undefined => {
    const value = physical(data);
    return value !== undefined && inRange(signal, value) ? value : undefined;
  };
  if (isReading === undefined) return inBounds;
  return (data) => {
    const code = raw(data);
    return code !== undefined && isReading(code.toString()) ? inBounds(data) : undefined;
  };
};

const numberReader = (vss: VssSignal, mapping: SignalMapping, compiled: CompiledSignal) => {
  const { signal } = compiled;
  const { factor, offset } = conversionTo(vss.unit ?? "", unitOf(mapping, signal)) ?? {
    factor: 1,
    offset: 0,
  };
  const finish = toVssNumber(vss);
  const read = readingOf(compiled, readingsOfNumber(signal));
  return (data: Uint8Array): VssValue | undefined => {
    const value = read(data);
    return value === undefined ? undefined : finish(Number(value) * factor + offset);
  };
};

const mapReader = (
  vss: VssSignal,
  map: Readonly<Record<string, VssValue>>,
  { label, raw }: CompiledSignal,
) => {
  const values = new Map(Object.entries(map));
  return (data: Uint8Array): VssValue | undefined => {
    const text = label(data);
    const value = (text === undefined ? undefined : values.get(text)) ?? values.get(String(raw(data)));
    return typeof value === "string" ? knownText(vss, value) : value;
  };
};

/**
 * Reads one VSS value from the bytes of a frame: in VSS's unit, data type and spelling. Undefined: the
 * frame does not carry the signal, or the signal's value means unknown.
 */
export const compileValue = (
  vss: VssSignal,
  mapping: SignalMapping,
  compiled: CompiledSignal,
): ((data: Uint8Array) => VssValue | undefined) => {
  if (mapping.map) return mapReader(vss, mapping.map, compiled);
  if (vss.type === "number") return numberReader(vss, mapping, compiled);
  if (vss.type === "string")
    return (data) => {
      const label = compiled.label(data);
      return label === undefined ? undefined : labelText(vss, label);
    };
  const read = readingOf(compiled, readingsOfFlag(compiled.signal));
  return (data) => {
    const value = read(data);
    return value === undefined ? undefined : Number(value) !== 0;
  };
};
