import type { CanFilter, CanFrame, SignalValue } from "../../domain/can.ts";
import { suggest } from "../../domain/suggest.ts";
import { conversionTo, VSS, type VssSignal } from "../../domain/vss.ts";
import type { DbcDatabase, DbcSignal } from "../dbc/database.ts";
import { createMatcher, type CompiledMessage, type CompiledSignal } from "./message.ts";

/** What the configuration says of one path. */
export type SignalMapping = {
  /** `MESSAGE.SIGNAL` of the database. */
  readonly from: string;
  /** Value by label or raw value. */
  readonly map?: Readonly<Record<string, number | boolean | string>> | undefined;
  readonly deadband?: number | undefined;
  readonly minIntervalMs?: number | undefined;
  readonly staleS?: number | undefined;
  /** The signal's unit, where the database has another name for it or none. */
  readonly unit?: string | undefined;
};

type VssValue = number | boolean | string;

/** A path made ready, with the limits that its reports keep to. */
type MappedSignal = {
  readonly path: string;
  readonly deadband: number;
  readonly minIntervalMs: number;
  /** Not heard for this long, it is stale; undefined: it may come whenever it likes. */
  readonly staleMs: number | undefined;
};

export type CanMapping = {
  readonly signals: readonly MappedSignal[];
  /** The ids that are wanted from the bus. */
  readonly filters: readonly CanFilter[];
  /** What may be wrong with it, a line each: nobody can know but who knows the car. */
  readonly warnings: readonly MappingFault[];
  /** The mapped values of a frame, in VSS units; undefined where it has none. */
  read(frame: CanFrame): readonly (readonly [path: string, value: VssValue])[] | undefined;
};

export type MappingFault = { readonly path: string; readonly message: string };

const MIN_INTERVAL_MS = 1_000;
/** A signal is stale when its message has been missing three times. */
const MISSED_CYCLES = 3;
/** Decimals beyond these are noise of a factor. */
const PLACES = 1e6;

const convert = (
  { type }: VssSignal,
  value: SignalValue,
  { factor, offset }: { factor: number; offset: number },
): VssValue | undefined => {
  if (type === "boolean") return Number(value) !== 0;
  if (type === "number") return Math.round((Number(value) * factor + offset) * PLACES) / PLACES;
  return undefined;
};

const mapped = (compiled: CompiledSignal, mapping: SignalMapping, data: Uint8Array): VssValue | undefined => {
  const label = compiled.label(data);
  const raw = compiled.raw(data);
  return (label === undefined ? undefined : mapping.map?.[label]) ?? mapping.map?.[String(raw)];
};

/** A text as VSS spells it; one that VSS does not know stays as it is. */
const spelt = ({ values }: VssSignal, text: string): string =>
  values?.find((value) => value.toLowerCase() === text.toLowerCase()) ?? text;

/** Beyond the range that the database gives lie the codes for "error" and "not known": absence. */
const inRange = ({ minimum, maximum, factor }: DbcSignal, value: SignalValue): boolean => {
  const slack = Math.abs(factor) / 2;
  return minimum >= maximum || (Number(value) >= minimum - slack && Number(value) <= maximum + slack);
};

const unitOf = (mapping: SignalMapping, { unit }: DbcSignal): string => mapping.unit ?? unit;

const reader = (vss: VssSignal, mapping: SignalMapping, compiled: CompiledSignal) => {
  const { signal } = compiled;
  const conversion = conversionTo(vss.unit ?? "", unitOf(mapping, signal)) ?? { factor: 1, offset: 0 };
  return (data: Uint8Array): VssValue | undefined => {
    if (mapping.map) {
      const value = mapped(compiled, mapping, data);
      return typeof value === "string" ? spelt(vss, value) : value;
    }
    if (vss.type === "string") {
      const label = compiled.label(data);
      return label === undefined ? undefined : spelt(vss, label);
    }
    const value = compiled.physical(data);
    return value === undefined || !inRange(signal, value) ? undefined : convert(vss, value, conversion);
  };
};

/** What is wrong with a map for certain: a value of another type than the path's. */
const mapFault = (vss: VssSignal, { map = {} }: SignalMapping): string | undefined => {
  const wrong = Object.entries(map).find(([, value]) => typeof value !== vss.type);
  return wrong && `map: ${wrong[0]}: ${vss.path} is a ${vss.type}, found ${JSON.stringify(wrong[1])}`;
};

/** What looks wrong. */
const doubts = (vss: VssSignal, mapping: SignalMapping, signal: DbcSignal): string[] => {
  const labels = [...signal.labels.values()];
  const strange = Object.keys(mapping.map ?? {}).filter(
    (key) => !labels.includes(key) && !/^[+-]?\d+(\.\d+)?$/.test(key),
  );
  const said = mapping.map ? Object.values(mapping.map) : vss.type === "string" ? labels : [];
  const unknown = said.filter((text) => vss.values && !vss.values.includes(spelt(vss, String(text))));
  const unit = unitOf(mapping, signal);
  return [
    ...strange.map(
      (key) => `map: "${key}" is neither a label of ${mapping.from} nor a number: it never comes`,
    ),
    ...unknown.map((text) => `"${text}" is none of ${vss.values!.join(", ")}`),
    ...(vss.type === "number" && !mapping.map && unit !== "" && !conversionTo(vss.unit ?? "", unit)
      ? [`the unit "${unit}" of ${mapping.from} is not known: taken as ${vss.unit}; unit: says which it is`]
      : []),
  ];
};

const misspelt = (what: string, name: string, known: readonly string[]): string => {
  const meant = suggest(name, known);
  return `there is no ${what} "${name}"${meant === undefined ? "" : `; did you mean "${meant}"?`}`;
};

/** Compiles the signal map of a configuration; what is wrong with it comes back as faults. */
export const compileMapping = (
  signals: Readonly<Record<string, SignalMapping>>,
  database: DbcDatabase,
): CanMapping | readonly MappingFault[] => {
  const faults: MappingFault[] = [];
  const warnings: MappingFault[] = [];
  const readers = new Map<string, [path: string, read: (data: Uint8Array) => VssValue | undefined][]>();
  const limits: MappedSignal[] = [];
  const matcher = createMatcher(database);
  const messageNames = database.messages.map(({ name }) => name);

  for (const [path, mapping] of Object.entries(signals)) {
    const fail = (message: string) => void faults.push({ path, message });
    const vss = VSS.find((signal) => signal.path === path);
    if (!vss) {
      fail(
        misspelt(
          "VSS signal",
          path,
          VSS.map((signal) => signal.path),
        ),
      );
      continue;
    }
    const dot = mapping.from.indexOf(".");
    const [messageName, signalName] = [mapping.from.slice(0, dot), mapping.from.slice(dot + 1)];
    const message = database.messages.find(({ name }) => name === messageName);
    if (dot < 1 || !message) {
      fail(
        dot < 1
          ? `from: expected MESSAGE.SIGNAL, found "${mapping.from}"`
          : misspelt("message", messageName, messageNames),
      );
      continue;
    }
    const found: CompiledMessage | undefined = matcher({
      t: 0,
      bus: "",
      data: new Uint8Array(0),
      ...message,
    });
    const compiled = found?.signals.find(({ signal }) => signal.name === signalName);
    if (!compiled) {
      fail(
        misspelt(
          `signal in ${messageName}`,
          signalName,
          message.signals.map(({ name }) => name),
        ),
      );
      continue;
    }
    if (vss.type === "string" && !mapping.map && compiled.signal.labels.size === 0) {
      fail(`map: ${path} is a text, and ${mapping.from} has no value table: say which value means what`);
      continue;
    }
    const wrong = mapFault(vss, mapping);
    if (wrong !== undefined) {
      fail(wrong);
      continue;
    }
    for (const doubt of doubts(vss, mapping, compiled.signal)) warnings.push({ path, message: doubt });
    const list = readers.get(message.name) ?? [];
    list.push([path, reader(vss, mapping, compiled)]);
    readers.set(message.name, list);
    const cycleMs = message.cycleMs === undefined ? undefined : message.cycleMs * MISSED_CYCLES;
    limits.push({
      path,
      deadband: mapping.deadband ?? vss.deadband ?? 0,
      minIntervalMs: mapping.minIntervalMs ?? (vss.type === "number" ? MIN_INTERVAL_MS : 0),
      staleMs: mapping.staleS === undefined ? cycleMs : mapping.staleS * 1_000,
    });
  }
  if (faults.length > 0) return faults;

  const wanted = database.messages.filter(({ name }) => readers.has(name));
  return {
    signals: limits,
    warnings,
    filters: wanted.map(({ id, extended, j1939 }) => ({ id, extended, group: j1939 })),
    read(frame) {
      const found = matcher(frame);
      const list = found && readers.get(found.message.name);
      return list?.flatMap(([path, read]) => {
        const value = read(frame.data);
        return value === undefined ? [] : [[path, value] as const];
      });
    },
  };
};
