import type { CanFilter, CanFrame } from "../../domain/can.ts";
import { suggest } from "../../domain/suggest.ts";
import { conversionTo } from "../../domain/units.ts";
import { VSS, type VssSignal } from "../../domain/vss.ts";
import type { DbcDatabase, DbcSignal } from "../dbc/database.ts";
import { compileMessages, matcherOf, type CompiledMessage, type CompiledSignal } from "./message.ts";
import { compileValue, spelledAsVss, unitOf } from "./value.ts";

/** What the configuration says about one VSS path. */
export type SignalMapping = {
  /** `MESSAGE.SIGNAL` of the database. */
  readonly from: string;
  /** Value by label or raw value. */
  readonly map?: Readonly<Record<string, VssValue>> | undefined;
  readonly deadband?: number | undefined;
  readonly minIntervalMs?: number | undefined;
  readonly staleS?: number | undefined;
  /** The signal's unit, if the database names it differently or not at all. */
  readonly unit?: string | undefined;
};

export type VssValue = number | boolean | string;

/** When the value of a path is worth a report. */
type MappedSignal = {
  readonly path: string;
  readonly deadband: number;
  readonly minIntervalMs: number;
  /** Stale if not received for this long. Undefined: the signal has no cycle. */
  readonly staleMs: number | undefined;
};

export type CanMapping = {
  readonly signals: readonly MappedSignal[];
  /** The ids to receive from the bus. */
  readonly filters: readonly CanFilter[];
  /** What may be wrong; only someone who knows the car can say. */
  readonly warnings: readonly MappingFault[];
  /** The mapped values of a frame, in VSS units. Undefined: nothing in this frame is mapped. */
  read(frame: CanFrame): readonly (readonly [path: string, value: VssValue])[] | undefined;
};

export type MappingFault = { readonly path: string; readonly message: string };

const MIN_INTERVAL_MS = 1_000;
/** A signal is stale when its message has been missing three times. */
const MISSED_CYCLES = 3;

/** Paths that earlier versions of VSS had, and what VSS 6 has instead. */
const MOVED = [{ from: /\.IsOccupied$/, to: ".OccupancyStatus" }] as const;

const misspelt = (what: string, name: string, known: readonly string[]): string => {
  const moved = MOVED.map(({ from, to }) => name.replace(from, to)).find(
    (path) => path !== name && known.includes(path),
  );
  const meant = moved ?? suggest(name, known);
  return `there is no ${what} "${name}"${meant === undefined ? "" : `; did you mean "${meant}"?`}`;
};

type Found = {
  readonly vss: VssSignal;
  readonly message: CompiledMessage;
  readonly signal: CompiledSignal;
};

/** What a line of the map refers to, or what is wrong with the reference. */
const resolve = (
  path: string,
  { from }: SignalMapping,
  messages: readonly CompiledMessage[],
): Found | string => {
  const vss = VSS.find((signal) => signal.path === path);
  if (!vss)
    return misspelt(
      "VSS signal",
      path,
      VSS.map((signal) => signal.path),
    );
  const dot = from.indexOf(".");
  if (dot < 1) return `from: expected MESSAGE.SIGNAL, found "${from}"`;
  const [messageName, signalName] = [from.slice(0, dot), from.slice(dot + 1)];
  const [message, another] = messages.filter((one) => one.message.name === messageName);
  if (!message)
    return misspelt(
      "message",
      messageName,
      messages.map((one) => one.message.name),
    );
  if (another) return `there are two messages "${messageName}": the database must name them differently`;
  const signal = message.signals.find((one) => one.signal.name === signalName);
  return signal
    ? { vss, message, signal }
    : misspelt(
        `signal in ${messageName}`,
        signalName,
        message.signals.map((one) => one.signal.name),
      );
};

/** What is certainly wrong with how values are mapped. */
const mapFault = ({ vss, signal }: Found, { from, map }: SignalMapping): string | undefined => {
  if (vss.type === "string" && !map && signal.signal.labels.size === 0)
    return `map: ${vss.path} is a text, and ${from} has no value table: say which value means what`;
  const wrong = Object.entries(map ?? {}).find(([, value]) => typeof value !== vss.type);
  return wrong && `map: ${wrong[0]}: ${vss.path} is a ${vss.type}, found ${JSON.stringify(wrong[1])}`;
};

const unitDoubt = (vss: VssSignal, mapping: SignalMapping, signal: DbcSignal): string | undefined => {
  if (vss.type !== "number" || mapping.map) return undefined;
  const unit = unitOf(mapping, signal);
  if (unit === "") {
    // Cars count kilometres and VSS metres: without a unit a wrong guess would be wrong a thousandfold.
    return vss.unit === "m"
      ? `${mapping.from} has no unit: read as metres; unit: km says otherwise`
      : undefined;
  }
  return conversionTo(vss.unit ?? "", unit)
    ? undefined
    : `the unit "${unit}" of ${mapping.from} is not known: read as ${vss.unit}; unit: says which it is`;
};

/** What looks wrong. */
const doubts = (vss: VssSignal, mapping: SignalMapping, signal: DbcSignal): string[] => {
  const labels = [...signal.labels.values()];
  const strange = Object.keys(mapping.map ?? {}).filter(
    (key) => !labels.includes(key) && !/^[+-]?\d+(\.\d+)?$/.test(key),
  );
  const texts = mapping.map ? Object.values(mapping.map) : vss.type === "string" ? labels : [];
  const unknown = texts.filter((text) => vss.values && !vss.values.includes(spelledAsVss(vss, String(text))));
  const unit = unitDoubt(vss, mapping, signal);
  return [
    ...strange.map(
      (key) => `map: "${key}" is neither a label of ${mapping.from} nor a number: it never occurs`,
    ),
    ...unknown.map((text) => `"${text}" is none of ${vss.values!.join(", ")}`),
    ...(unit === undefined ? [] : [unit]),
  ];
};

const limitsOf = (mapping: SignalMapping, { vss, message }: Found): MappedSignal => {
  const { cycleMs } = message.message;
  const staleMs = cycleMs === undefined ? undefined : cycleMs * MISSED_CYCLES;
  return {
    path: vss.path,
    deadband: mapping.deadband ?? vss.deadband ?? 0,
    minIntervalMs: mapping.minIntervalMs ?? (vss.type === "number" ? MIN_INTERVAL_MS : 0),
    staleMs: mapping.staleS === undefined ? staleMs : mapping.staleS * 1_000,
  };
};

type Reader = { readonly path: string; readonly read: (data: Uint8Array) => VssValue | undefined };

const readWith = (
  readers: ReadonlyMap<CompiledMessage, readonly Reader[]>,
  messages: readonly CompiledMessage[],
): CanMapping["read"] => {
  const match = matcherOf(messages);
  return (frame) => {
    const message = match(frame);
    const list = message && readers.get(message);
    if (!list) return undefined;
    const values: [string, VssValue][] = [];
    for (const { path, read } of list) {
      const value = read(frame.data);
      if (value !== undefined) values.push([path, value]);
    }
    return values;
  };
};

/** Compiles the signal map of a configuration. Returns every fault if there is one. */
export const compileMapping = (
  signals: Readonly<Record<string, SignalMapping>>,
  database: DbcDatabase,
): CanMapping | readonly MappingFault[] => {
  const faults: MappingFault[] = [];
  const warnings: MappingFault[] = [];
  const limits: MappedSignal[] = [];
  const readers = new Map<CompiledMessage, Reader[]>();
  const messages = compileMessages(database);
  for (const [path, mapping] of Object.entries(signals)) {
    const found = resolve(path, mapping, messages);
    if (typeof found === "string") {
      faults.push({ path, message: found });
      continue;
    }
    const fault = mapFault(found, mapping);
    if (fault !== undefined) {
      faults.push({ path, message: fault });
      continue;
    }
    const { vss, message, signal } = found;
    warnings.push(...doubts(vss, mapping, signal.signal).map((doubt) => ({ path, message: doubt })));
    readers.set(message, [
      ...(readers.get(message) ?? []),
      { path, read: compileValue(vss, mapping, signal) },
    ]);
    limits.push(limitsOf(mapping, found));
  }
  if (faults.length > 0) return faults;
  return {
    signals: limits,
    warnings,
    filters: messages
      .filter((one) => readers.has(one))
      .map(({ message: { id, extended, j1939 } }) => ({ id, extended, group: j1939 })),
    read: readWith(readers, messages),
  };
};
